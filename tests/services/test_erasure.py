"""Gone means gone: an erased contact leaves no 6-byte piece of itself in any file, unless a living record holds it.

The scan here is the test's own: every window of every value, in UTF-8, UTF-16 and base64, over every byte of the site.
"""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.domain.errors import Conflict, ContactNotFound, Forbidden, InvalidFile, InvalidToken
from sharedbook.domain.model import Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import cards, groups, refetch, sync
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.erasing import erasure, sealed
from sharedbook.services.imports import transfer
from sharedbook.services.jobs import jobs
from sharedbook.services.keys import attest
from sharedbook.services.keys import certificate as tls_certificate
from sharedbook.services.members import grants, members
from sharedbook.services.tx import MemberActor, Site
from sharedbook.services.upkeep import housekeeping
from sharedbook.settings import Settings
from sharedbook.store import erasures
from sharedbook.store.schema import contacts as contact_rows
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, new_site

ALL = Right.VIEW | Right.ADD | Right.EDIT | Right.DELETE
PHOTO = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + b"unique pixels of Zoltan").decode()
VICTIM = [
    "EMAIL;TYPE=WORK:zoltan.quixote@wyvern.example",
    "TEL;TYPE=CELL:+36 30 918 2736",
    "ORG:Wyvern Kft;Mézeskalács",
    "NOTE:Kfz-Zulassung QX-77\\, 홍길동 sends regards",
    f"PHOTO;ENCODING=b;TYPE=PNG:{PHOTO}",
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    made = new_site(tmp_path / "site")
    with as_console(made) as tx:
        members.add(tx, "alice")
        groups.add(tx, "Clients")
        groups.add(tx, "Partners")
        grants.grant(tx, "clients", "alice", ALL)
        grants.grant(tx, "partners", "alice", ALL)
    yield made
    made.close()


def put(site: App, href: str, text: str) -> int:
    with as_member(site, "alice", write=True) as tx:
        return cards.put(tx, groups.book(tx, "clients"), href, text).card.contact_id


def pieces(values: list[str]) -> dict[bytes, str]:
    """Every piece that must be gone, and the value it is of."""
    found: dict[bytes, str] = {}
    for value in values:
        data = value.encode()
        found |= {data[at : at + 6]: value for at in range(len(data) - 5)}
        found |= {data[at : at + 6].decode("latin-1").encode("utf-16-le"): value for at in range(len(data) - 5)}
        for at in range(len(data) - 5):
            found[base64.b64encode(data[at : at + 6])] = value
    return found


def left_in(folder: Path, values: list[str], living: list[str]) -> dict[str, str]:
    """Pieces still in a file, with the value they are of, when no living text holds them."""
    alive = "\n".join(living).encode()
    wanted = {piece: value for piece, value in pieces(values).items() if piece not in alive}
    hits: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for length in {len(piece) for piece in wanted}:
            windows = {data[at : at + length] for at in range(len(data) - length + 1)}
            hits |= {f"{path.name}: {piece!r}": wanted[piece] for piece in windows & wanted.keys()}
    return hits


def test_no_piece_of_an_erased_contact_is_left(site: App) -> None:
    living = card("living-uid", "Lajos Living", "EMAIL:lajos@wyvern.example", "NOTE:sends regards")
    put(site, "living.vcf", living)
    uid, href = "zoltan-quixote-uid-0042", "zoltan-quixote.vcf"
    first = card(uid, "Zoltán Quixote", *VICTIM)
    key = put(site, href, first)
    put(site, href, first.replace("QX-77", "QX-78 formerly"))
    with as_console(site) as tx:
        contacts.copy(tx, [key], groups.get(tx, "partners"))
        contacts.move(tx, [key], groups.get(tx, "clients"), groups.get(tx, "contacts"))
        contacts.delete(tx, [key])
    values = [line.partition(":")[2] for line in first.splitlines()[2:-1]]
    values += ["QX-78 formerly", uid, href, "Zoltán", "Quixote", "unique pixels of Zoltan"]
    folder = site.settings.data_dir
    known = [living, "alice clients partners contacts Clients Partners Contacts VCARD PHOTO ENCODING"]
    known += [" sends regards "]  # the index of a living card holds its values between spaces
    schema = "".join(path.read_text() for path in (Path(erasure.__file__).parents[3] / "store/schema").glob("*.py"))
    assert left_in(folder, values, [*known, schema]), "the scan finds what is there"
    shutil.copy(folder / "sharedbook.sqlite", folder / "scan.sqlite")  # a scan that was killed leaves its copy
    report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
    assert (report.clean, report.residue, report.contacts) == (True, {}, [key])
    assert left_in(folder, values, [*known, schema]) == {}
    assert not (folder / "scan.sqlite").exists()
    assert report.certificate and "PostgreSQL" not in str(report.certificate["out_of_reach"])
    with as_console(site) as tx, pytest.raises(ContactNotFound):
        contacts.get(tx, key)


def test_refused_rows_that_name_him_as_he_was_are_gone(site: App) -> None:
    """By a former address, a former number, his name in two columns; and the path of the file that they came from."""
    key = put(site, "z.vcf", card("uid-z", "Zoltan Quixote", *VICTIM))
    put(site, "z.vcf", card("uid-z", "Zoltan Quixote-Nagy", "EMAIL:zq@wyvern.example", "TEL:+36 1 555 1234"))
    rows = [
        "First Name,Last Name,E-mail,Mobile Phone,Birthday",
        ",,Zoltan.Quixote@wyvern.example,,notaday",
        ",,,(06-30) 918-2736,notaday",
        "Zoltan,Quixote,,,notaday",
        "Lajos,Quixote,lajos@wyvern.example,06 30 918 2737,notaday",
    ]
    file = site.settings.data_dir.parent / "former clients.csv"
    file.write_text("\n".join(rows))
    job = transfer.import_file(site, CONSOLE, CLIENT, file, group="clients").job_id
    assert job and erasure.erase(site.site, CONSOLE, CLIENT, [key]).job_rows == 3
    with as_console(site, write=False) as tx:
        assert [row.cells[0] for row in jobs.rows(tx, job)] == ["Lajos"]
        assert jobs.get(tx, job).texts is None
    assert left_in(site.settings.data_dir, ["918 2736", "Zoltan.Quixote"], rows[4:]) == {}


def test_who_was_told_of_the_deletion_keeps_his_token(site: App) -> None:
    """A card out of the trash is nobody's copy any more but of those who have not asked since."""
    key = put(site, "a.vcf", card("uid-a", "Anna Andante"))

    def token() -> str:
        with as_member(site, "alice") as tx:
            return sync.state(tx, groups.book(tx, "clients")).token

    before = token()
    with as_console(site) as tx:
        contacts.delete(tx, [key])
    told = token()
    erasure.erase(site.site, CONSOLE, CLIENT, [key])
    with as_member(site, "alice") as tx:
        book = groups.book(tx, "clients")
        found = sync.changes(tx, book, told)
        assert (found.changed, found.removed) == ([], [])
        with pytest.raises(InvalidToken):
            sync.changes(tx, book, before)


def test_an_erasure_forgets_what_was_to_be_fetched_again(site: App) -> None:
    """A refused write put the deleted card back on the telephone, and only a new fetch takes it away now."""
    key = put(site, "a.vcf", card("uid-a", "Anna Andante"))
    with as_console(site) as tx:
        contacts.delete(tx, [key])
    with as_member(site, "alice") as tx:
        viewer, told = tx.viewer, sync.state(tx, groups.book(tx, "clients")).token
    refetch.ask(site, viewer, CLIENT, [("clients", "a.vcf")])
    erasure.erase(site.site, CONSOLE, CLIENT, [key])
    with as_member(site, "alice") as tx, pytest.raises(InvalidToken):
        sync.changes(tx, groups.book(tx, "clients"), told)


def test_an_open_reader_is_reported_and_resume_ends_it(impatient: None, site: App) -> None:
    key = put(site, "a.vcf", card("uid-a", "Anna Andante", *VICTIM))
    with as_member(site, "alice") as reader:
        assert len(cards.listing(reader, groups.book(reader, "clients"))) == 1
        report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
        assert not report.clean
    with as_console(site, write=False) as tx:
        assert erasure.pending(tx)
    (certificate,) = erasure.resume(site.site)
    assert certificate["scan"]["found"] == {} and certificate["removed"]["contacts"][0]["id"] == key
    assert not list(site.settings.data_dir.glob("*.pending"))
    with as_console(site, write=False) as tx:
        assert not erasure.pending(tx)
    assert left_in(site.settings.data_dir, ["zoltan.quixote@wyvern.example"], []) == {}


def test_only_postmasters_erase_and_all_or_nothing(site: App) -> None:
    key = put(site, "a.vcf", card("uid-a", "Anna"))
    with pytest.raises(Forbidden):
        erasure.erase(site.site, MemberActor("alice"), CLIENT, [key])
    with pytest.raises(ContactNotFound):
        erasure.erase(site.site, CONSOLE, CLIENT, [key, 999])
    with as_console(site) as tx:
        assert contacts.get(tx, key).name == "Anna"


def test_housekeeping_ends_what_is_pending_also_when_the_values_are_lost(site: App) -> None:
    with as_console(site) as tx:
        erasures.add(tx.db, tx.now, "root", 1)
        assert erasure.pending(tx)
    assert erasure.unlisted(site.site, erasure.ledger_path(site.site)) == {}
    assert housekeeping.run(site.site).erasures == 1
    with as_console(site, write=False) as tx:
        assert not erasure.pending(tx)
        (listed,) = erasure.list_erasures(tx)
        document = erasure.verify(tx, (listed.certificate or "").encode(), "certificate")
    assert document["scan"] is None, "it does not claim what nobody has looked for"


def test_two_that_end_the_same_erasure_leave_the_certificate_with_the_scan(
    impatient: None, site: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one saw it pending, but came to its file when the first one was through."""
    key = put(site, "a.vcf", card("uid-a", "Anna Andante"))
    with as_member(site, "alice") as reader:
        cards.listing(reader, groups.book(reader, "clients"))
        assert not erasure.erase(site.site, CONSOLE, CLIENT, [key]).clean
    read = sealed.read

    def late(of: Site, erasure_id: int) -> dict[str, Any] | None:
        monkeypatch.setattr(sealed, "read", read)
        assert erasure.resume(of)[0]["scan"]
        return read(of, erasure_id)

    monkeypatch.setattr(sealed, "read", late)
    erasure.resume(site.site)
    with as_console(site, write=False) as tx:
        (listed,) = erasure.list_erasures(tx)
        assert erasure.verify(tx, (listed.certificate or "").encode(), "it")["scan"]


def test_what_was_kept_to_be_looked_for_is_overwritten(site: App, tmp_path: Path) -> None:
    """A disk keeps the blocks of a removed file. The number of an erasure that was rolled back is used again."""
    sealed.write(site.site, 7, {})
    sealed.write(site.site, 7, known := {"values": ["Anna Andante"]})
    assert sealed.read(site.site, 7) == known
    [path] = site.settings.data_dir.glob("*.pending")
    blocks = tmp_path / "blocks"
    blocks.hardlink_to(path)
    size = path.stat().st_size
    sealed.destroy(site.site, 7)
    assert not path.exists() and blocks.read_bytes() == bytes(size)


@pytest.mark.parametrize(("keep", "lay", "gone"), [(90, 91, 1), (90, 89, 0), (0, 4000, 0)])
def test_the_trash_is_erased_after_its_days(tmp_path: Path, keep: int, lay: int, gone: int) -> None:
    site = new_site(tmp_path / "site", trash_days=keep)
    with as_console(site) as tx:
        found = contacts.add(tx, groups.default(tx), vcard.parse(card("uid-a", "Anna Andante", *VICTIM)))
        contacts.delete(tx, [found.id])
        tx.db.execute(update(contact_rows).values(trashed_at=tx.now - timedelta(days=lay)))
    assert housekeeping.run(site.site).trashed == gone
    with as_console(site, write=False) as tx:
        assert len(trash.list_trash(tx)) == 1 - gone
        assert [each.contacts for each in erasure.list_erasures(tx)] == [1] * gone
    if gone:
        assert left_in(site.settings.data_dir, ["zoltan.quixote@wyvern.example"], []) == {}
    site.close()


def test_a_file_that_still_holds_them_is_named(site: App) -> None:
    sound = random.Random(1).randbytes(20_000)
    lines = [
        *VICTIM,
        "LOGO;VALUE=uri:https://wyvern.example/logo.png",
        f"SOUND;ENCODING=b:{base64.b64encode(sound).decode()}",
        "X-CODES:7\\,8\\,9\\,0",
    ]
    key = put(site, "a.vcf", card("uid-a", "Anna Andante", *lines))
    left = {
        "forgotten.csv": b"Anna Andante;zoltan.quixote@wyvern.example",
        "forgotten.png": base64.b64decode(PHOTO),
        "forgotten.raw": sound[5_000:8_000],
        "forgotten.vcf": b"X-CODES:7\\,8\\,9\\,0",
    }
    for name, data in left.items():
        (site.settings.data_dir / name).write_bytes(data)
    report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
    assert sorted(report.residue) == sorted(left)
    assert report.certificate and report.certificate["scan"]["found"] == report.residue


def test_a_database_beside_the_folder_is_looked_through_with_what_lies_beside_it(tmp_path: Path) -> None:
    (place := tmp_path / "elsewhere").mkdir()
    made = new_site(tmp_path / "site", f"sqlite:///{place}/book.sqlite")
    with as_console(made) as tx:
        key = contacts.add(tx, groups.default(tx), vcard.parse(card("uid-a", "Anna Andante", *VICTIM))).id
    (place / "book.sqlite.before").write_text("zoltan.quixote@wyvern.example")
    report = erasure.erase(made.site, CONSOLE, CLIENT, [key])
    assert list(report.residue) == ["book.sqlite.before"] and "book.sqlite" in report.scanned
    made.close()


def test_the_servers_certificate_is_no_residue(site: App) -> None:
    """It holds the site's names, in base64: such as the domain of the last contact who had an address with it."""
    tls_certificate.self_signed(site.settings.data_dir, ["mail.wyvern.example"])
    lines = ("PRODID:-//sharedbook//EN", "EMAIL:anna@mail.wyvern.example")
    key = put(site, "a.vcf", card("uid-a", "Anna Andante", *lines))
    report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
    assert "tls.crt" in report.scanned and report.residue == {}


def test_a_certificate_tells_who_is_in_the_database_again(site: App, tmp_path: Path) -> None:
    shutil.copytree(site.settings.data_dir, tmp_path / "before")
    key = put(site, "a.vcf", card("uid-a", "Anna"))
    shutil.copytree(site.settings.data_dir, tmp_path / "with")
    report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
    text = attest.text_of(report.certificate or {}).encode()
    for folder, again in (("before", []), ("with", [key])):
        copy = sharedbook_app.open(Settings(data_dir=tmp_path / folder))
        if not again:
            assert put(copy, "b.vcf", card("uid-b", "Somebody else under the same number")) == key
        with as_console(copy, write=False) as tx:
            assert erasure.verify(tx, text, "it")["in_database_again"] == again
        copy.close()


def test_page_numbers_are_no_residue_of_a_picture(site: App) -> None:
    """A database and the index of its log are full of small numbers, as the headers of pictures are."""
    numbers = b"".join(number.to_bytes(4, "little") + number.to_bytes(4, "big") for number in range(1, 40))
    photo = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + numbers).decode()
    key = put(site, "p.vcf", card("u-p", "Picture Person", f"PHOTO;ENCODING=b;TYPE=PNG:{photo}"))
    assert erasure.erase(site.site, CONSOLE, CLIENT, [key]).residue == {}


def test_a_certificate_cannot_be_changed_nor_made_elsewhere(site: App, tmp_path: Path) -> None:
    key = put(site, "a.vcf", card("uid-a", "Anna"))
    report = erasure.erase(site.site, CONSOLE, CLIENT, [key])
    text = attest.text_of(report.certificate or {})
    other = new_site(tmp_path / "other")
    with as_console(site, write=False) as tx:
        assert erasure.verify(tx, text.encode(), "it")["in_database_again"] == []
        changed, twice = (text.replace('"contacts": 1', f'"contacts": {new}') for new in ("2", '2, "contacts": 1'))
        for wrong in (changed, twice, "{}", "no JSON", "[]", '{"public_key": 1}', "[" * 100_000):
            with pytest.raises(InvalidFile):
                erasure.verify(tx, wrong.encode(), "it")
    with as_console(other, write=False) as tx, pytest.raises(Conflict):
        erasure.verify(tx, text.encode(), "it")
    other.close()
