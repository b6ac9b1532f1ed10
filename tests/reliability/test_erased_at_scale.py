"""Erase 200 of 5,000 contacts that were imported, edited, moved, deleted, merged by jobs, exported: nothing is left.

The scan of SQLite is the test's own: every 6-byte piece of every value, as UTF-8, UTF-16 and base64, over every byte of
every file. What a row that is still in the database holds explains a piece; nothing else. The erased are written with
letters that nobody else has, so that two living values side by side make no such piece. Numbers and UIDs have digits
that all have: of them pieces of 12 bytes are looked for. Mail addresses have none, as a UID's digits and a row's octets
may look like them. PostgreSQL's data folder, most of it its own, is scanned by our scanner. Under `make soak` 200 of
50,000, and an older backup is restored: it is erased again.
"""

from __future__ import annotations

import base64
import io
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy
import pytest
from numpy.typing import NDArray
from sqlalchemy import inspect, text

from sharedbook import app
from sharedbook.app import App
from sharedbook.formats.vcards import vcard
from sharedbook.services.audit import audit_log
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure, residue
from sharedbook.services.imports import transfer
from sharedbook.services.jobs import bulk
from sharedbook.services.jobs.actions import Action, Copy, Delete, Merge, Move, Tag
from sharedbook.services.merging import duplicates
from sharedbook.services.upkeep import backup
from tests.support.postgres import Cluster
from tests.support.sites import CLIENT, CONSOLE, as_console, new_site

SEED = 20
VICTIMS = 200
CHUNK = 1 << 20
OTHERS = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "lo",
    "mu",
    "na",
    "pe",
    "ro",
    "su",
    "ta",
    "김",
    "민",
    "지",
    "王",
    "Ö",
    "é",
]
ERASED = ["jy", "kqu", "vex", "wiz", "xo", "zy", "jov", "홍", "길", "동", "明", "Ü", "ß"]
NUMBER = re.compile(r"[0-9a-f+ -]*(\.vcf)?")


def word(source: random.Random, syllables: Sequence[str], count: int) -> str:
    return "".join(source.choices(syllables, k=count)).capitalize()


def person(source: random.Random, number: int, syllables: Sequence[str]) -> list[str]:
    """Given name, family name, mail, mobile, company, note of one person; no two have the same mail."""
    given, family, digits = word(source, syllables, 3), word(source, syllables, 4), f"{source.randrange(10**8):08}"
    latin = [each for each in syllables if each.isascii()]
    mark = "".join(latin[int(digit)] for digit in numpy.base_repr(number, 7))
    mail = f"{word(source, latin, 6).lower()}.{mark}@{word(source, latin, 4).lower()}.example"
    company, note = f"{word(source, syllables, 5)} GmbH", word(source, syllables, 12)
    return [given, family, mail, f"+82 10 {digits[:4]} {digits[4:]}", company, note]


