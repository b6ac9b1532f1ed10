"""What mail clients and phones export is imported, found, edited; PUT as it is, it gets its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from ldap3.utils.conv import escape_filter_chars

from tests.carddav.dav import CR
from tests.real_input import exports
from tests.real_input.exports import FILES, Card, digits
from tests.real_input.office import Member, Office
from tests.support.eventually import eventually

TITLE = re.compile(r"^TITLE[;:].*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)
NICKNAME = re.compile(r"^NICKNAME[;:].*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)
UID = re.compile(r"^UID[;:].*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)
PHONES = ("telephoneNumber", "mobile", "homePhone", "facsimileTelephoneNumber", "pager")


@dataclass(frozen=True)
class Imported:
    """A file, and the group into which it was imported."""

    path: Path
    cards: list[Card]
    member: Member
    group: str

    def found(self, filter_: str) -> list[str]:
        """Names of the contacts of the group that an LDAP filter finds."""
        return sorted(entry["cn"][0] for entry in self.member.search(filter_, self.group))

    def stored(self) -> dict[str, str]:
        """Text of each card by its path, as CardDAV serves it."""
        paths = self.member.etags(self.group)
        return {path: self.member.dav.get(path).body.decode() for path in paths}


def titles(cards: Iterable[Card]) -> list[str]:
    """What they are listed as, sorted."""
    return sorted(card.title for card in cards)


@pytest.fixture(scope="module", params=FILES)
def imported(request: pytest.FixtureRequest, office: Office, shared_data: Path) -> Imported:
    """One of the files, imported by the command line into a group of its own."""
    path = shared_data / "vcards" / request.param
    member = office.member()
    group, cards = member.new_group(), exports.read(path)
    report = office.json("import", path, "--group", group)
    assert {name: number for name, number in report["counts"].items() if number} == {"added": len(cards)}
    eventually(lambda: len(member.search("(objectClass=person)", group)), len(cards))
    return Imported(path, cards, member, group)


def test_no_file_is_forgotten(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "vcards").glob("*.vcf")} == set(FILES)


def test_the_same_file_again_adds_nothing(office: Office, imported: Imported) -> None:
    before = imported.member.etags(imported.group)
    report = office.json("import", imported.path, "--group", imported.group)
    assert {name: number for name, number in report["counts"].items() if number} == {
        "skipped_duplicate": len(imported.cards)
    }
    assert imported.member.etags(imported.group) == before


def test_nothing_of_a_card_is_lost(imported: Imported) -> None:
    stored = list(imported.stored().values())
    if imported.cards[0].version == "2.1":  # another version: each value is there, if in another form
        kept = {found.title: found.values() for found in map(exports.card, stored)}
        assert kept == {found.title: found.values() for found in imported.cards}
        assert all(found.version == "3.0" for found in map(exports.card, stored))
    else:  # every octet is there, but for a UID that was made
        [card] = imported.cards
        assert [UID.sub("", text) for text in stored] == [UID.sub("", card.text.removesuffix("\r\n")) + "\r\n"]
        assert all(UID.search(text) for text in stored)


def test_each_card_is_found_by_its_mail_addresses(imported: Imported) -> None:
    for address in {address.lower() for card in imported.cards for address in card.texts("EMAIL")}:
        wanted = titles(card for card in imported.cards if address in map(str.lower, card.texts("EMAIL")))
        assert imported.found(f"(mail={address.upper()})") == wanted
        assert imported.found(f"(mail=*{address[1:-1]}*)") == wanted


def test_each_card_is_found_by_its_name(imported: Imported) -> None:
    for card in imported.cards:
        assert imported.found(f"(cn={escape_filter_chars(card.title.upper())})") == [card.title]
        for part in filter(None, ";".join(card.texts("N")).split(";")[:2]):  # family and given name
            asked = escape_filter_chars(part)
            found = imported.found(f"(|(sn={asked})(givenName={asked}))")
            assert card.title in found
            assert set(found) <= {other.title for other in imported.cards if part.strip() in "".join(other.texts("N"))}


def test_each_card_is_found_by_its_phone_numbers_but_for_those_at_home(imported: Imported) -> None:
    for number in (found for card in imported.cards for found in card.all("TEL")):
        dialled = digits(number.text)
        wanted = titles(card for card in imported.cards if _rings(card, dialled))
        for written in (number.text.removeprefix("tel:").partition(";")[0], dialled):
            any_phone = "".join(f"({name}={escape_filter_chars(written)})" for name in PHONES)
            assert imported.found(f"(|{any_phone})") == wanted, (written, number.parameters)


def _rings(card: Card, dialled: str) -> bool:
    """Whether a card shows this number; without an area code (7 or 8 digits) it is any that ends with the last 7.

    Numbers at home are not shown as long as the site does not ask for them.
    """
    shown = [digits(found.text) for found in card.all("TEL") if "HOME" not in re.split('[;=,"]', found.parameters)]
    return dialled in shown or (len(dialled) in (7, 8) and any(number.endswith(dialled[-7:]) for number in shown))


def test_one_property_is_changed_and_the_rest_stays(imported: Imported) -> None:
    member, token = imported.member, imported.member.dav.sync(imported.member.book(imported.group)).token()
    etags = member.etags(imported.group)
    for number, (path, text) in enumerate(imported.stored().items()):
        title = f"TITLE:Keeper of Export {number}\r\n"
        edited = (
            TITLE.sub(title, text, count=1) if TITLE.search(text) else text.replace("END:VCARD", f"{title}END:VCARD")
        )
        assert TITLE.sub("", edited, count=1) == TITLE.sub("", text, count=1)
        reply = member.dav.put(path, edited, If_Match=etags[path])
        assert (reply.status, reply.text) == (204, "")
        served = member.dav.get(path)
        assert (served.body.decode(), served.headers["etag"]) == (edited, reply.headers["etag"])
        assert reply.headers["etag"] != etags[path]
        by_title = f"(title=Keeper of Export {number})"
        eventually(partial(imported.found, by_title), [exports.card(edited).title])
    assert set(member.dav.sync(member.book(imported.group), token).etags()) == set(etags)


def test_what_is_edited_on_the_command_line_stays_but_for_that_line(office: Office, imported: Imported) -> None:
    before = imported.stored()
    [uid, *_] = (exports.card(text).texts("UID")[0] for text in before.values())
    office.run("contact", "set", uid, "nickname=Set by hand")
    edited = {path: text for path, text in imported.stored().items() if text != before[path]}
    [(path, text)] = edited.items()
    assert "\r\nNICKNAME:Set by hand\r\n" in text
    assert NICKNAME.sub("", text) == NICKNAME.sub("", before[path])
    eventually(lambda: imported.found("(mozillaNickname=set by hand)"), [exports.card(text).title])


# ---- PUT as they are


def answer(text: str) -> tuple[int, list[str]]:
    """Status and precondition with which a file is answered, by what stands in it."""
    lines = text.splitlines()
    if "VERSION:2.1" in lines:
        return 403, [f"{CR}supported-address-data"]
    if lines.count("BEGIN:VCARD") > 1 or not any(re.match("UID[;:]", line) for line in lines):
        return 403, [f"{CR}valid-address-data"]
    return 201, []


def test_files_of_each_kind_are_there(shared_data: Path) -> None:
    texts = [(shared_data / "vcards" / name).read_bytes().decode() for name in FILES]
    answers = [answer(text) for text in texts]
    assert [len(exports.read(shared_data / "vcards" / name)) for name in FILES].count(6) == 1
    assert {status: sum(found[0] == status for found in answers) for status in (201, 403)} == {201: 1, 403: 8}
    assert answers.count((403, [f"{CR}supported-address-data"])) == 2


@pytest.fixture(scope="module")
def shelf(office: Office) -> tuple[Member, str]:
    """A member, and a group for what is PUT as it is."""
    member = office.member()
    return member, member.new_group()


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_put_as_it_is(shelf: tuple[Member, str], shared_data: Path, name: str) -> None:
    member, group = shelf
    path, data = member.book(group, name), (shared_data / "vcards" / name).read_bytes()
    reply = member.dav.put(path, data)
    status, conditions = answer(data.decode())
    assert reply.status == status, reply.text
    if status == 201:
        served = member.dav.get(path)
        assert (served.body, served.headers["etag"]) == (data, reply.headers["etag"])
        return
    assert reply.conditions == conditions
    assert "\n" not in reply.line
    assert re.search("UID|2.1|two cards", reply.line)
    assert member.dav.get(path).status == 404
    assert path not in member.etags(group)


def test_nothing_of_what_was_refused_is_in_the_directory(member: Member, shared_data: Path) -> None:
    group = member.new_group()
    for name in FILES:
        member.dav.put(member.book(group, name), (shared_data / "vcards" / name).read_bytes())
    eventually(lambda: [list(entry["mail"]) for entry in member.search("(cn=*)")], [["john.doe@ibm.com"]])


@pytest.mark.parametrize("name", FILES)
def test_with_a_uid_a_card_of_today_is_taken(shelf: tuple[Member, str], shared_data: Path, name: str) -> None:
    member, group = shelf
    for number, card in enumerate(exports.read(shared_data / "vcards" / name)):
        path = member.book(group, f"{name}-{number}")
        text = UID.sub("", card.text).replace("END:VCARD", f"UID:{name}-{number}\r\nEND:VCARD")
        reply = member.dav.put(path, text)
        if card.version == "2.1":
            assert (reply.status, reply.conditions) == (403, [f"{CR}supported-address-data"])
            continue
        assert reply.status == 201, reply.text
        served = member.dav.get(path)
        assert (served.body.decode(), served.headers["etag"]) == (text, reply.headers["etag"])
        assert list(member.dav.multiget(member.book(group), path).cards().values()) == [text]


def test_two_cards_of_today_in_one_put(shelf: tuple[Member, str], shared_data: Path) -> None:
    member, group = shelf
    text = (shared_data / "vcards" / "John_Doe_EVOLUTION.vcf").read_bytes().decode() + "\r\n"
    reply = member.dav.put(member.book(group, "two.vcf"), text * 2)
    assert (reply.status, reply.conditions) == (403, [f"{CR}valid-address-data"])
    assert member.dav.get(member.book(group, "two.vcf")).status == 404
