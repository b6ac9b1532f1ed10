"""What `onboard` prints: addresses that exist, a profile that Apple's parser takes, a QR code that a camera reads."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from sharedbook.formats.programs.phonebooks import VENDORS
from tests.cli.conftest import CommandLine
from tests.support.codes import read_blocks


@pytest.fixture
def named(staffed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A site with public names."""
    monkeypatch.setenv("SHAREDBOOK_PUBLIC_CARDDAV_URL", "https://contacts.example.com/dav")
    monkeypatch.setenv("SHAREDBOOK_PUBLIC_LDAP_URL", "ldaps://ldap.example.com")
    staffed("member", "set", "bob", "email=bob@mail.example")
    return staffed


def test_addresses(named: CommandLine) -> None:
    found = named.json("onboard", "bob")
    assert found["carddav"] == "https://contacts.example.com/dav/"
    assert found["principal"] == "https://contacts.example.com/dav/bob/"
    assert [(book["slug"], book["url"], book["rights"]) for book in found["books"]] == [
        ("customers", "https://contacts.example.com/dav/bob/customers/", ["view", "add", "edit"])
    ]
    assert found["ldap"]["url"] == "ldaps://ldap.example.com:636"
    assert found["ldap"]["bind_dn"] == "uid=bob,ou=members,ou=contacts,dc=example,dc=com"
    assert found["dns"] == [
        "_carddavs._tcp.mail.example. 3600 IN SRV 0 1 443 contacts.example.com.",
        '_carddavs._tcp.mail.example. 3600 IN TXT "path=/dav/"',
        "_ldaps._tcp.mail.example. 3600 IN SRV 0 1 636 ldap.example.com.",
    ]
    assert named.json("onboard", "carol")["domain"] == "example.com"


def test_without_public_names(staffed: CommandLine) -> None:
    found = staffed.json("onboard", "bob")
    assert (found["carddav"], found["ldap"]["security"]) == ("http://127.0.0.1:5232/", "starttls")
    assert found["dns"] == []
    assert "set public.carddav_url" in staffed("onboard", "bob").out


def test_a_section_for_each_program(named: CommandLine) -> None:
    sections = named("onboard", "bob").out.split("\n\n")
    heads = [section.splitlines()[0] for section in sections]
    assert heads[:2] == ["Login", "CardDAV"] and heads[-1].startswith("DNS records of mail.example")
    assert {"Thunderbird", "DAVx5 (Android)", "iPhone, iPad, Mac", "Evolution", "Outlook (classic)"} <= set(heads)
    assert "sharedbook member link" in sections[0] and "sharedbook member set bob merged-book=on" in "".join(sections)


def test_one_group(named: CommandLine) -> None:
    found = named.json("onboard", "bob", "--group", "customers")
    assert found["ldap"]["base"] == "ou=customers,ou=groups,ou=contacts,dc=example,dc=com"
    refused = named("onboard", "carol", "--group", "customers", code=4).err
    assert "carol may not view customers" in refused and "sharedbook grant list" in refused
    named("group", "add", "Partners")
    named("grant", "add", "partners", "bob", "view")

    def books(*more: str) -> list[str]:
        return [book["slug"] for book in named.json("onboard", "bob", *more)["books"]]

    assert (books(), books("--group", "Partners")) == (["customers", "partners"], ["partners"])
    named("member", "set", "bob", "merged-book=on")
    assert books("--group", "partners") == ["all"]


@pytest.mark.parametrize("host", ["example.com", "192.0.2.7"])
def test_a_server_whose_name_is_in_no_zone(staffed: CommandLine, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("SHAREDBOOK_PUBLIC_CARDDAV_URL", f"https://{host}/")
    assert staffed.json("onboard", "carol")["domain"] == host


def test_a_phone_asks_for_home_numbers_where_they_are_given(
    named: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("onboard", "bob", "--phone", "yealink")
    assert "homePhone" not in named(*asked).out
    monkeypatch.setenv("SHAREDBOOK_LDAP_ATTRIBUTES", "home-phone")
    assert "homePhone" in named(*asked).out


def test_who_may_ask(named: CommandLine) -> None:
    assert named.json("--as", "bob", "onboard", "bob")["login"] == "bob"
    named("--as", "bob", "onboard", "carol", code=5)
    named("onboard", "nobody", code=4)


@pytest.mark.parametrize("address", ["contacts.example.com", "ftp://contacts.example.com", "https://a:b@c/"])
def test_a_public_address_that_cannot_be(staffed: CommandLine, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SHAREDBOOK_PUBLIC_CARDDAV_URL", address)
    assert "public.carddav_url" in staffed("onboard", "bob", code=2).err


def test_the_profile(named: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "bob.mobileconfig"
    named("onboard", "bob", "--apple", target, "--app-password", "iPhone")
    profile = plistlib.loads(target.read_bytes())
    [account] = profile["PayloadContent"]
    assert (profile["PayloadType"], account["PayloadType"]) == ("Configuration", "com.apple.carddav.account")
    assert (account["CardDAVHostName"], account["CardDAVPort"]) == ("contacts.example.com", 443)
    assert (account["CardDAVUseSSL"], account["CardDAVPrincipalURL"]) == (True, "/dav/bob/")
    assert account["CardDAVUsername"] == "bob" and "CardDAVPassword" not in account
    assert len({profile["PayloadUUID"], account["PayloadUUID"]}) == 2
    before = target.read_bytes()
    named("onboard", "bob", "--apple", target)
    assert target.read_bytes() == before, "another identifier would be a second account on the device"
    named("onboard", "bob", "--apple", tmp_path / "no" / "folder", code=1)


def test_a_camera_reads_the_code(named: CommandLine) -> None:
    shown = named("onboard", "bob", "--qr").out
    code = read_blocks(shown)
    assert code == "davx5://bob@contacts.example.com/dav/"
    assert code == named.json("onboard", "bob")["davx5"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_app_password_of_a_phone_reads_the_directory_and_no_more(named: CommandLine, vendor: str) -> None:
    found = named.json("onboard", "bob", "--phone", vendor, "--app-password", "Desk phone")
    assert found["password"] in found["phone"]
    [made] = named.json("member", "app-password", "list", "bob")
    assert (made["label"], made["doors"], made["write"]) == ("Desk phone", ["ldap"], False)
    assert found["password"] not in named("onboard", "bob", "--phone", vendor).out
    named("onboard", "bob", "--phone", vendor, "--app-password", "Desk phone", code=5)


def test_a_phone_that_cannot_start_tls_is_told(staffed: CommandLine) -> None:
    assert "ldaps://" in staffed("onboard", "bob", "--phone", "snom").err
    assert staffed("onboard", "bob", "--phone", "yealink").err == ""
