"""What clients ask is answered as slapd answers it with the same entries, but for the differences in docs/ldap.md.

In `make test` some recorded filters and needles in random order, in `make soak` all of them.
"""

from __future__ import annotations

import random
import re
import socket
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ldap_gateway import messages as m
from ldap_gateway import wire
from ldap_gateway.entries import select
from sharedbook.services.demo.people import people
from sharedbook.services.feed import FeedContact
from tests.bench import slapd
from tests.ldap import world as w
from tests.ldap.looked import enveloped
from tests.ldap.shapes import fill, shapes, typed
from tests.ldap.wiring import Answer, answers, octets, parse_filter, search
from tests.ldap.world import World, contact, key_of, world
from tests.support.left_out import ROOT

pytestmark = pytest.mark.needs("slapd")

NEEDLES = 1000
SEARCHES = 1500
READER = "alice"
SPACED = contact(999, "N:홍;길동;;;", name="길동 홍")
NUMBERS = re.compile("telephonenumber|mobile|homephone|pager|isdn", re.IGNORECASE)
FOLDED_IN_FULL = re.compile("[ıİIiςσΣßẞsS]")
"""Letters that full case folding, or the two Turkish i, make equal to others."""


def place(*, accents: bool = True) -> World:
    """The demo's people, all to be seen, and one whose Korean name is written with a space."""
    made = world([SPACED], accents=accents)
    for number, each in enumerate(people(), 1):
        made.put(FeedContact(number, key_of(number), 1, w.MODIFIED, each.vcard, w.EVERYBODY, (w.OPEN,)))
    return made


class Both:
    """Our directory, and a connection to slapd with the same entries."""

    def __init__(self, ours: World, connection: socket.socket) -> None:
        self.ours, self._connection, self._last = ours, connection, 0
        self._ids = {key_of(number): number for number in ours.contacts}
        self.text = {number: each.vcard for number, each in ours.contacts.items()}

    def ask(self, operation: m.Operation) -> list[Answer]:
        """Slapd's whole answer."""
        self._last += 1
        self._connection.sendall(octets(m.Message(self._last, operation)))
        data = b""
        while True:
            data += self._connection.recv(1 << 20)
            try:
                found = answers(data)
            except ValueError:
                continue  # the last message is not whole yet
            if found and found[-1].tag != wire.ENTRY:
                return found

    def found(self, written: str, ours: World | None = None) -> tuple[set[int], set[int]]:
        """The contacts that a filter finds here, and those that it finds in slapd."""
        ours = ours or self.ours
        asked = m.Search(w.BASE.encode(), m.Scope.SUBTREE, 0, 0, False, parse_filter(written), ("1.1",))
        rows = ours.directory.search(ours.reader(READER), asked)
        *entries, done = self.ask(asked)
        assert done.code == 0, written
        names = (re.match(r"uid=(\w+),ou=contacts", each.dn) for each in entries)
        return {row.contact for row in rows if row.contact}, {self._ids[each[1]] for each in names if each}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder: Path = tmp_path_factory.mktemp("slapd")
    ours = place()
    directory, reader = ours.directory, ours.reader(READER)
    rows = directory.search(reader, search("(uid=*)"))
    selection = select(("*",), directory.names, types_only=False)
    entries = [answers(enveloped(each))[0] for each in directory.encode(reader, rows, selection).entries]
    assert len(entries) == len(ours.contacts)
    slapd.write_ldif(folder / "entries.ldif", w.BASE, READER, "secret", entries)
    server, port = slapd.serve(folder / "slapd", w.BASE, folder / "entries.ldif", slapd.TUNED)
    with server, closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        asked = Both(ours, connection)
        (bound,) = asked.ask(m.Bind(3, f"uid={READER},ou=members,{w.BASE}".encode(), None, b"secret"))
        assert bound.code == 0
        yield asked


def reason(template: str, needle: str, card: str) -> str:
    """Why one contact may be found by only one of the two; "" if it may not."""
    if "anr=" in template:
        return "anr"
    if needle != needle.strip():
        return "spaces"
    if NUMBERS.search(template) and re.search(r"[\d+]", needle):
        return "numbers"
    if FOLDED_IN_FULL.search(needle) and re.search("[ıİςßẞ]", unicodedata.normalize("NFC", needle + card)):
        return "folding"
    return "names" if card == SPACED.vcard else ""


@pytest.mark.soak
def test_the_recorded_filters_are_answered_as_slapd_answers_them(
    both: Both, shared_data: Path, seed: int, soak: bool
) -> None:
    asked = [(template, needle) for template in shapes(shared_data) for needle in typed(NEEDLES)]
    random.Random(seed).shuffle(asked)
    count, different = len(asked) if soak else SEARCHES, Counter[str]()
    for template, needle in asked[:count]:
        written = fill(template, needle)
        here, there = both.found(written)
        reasons = {reason(template, needle, both.text[each]) for each in here ^ there}
        assert "" not in reasons, (
            f"seed {seed}: {written}: {sorted(here - there)} here, {sorted(there - here)} in slapd"
        )
        different.update(reasons)
    print(f"seed {seed}: {count} of {len(asked)} searches, different for a listed reason: {dict(different)}")


def test_each_listed_difference_is_one(both: Both) -> None:
    page = (ROOT / "docs/ldap.md").read_text().partition("## Differences from OpenLDAP")[2]
    examples = re.findall(r"^\| (.+) \| `(\(.+\))` \|", page, re.MULTILINE)
    assert len(examples) >= 6
    blind = place(accents=False)
    for difference, written in examples:
        by_setting = "ldap.accents" in difference
        here, there = both.found(written, blind if by_setting else None)
        assert here != there, f"{written} is answered alike"
        if by_setting:
            here, there = both.found(written)
            assert here == there, f"{written}: marks count as they do in slapd, as long as nothing is set"