HEADER = "First Name,Last Name,E-mail,Mobile Phone,Company,Notes"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with the one setting that an erasure asks for."""
    own = Cluster(wal_recycle="off")
    yield own
    own.stop()


def made(folder: Path, url: str) -> Iterator[App]:
    site = new_site(folder, url, default_region="KR", limits_contacts=60_000)
    with as_console(site) as tx:
        groups.add(tx, "People")
        groups.add(tx, "Partners")
    yield site
    site.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    yield from made(tmp_path / "site", "")


@pytest.fixture
def postgres(tmp_path: Path, cluster: Cluster) -> Iterator[App]:
    with cluster.database() as url:
        yield from made(tmp_path / "site", url)


def fill(site: App, count: int, tmp_path: Path) -> tuple[list[int], list[str]]:
    """Imports, edits, and by jobs copies, moves, deletes, merges; exports; returns the victims' ids and every value."""
    source = random.Random(SEED)
    ids = sorted(source.sample(range(1, count + 1), VICTIMS))
    people = [person(source, number, ERASED if number in ids else OTHERS) for number in range(1, count + 1)]
    lines = [HEADER, *(",".join(each) for each in people)]
    report = transfer.import_file(site, CONSOLE, CLIENT, io.BytesIO("\n".join(lines).encode()), group="people")
    assert report.counts["added"] == count
    values = [value for each in ids for value in people[each - 1]]
    again = [f"{people[each - 1][2]},{'x' * 200},not a day" for each in ids[:50]]
    refused = "\n".join(["E-mail,First Name,Birthday", *again])
    transfer.import_file(site, CONSOLE, CLIENT, io.BytesIO(refused.encode()), group="people")
    with as_console(site) as tx:
        for each in contacts.get_many(tx, ids):
            values.append(edited := word(source, ERASED, 9))
            card = vcard.parse(each.vcard.replace("END:VCARD", f"TITLE:{edited}\r\nEND:VCARD"), tx.site.limits)
            contacts.replace(tx, each.id, card)
        duplicates.mark_distinct(tx, ids[160:163])
        people_id, partners_id = (groups.get(tx, slug).id for slug in ("people", "partners"))
    jobs: list[tuple[Action, list[int]]] = [
        (Copy(partners_id), ids[:60]),
        (Move(people_id, partners_id), ids[60:120]),
        (Tag((tag := word(source, ERASED, 7),), ()), ids[100:120]),
        (Delete(), ids[120:160]),
        *((Merge(((kept, other),)), [kept, other]) for kept, other in zip(ids[160:180], ids[180:], strict=True)),
    ]
    values.append(tag)
    for action, some in jobs:
        bulk.run(site, CONSOLE, CLIENT, new_job(site, action, some))
    bulk.plan(site, CONSOLE, CLIENT, Tag((tag,), ()), ids[:30])
    undone = new_job(site, Copy(partners_id), ids[165:170])
    bulk.run(site, CONSOLE, CLIENT, undone)
    with as_console(site) as tx:
        back = bulk.undo_of(tx, undone)
    bulk.run(site, CONSOLE, CLIENT, new_job(site, *back))
    assert transfer.export(site, CONSOLE, CLIENT, tmp_path / "export.csv") == count - 60
    with site.site.database.begin(write=False) as connection:
        named = ",".join(map(str, ids))
        rows = connection.execute(
            text(f"SELECT href, uid FROM memberships WHERE contact_id IN ({named}) OR was_contact_id IN ({named})")
        )
        values += [value for row in rows for value in row]
    return ids, values


def new_job(site: App, action: Action, ids: Sequence[int]) -> int:
    with as_console(site) as tx:
        return bulk.add(tx, action, ids).id


def pieces(values: Iterable[str]) -> set[bytes]:
    """Every piece to look for, in each form."""
    found: set[bytes] = set()
    for value in values:
        data, size = value.encode(), 12 if NUMBER.fullmatch(value) else 6
        found |= {data[at : at + size] for at in range(len(data) - size + 1)}
        found |= {base64.b64encode(data[at : at + size]) for at in range(len(data) - size + 1)}
        for encoding in ("utf-16-le", "utf-16-be"):
            found |= {value[at : at + size].encode(encoding) for at in range(len(value) - size + 1)}
    return found


def held(data: Iterable[bytes], wanted: set[bytes]) -> set[bytes]:
    """The pieces that are in the data."""
    found: set[bytes] = set()
    lengths = sorted({len(piece) for piece in wanted}) or [1]
    begins = numpy.zeros(1 << 24, bool)
    begins[_begins(b"".join(piece[:6] for piece in wanted))[::6]] = True
    tail = b""
    for block in data:
        whole = tail + block
        for at in numpy.flatnonzero(begins[_begins(whole)]).tolist():
            found |= wanted.intersection([whole[at : at + length] for length in lengths])
        tail = whole[-lengths[-1] + 1 :]
    return found


def _begins(data: bytes) -> NDArray[numpy.uint64]:
    """The six bytes from each position on, as a number of 24 bits that few others have."""
    padded = numpy.frombuffer(data + bytes(2), numpy.uint8)
    places = max(0, len(data) - 5)
    words = numpy.ndarray((places,), "<u8", padded, 0, (1,)) << numpy.uint64(16)
    mixed: NDArray[numpy.uint64] = (words * numpy.uint64(0x9E3779B97F4A7C15)) >> numpy.uint64(40)
    return mixed


def bytes_of(paths: Iterable[Path]) -> Iterator[bytes]:
    for folder in paths:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                while block := file.read(CHUNK):
                    yield block
            yield b"\n\n\n\n\n\n\n\n\n\n\n\n"


def living(site: App) -> Iterator[bytes]:
    """Every text of every row of every table; as they are stored, side by side."""
    with site.site.database.begin(write=False) as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                yield "\n".join(value for value in row if isinstance(value, str)).encode() + b"\n"


