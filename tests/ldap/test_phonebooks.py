"""The filters of the printed phone blocks, filled in as each vendor's phones do, find exactly the person."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape

import ldap3
import phonenumbers
import pytest
from ldap3.utils.conv import escape_filter_chars

from sharedbook.domain import folding
from sharedbook.formats.programs import phonebooks
from sharedbook.formats.vcards import fields, phones, vcard
from sharedbook.services.demo.people import Person, people
from sharedbook.services.members import members, onboarding
from tests.ldap.served import Site
from tests.support.sites import CLIENT, CONSOLE, as_console

NEEDLES = 50


@dataclass(frozen=True)
class Phone:
    """How a vendor's block is read: the templates of its filters, by what they search for, and how they are filled."""

    pattern: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    fill: Callable[[str, str], str]


def prefix(template: str, needle: str) -> str:
    return template.replace("%", f"{needle}*")


def as_written(template: str, needle: str) -> str:
    return template.replace("%", needle)


def cisco(template: str, needle: str) -> str:
    return template.partition(":")[2].replace("$VALUE", needle)


LINES, XML = r"(?m)^{}\s*[:=] ?(.*)$", "<{} [^>]*>([^<]*)<"
PHONES = {
    "yealink": Phone(LINES, ("ldap.name_filter",), ("ldap.number_filter",), prefix),
    "snom": Phone(XML, ("ldap_search_filter",), ("ldap_number_filter",), as_written),
    "grandstream": Phone(LINES, ("P8026",), ("P8025",), prefix),
    "cisco": Phone(
        XML, ("LDAP_Last_Name_Filter", "LDAP_First_Name_Filter"), ("LDAP_Item_3_Filter", "LDAP_Item_4_Filter"), cisco
    ),
    "fanvil": Phone(LINES, ("LDAP1 Name Filter",), ("LDAP1 Number Filter",), prefix),
    "generic": Phone(LINES, ("Name filter",), ("Number filter",), prefix),
}


@dataclass(frozen=True)
class Desk:
    """A desk phone for the customers: its directory, bound, and the people whom it sees there."""

    connection: ldap3.Connection
    directory: phonebooks.Directory
    people: tuple[Person, ...]

    def search(self, filter_: str) -> set[str]:
        self.connection.search(self.directory.base, filter_, attributes=["cn", *self.directory.numbers])
        assert self.connection.result["result"] == 0, (filter_, self.connection.result)
        return {entry.cn.value for entry in self.connection.entries}

    def found(self, vendor: str, keys: tuple[str, ...], needle: str) -> set[str]:
        """The names that all of these filters of a vendor's block find together."""
        phone, block = PHONES[vendor], phonebooks.block(vendor, self.directory)
        templates = [text for key in keys for text in re.findall(phone.pattern.format(re.escape(key)), block)]
        assert len(templates) == len(keys)
        escaped = escape_filter_chars(needle)
        return set().union(*(self.search(phone.fill(unescape(text), escaped)) for text in templates))


@pytest.fixture(scope="module")
def desk(site: Site) -> Iterator[Desk]:
    found = onboarding.access(site.app, CONSOLE, CLIENT, "bob", group="customers")
    with as_console(site.app) as tx:
        secret = members.app_password_add(tx, "bob", "Desk phone", doors=frozenset({"ldap"}), write=False)
    with site.connect(found.directory.bind_dn, secret) as connection:
        desk = Desk(connection, found.directory, ())
        seen = desk.search("(uid=*)")
        yield replace(desk, people=tuple(each for each in people() if "customers" in each.groups and each.name in seen))


@functools.cache
def numbers(person: Person) -> set[str]:
    """A person's numbers that the site shows: the digits of E.164."""
    typed = [each for each in fields.read(vcard.load(person.vcard)).phones if not each.types & {"home", "fax", "pager"}]
    return {phones.keys(each.value, "US").e164 for each in typed}


def dialled(number: str) -> tuple[str, ...]:
    """How phones send a number: international with and without its prefix, and as it is dialled at home."""
    parsed = phonenumbers.parse(f"+{number}")
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return (f"+{number}", number, f"00{number}", phones.digits(national))


@pytest.mark.parametrize("vendor", phonebooks.VENDORS)
def test_a_name_finds_the_person(desk: Desk, vendor: str) -> None:
    assert len(desk.people) >= NEEDLES
    for person in desk.people[:NEEDLES]:
        needle = folding.fold(person.name)
        namesakes = {each.name for each in desk.people if folding.fold(each.name).startswith(needle)}
        assert desk.found(vendor, PHONES[vendor].names, person.name) == namesakes, person.name
        family = desk.found(vendor, PHONES[vendor].names, person.family)
        assert person.name in family and len(family) < len(desk.people), person.family


@pytest.mark.parametrize("vendor", phonebooks.VENDORS)
def test_a_dialled_number_finds_the_person(desk: Desk, vendor: str) -> None:
    asked = 0
    for person in desk.people[:NEEDLES]:
        for number in numbers(person):
            same = {each.name for each in desk.people if number in numbers(each)}
            for form in dialled(number):
                assert desk.found(vendor, PHONES[vendor].numbers, form) == same, (person.name, form)
                asked += 1
    assert asked >= 4 * NEEDLES
