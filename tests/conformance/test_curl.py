"""Discovery with curl: from a host name to the cards, each step as the answer before it says."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET

import pytest

from tests.carddav.dav import CR, D
from tests.carddav.served import Book, vcard

pytestmark = pytest.mark.needs("curl")


def curl(book: Book, *arguments: str) -> bytes:
    """What curl prints; it fails on 4xx and 5xx."""
    login = f"{book.alice.login}:{book.alice.password}"
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "60", "--user", login, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, (done.stderr + done.stdout).decode()
    return done.stdout


def propfind(book: Book, url: str, *names: str, depth: int = 0) -> ET.Element:
    props = "".join(f'<{name.split("}")[1]} xmlns="{name[1:].split("}")[0]}"/>' for name in names)
    body = f'<propfind xmlns="DAV:"><prop>{props}</prop></propfind>'
    headers = ("--header", f"Depth: {depth}", "--header", "Content-Type: application/xml; charset=utf-8")
    return ET.fromstring(curl(book, "--location", "--request", "PROPFIND", *headers, "--data", body, url))


def test_from_a_host_name_to_a_card(book: Book) -> None:
    host = f"http://127.0.0.1:{book.site.port}"
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann Example"))
    answer = propfind(book, f"{host}/.well-known/carddav", f"{D}current-user-principal")
    principal = answer.findtext(f".//{D}current-user-principal/{D}href")
    assert principal == f"/{book.alice.login}/"
    answer = propfind(book, host + principal, f"{CR}addressbook-home-set")
    home = answer.findtext(f".//{CR}addressbook-home-set/{D}href")
    assert home == principal
    books = [
        response.findtext(f"{D}href")
        for response in propfind(book, host + home, f"{D}resourcetype", depth=1).findall(f"{D}response")
        if response.find(f".//{D}resourcetype/{CR}addressbook") is not None
    ]
    assert books == [book.of_alice()]
    answer = propfind(book, f"{host}{books[0]}", f"{D}getetag", depth=1)
    cards = [href for href in (each.findtext(f"{D}href") or "" for each in answer) if href.endswith(".vcf")]
    assert cards == [book.of_alice("ann.vcf")]
    assert curl(book, host + cards[0]).decode() == vcard("ann", "Ann Example")


def test_options_without_a_login(book: Book) -> None:
    command = ["curl", "--silent", "--include", "--request", "OPTIONS", f"http://127.0.0.1:{book.site.port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert "addressbook" in done.stdout and done.stdout.split()[1] == "200"
