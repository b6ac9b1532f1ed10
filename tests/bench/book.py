"""One big address book, the same for every server: the same people, the same bytes."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from pathlib import Path

from sharedbook.app import App
from sharedbook.domain.model import ALL_RIGHTS
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants, members
from tests.bench.names import name
from tests.support.sites import as_console, new_site

SYLLABLES = ["ba", "ko", "ri", "ta", "mu", "ne", "lo", "shi", "va", "zu", "pe", "da", "gi", "fo", "ha"]
PHOTO_EVERY = 20
PHOTO_BYTES = 20_000
BATCH = 500


def people(count: int) -> Iterator[tuple[str, str]]:
    """(uid, vCard text) of ``count`` people: 600 to 1,400 bytes, one in twenty with a 20 KB photo."""
    chance = random.Random(7)
    for number in range(count):
        who = name(chance, number)
        company = "".join(chance.choices(SYLLABLES, k=3)).title()
        uid = f"{number:08x}-bench"
        lines = [
            "BEGIN:VCARD",
            "VERSION:3.0",
            "PRODID:-//bench//EN",
            f"UID:{uid}",
            f"FN:{who.full}",
            f"N:{who.family};{who.given};;;",
            f"EMAIL;TYPE=WORK:{who.mail}@{company.lower()}.example",
            f"EMAIL;TYPE=HOME:{''.join(chance.choices(SYLLABLES, k=4))}{number}@mail.example",
            f"TEL;TYPE=CELL:+82 10-{chance.randrange(1000, 9999)}-{number % 10000:04d}",
            f"TEL;TYPE=WORK:+82 2-{chance.randrange(100, 999)}-{chance.randrange(1000, 9999)}",
            f"ORG:{company};{chance.choice(SYLLABLES).title()}",
            f"TITLE:{chance.choice(SYLLABLES).title()} Manager",
            f"ADR;TYPE=WORK:;;{number} Street;{company}ville;;{number % 99999:05d};Korea",
            f"NOTE:{' '.join(chance.choices(SYLLABLES, k=chance.randrange(60, 260)))}",
        ]
        if number % PHOTO_EVERY == 0:
            photo = b"\xff\xd8\xff\xe0" + chance.randbytes(PHOTO_BYTES)
            lines.append("PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(photo).decode())
        yield uid, "\r\n".join([*lines, "REV:20260101T000000Z", "END:VCARD", ""])


def fill_ours(folder: Path, count: int) -> tuple[App, str]:
    """A site whose book ``bench`` holds the people; returns it with alice's app password."""
    app, secret = empty(folder, count)
    batch: list[str] = []
    for _, text in people(count):
        batch.append(text)
        if len(batch) == BATCH:
            _add(app, batch)
            batch.clear()
    if batch:
        _add(app, batch)
    return app, secret


def empty(folder: Path, count: int) -> tuple[App, str]:
    """A site whose book ``bench`` is empty, with room for so many contacts and some more, and alice's app password."""
    app = new_site(folder, limits_contacts=count + 10_000)
    with as_console(app) as tx:
        groups.add(tx, "Bench")
        members.add(tx, "alice")
        grants.grant(tx, "bench", "alice", ALL_RIGHTS)
        doors = frozenset({"carddav", "ldap"})
        secret = members.app_password_add(tx, "alice", "bench", doors=doors, write=True)
    return app, secret


def _add(app: App, batch: list[str]) -> None:
    with as_console(app) as tx:
        contacts.add_many(tx, groups.get(tx, "bench"), [vcard.parse(text) for text in batch])
