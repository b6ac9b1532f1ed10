"""What the tests of imports and exports share: running one, made-up people, a small card."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sharedbook.app import App
from sharedbook.domain.model import Contact
from sharedbook.services.contacts import search
from sharedbook.services.imports import transfer
from sharedbook.services.imports.transfer import JobReport
from tests.support.sites import CLIENT, CONSOLE, as_console

NAMES = [
    ("홍", "길동"), ("김", "민지"), ("王", "小明"), ("李", "娜"), ("田中", "太郎"), ("佐藤", "花子"),
    ("Müller", "Jörg"), ("Weiß", "Käthe"), ("Παπαδόπουλος", "Γιώργος"), ("Καραμανλή", "Ελένη"),
    ("Öztürk", "Şükrü"), ("Çelik", "İpek"),
]  # fmt: skip
HEADER = ("first_name", "last_name", "email", "phone", "birthday", "note")
CARD = "\r\n".join([
    "BEGIN:VCARD", "VERSION:3.0", "UID:U-1", "FN:Minji Kim", "N:Kim;Minji;;;", "X-KEPT;X-P=1:as it is",
    "EMAIL;TYPE=WORK:kim@example.com", "TEL;TYPE=CELL:1", "TITLE:", "END:VCARD", "",
])  # fmt: skip


def run(app: App, data: bytes | str | Path, group: str | None = "people", **options: Any) -> JobReport:
    """Imports text, bytes or a file as the console."""
    source = data if isinstance(data, Path) else io.BytesIO(data if isinstance(data, bytes) else data.encode())
    return transfer.import_file(app, CONSOLE, CLIENT, source, group=group, **options)


def counts(report: JobReport) -> dict[str, int]:
    """The results that any row has."""
    return {result: count for result, count in report.counts.items() if count}


def all_of(app: App, group: str = "people") -> list[Contact]:
    """The contacts of a group, by name."""
    with as_console(app, write=False) as tx:
        return search.find(tx, search.Search(group=group))


def etags(app: App, group: str = "people") -> dict[int, tuple[str, int]]:
    return {contact.id: (contact.etag, contact.version) for contact in all_of(app, group)}


def lines_of(contact: Contact) -> list[str]:
    return contact.vcard.split("\r\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def people(count: int) -> list[tuple[str, str, str, str]]:
    return [
        (given, family, f"person{number}@example.com", f"+82 10-{number:04}-{number:04}")
        for number, (family, given) in enumerate(itertools.islice(itertools.cycle(NAMES), count), 1)
    ]