def mails_in(folder: Path, values: list[str]) -> int:
    """How many of the mail addresses stand in a file of a folder."""
    return len(held(bytes_of([folder]), {value.encode() for value in values if "@" in value}))


def test_the_scan_finds_every_form_of_a_value() -> None:
    wanted = pieces(["Jovkquxo", "+82 10 1234 5678"])
    for value in ("Jovkquxo", "+82 10 1234 5678"):
        for form in (value.encode(), value.encode("utf-16-be"), base64.b64encode(value.encode())):
            data = b"some octets before" + form + b"and others"
            assert held([data], wanted) == {piece for piece in wanted if piece in data} != set()
            assert all(held([data[:cut], data[cut:]], wanted) == held([data], wanted) for cut in range(len(data)))
    assert held([b"Jovkq +82 10 1234 567", b""], wanted) - held([b"82 10 1234 567"], wanted) == {b"+82 10 1234 "}
    assert held([b""], wanted) == held([b"Jovkquxo"], set()) == set()


@pytest.mark.soak
def test_nothing_of_200_contacts_is_left(site: App, soak: bool, tmp_path: Path) -> None:
    ids, values = fill(site, 50_000 if soak else 5_000, tmp_path)
    folder = site.settings.data_dir
    assert mails_in(folder, values) == VICTIMS, "the scan finds what is there"
    if soak:
        backup.save(site.site, CONSOLE, CLIENT, tmp_path / "backup")
    report = erasure.erase(site.site, CONSOLE, CLIENT, ids[:180])
    assert (report.clean, report.residue, sorted(report.contacts)) == (True, {}, ids), "what was merged goes along"
    assert report.job_rows == 50
    with as_console(site, write=False) as tx:
        assert trash.list_trash(tx) == []
        assert audit_log.verify(tx).broken is None
    nothing_left(site, values)
    if soak:
        site.close()
        again = backup.restore(site.settings, CONSOLE, CLIENT, tmp_path / "backup", replace_present=True)
        assert again.erased_again == VICTIMS
        restored = app.open(site.settings)
        nothing_left(restored, values)
        restored.close()


def nothing_left(site: App, values: list[str]) -> None:
    """Scans every byte of every file of a site."""
    site.site.database.close()
    left = held(bytes_of([site.settings.data_dir]), pieces(values))
    assert left - held(living(site), left) == set()


@pytest.mark.soak
@pytest.mark.needs("postgres")
def test_nothing_is_left_in_the_data_folder_of_postgresql(
    postgres: App, cluster: Cluster, soak: bool, tmp_path: Path
) -> None:
    ids, values = fill(postgres, 50_000 if soak else 1_500, tmp_path)
    words = residue.pieces_of(value for value in values if not NUMBER.fullmatch(value))
    assert mails_in(cluster.data, values) == VICTIMS, "the scan finds what is there"
    report = erasure.erase(postgres.site, CONSOLE, CLIENT, ids)
    assert (report.clean, report.residue, report.job_rows) == (True, {}, 50)
    assert report.certificate and not any("not done" in step for step in report.certificate["method"])
    assert mails_in(cluster.data, values) == 0
    files = [path for path in cluster.data.rglob("*") if path.is_file()]
    assert residue.scan(files, words, lambda: living(postgres)) == []


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def test_an_open_reader_holds_it_up_and_resume_ends_it(
    impatient: None, kind: str, request: pytest.FixtureRequest
) -> None:
    site: App = request.getfixturevalue("site" if kind == "sqlite" else "postgres")
    source = random.Random(SEED)
    values = person(source, 1, ERASED)
    lines = "\n".join([HEADER, ",".join(values), ",".join(person(source, 2, OTHERS))])
    transfer.import_file(site, CONSOLE, CLIENT, io.BytesIO(lines.encode()), group="people")
    with as_console(site, write=False) as reader:
        assert values[0] in contacts.get(reader, 1).name
        report = erasure.erase(site.site, CONSOLE, CLIENT, [1])
        assert (report.clean, report.certificate) == (False, None)
        (sealed,) = site.settings.data_dir.glob("*.pending")
        assert not held([sealed.read_bytes()], pieces(values)), "what is to be looked for is not readable"
    (certificate,) = erasure.resume(site.site)
    assert certificate["scan"]["found"] == {}
    assert not list(site.settings.data_dir.glob("*.pending"))
    assert erasure.resume(site.site) == []
    nothing_left(site, values)
