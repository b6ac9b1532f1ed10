"""Large photos: served reduced; the original is kept as long as a text of its contact has it, and goes with it."""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from sharedbook import app as sites
from sharedbook.app import App
from sharedbook.domain.errors import InvalidCard
from sharedbook.domain.model import Contact
from sharedbook.formats.vcards import fields, photo_reduction, vcard
from sharedbook.services.books import cards, groups
from sharedbook.services.contacts import contacts, history, trash
from sharedbook.services.erasing import erasure, subject_access
from sharedbook.services.imports import transfer
from sharedbook.services.upkeep import backup, housekeeping
from sharedbook.services.writing import photos
from sharedbook.store.schema import photos as table
from sharedbook.store.schema import revisions
from tests.support.pictures import line, picture
from tests.support.sites import CLIENT, CONSOLE, as_console, card

LARGE, OTHER = picture(), picture(seed=2)
SMALL = picture(size=(20, 20))


@pytest.fixture
def site(app: App) -> App:
    """Photos over 16 KiB are reduced."""
    settings = replace(app.settings, limits_served_photo_bytes=16 * 1024)
    app.site = replace(app.site, settings=settings, limits=settings.limits())
    return app


def text(*photos_: bytes, title: str = "Clerk") -> str:
    return card("u-1", "Minji Kim", f"TITLE:{title}", "EMAIL:minji@example.com", *map(line, photos_))


def put(site: App, what: str) -> cards.PutResult:
    with as_console(site) as tx:
        return cards.put(tx, groups.book(tx, "contacts"), "a.vcf", what)


def contact(site: App) -> Contact:
    with as_console(site, write=False) as tx:
        return contacts.get(tx, 1)


def original(site: App) -> bytes | None:
    with as_console(site, write=False) as tx:
        found = photos.picture(tx, contacts.get(tx, 1))
    return found and found[1]


def kept(site: App) -> int:
    with as_console(site, write=False) as tx:
        return len(tx.db.execute(select(table.c.served)).all())


def test_what_clients_do_with_a_reduced_photo(site: App) -> None:
    first = put(site, text(LARGE))
    served = first.card.vcard
    assert served != text(LARGE) and len(served) < 24_000 and original(site) == LARGE
    assert not put(site, text(LARGE)).changed, "the same photo again"
    assert not put(site, served).changed
    assert put(site, served.replace("Clerk", "Head")).changed and original(site) == LARGE
    unfolded = served.replace("\r\n ", "").replace("TYPE=JPEG", "TYPE=jpeg")
    assert put(site, unfolded).card.vcard == unfolded and original(site) == LARGE
    data = line(fields.photo(vcard.load(served))[1], "4.0")  # type: ignore[index]
    newer = unfolded.replace("VERSION:3.0", "VERSION:4.0").replace(unfolded.split("\r\n")[-3], data)
    assert put(site, newer).card.vcard == unfolded and original(site) == LARGE, "a card keeps its version"
    put(site, newer.replace(data, line(SMALL, "4.0")))
    assert original(site) == SMALL
    put(site, newer.replace(data, line(LARGE, "4.0")))
    assert original(site) == LARGE
    put(site, text(OTHER))
    assert original(site) == OTHER
    put(site, text(SMALL))
    assert original(site) == SMALL
    put(site, text())
    assert original(site) is None
    put(site, text(SMALL, LARGE, OTHER))
    assert (original(site), kept(site)) == (SMALL, 2)


def test_what_cannot_be_reduced_changes_nothing(site: App) -> None:
    before = put(site, text(LARGE)).card.vcard
    with pytest.raises(InvalidCard, match="Line 8: the PHOTO"):
        put(site, text(OTHER[:40_000]))
    assert (contact(site).vcard, original(site)) == (before, LARGE)


def test_the_way_back_brings_the_original_back(site: App) -> None:
    put(site, text(LARGE))
    put(site, text(OTHER))
    put(site, text())
    with as_console(site) as tx:
        added = history.steps(tx, 1)[0].revision.id
        history.revert(tx, 1, added)
    assert original(site) == LARGE
    with as_console(site) as tx:
        contacts.delete(tx, [1])
        trash.restore(tx, [1])
    assert original(site) == LARGE


def test_an_original_goes_with_the_last_text_that_has_it(site: App) -> None:
    for each in (text(LARGE), text(OTHER), text(title="Head")):
        put(site, each)
    assert housekeeping.run(site.site).revisions == 0 and kept(site) == 2
    with as_console(site) as tx:
        for key, at in tx.db.execute(select(revisions.c.id, revisions.c.at)).all():
            tx.db.execute(update(revisions).where(revisions.c.id == key).values(at=at - timedelta(days=61)))
    assert housekeeping.run(site.site).revisions == 1
    assert kept(site) == 1, "the details with which a contact was added are always kept"
    with as_console(site) as tx:
        first = next(step.before for step in history.steps(tx, 1) if step.before)
        assert fields.photo(vcard.load(photos.with_originals(tx, 1, first))) == ("image/png", LARGE)


def test_files_out_and_in(site: App, tmp_path: Path) -> None:
    put(site, text(LARGE))
    served = contact(site).vcard
    out = tmp_path / "out.vcf"
    transfer.export(site, CONSOLE, CLIENT, out, format="vcf")
    assert out.read_bytes().decode() == in_its_group(text(LARGE))
    transfer.export(site, CONSOLE, CLIENT, tmp_path / "small.vcf", format="vcf", reduced=True)
    assert (tmp_path / "small.vcf").read_bytes().decode() == in_its_group(served)
    bad, new = text(OTHER[:40_000]).replace("u-1", "u-2"), text(OTHER).replace("u-1", "u-3")
    out.write_text(text(LARGE) + bad + new, newline="")
    how = transfer.Duplicates.UPDATE
    report = transfer.import_file(site, CONSOLE, CLIENT, out, group="contacts", duplicates=how)
    counts = {result: count for result, count in report.counts.items() if count}
    assert counts == {"unchanged": 1, "error": 1, "updated": 1}, "one is the contact by its UID, one by its address"
    assert "Line 8: the PHOTO cannot be read" in report.problems[0].message
    assert (original(site), kept(site)) == (OTHER, 2)


def in_its_group(card: str) -> str:
    """A card as a vcf file has it."""
    return card.replace("END:VCARD", "X-SHAREDBOOK-GROUP:contacts\r\nEND:VCARD")


def test_the_report_of_a_person_has_the_originals(site: App) -> None:
    put(site, text(LARGE))
    put(site, text())
    target = io.BytesIO()
    with as_console(site, write=False) as tx:
        subject_access.report(tx, subject_access.find(tx, "minji@example.com"), target)
    with zipfile.ZipFile(target) as file:
        (name,) = [name for name in file.namelist() if name.startswith("history/")]
        assert file.read(name).decode() == text(LARGE)


def test_a_backup_holds_the_originals_and_an_erasure_leaves_none(site: App, tmp_path: Path) -> None:
    put(site, text(LARGE))
    put(site, text(OTHER))
    small = photo_reduction.fit(vcard.parse(text(LARGE)), site.site.limits)
    backup.save(site.site, CONSOLE, CLIENT, tmp_path / "backup")
    site.close()
    backup.restore(site.settings, CONSOLE, CLIENT, tmp_path / "backup", replace_present=True)
    again = sites.open(site.settings)
    assert (original(again), kept(again)) == (OTHER, 2)
    report = erasure.erase(again.site, CONSOLE, CLIENT, [1])
    assert report.certificate and report.certificate["removed"]["photos"] == 2
    assert (report.clean, report.residue, kept(again)) == (True, {}, 0)
    again.close()
    reduced = fields.photo(small)
    assert reduced is not None
    for data in (LARGE, OTHER, reduced[1]):
        middle = data[len(data) // 2 :]
        wanted = (middle[:12], base64.b64encode(middle)[:16], base64.b64encode(middle[1:])[:16])
        for path in site.settings.data_dir.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert not any(piece in content for piece in wanted), path


def test_the_scan_finds_a_piece_of_a_photo(site: App) -> None:
    put(site, text(LARGE))
    (site.settings.data_dir / "page").write_bytes(LARGE[9_000:11_000])
    assert list(erasure.erase(site.site, CONSOLE, CLIENT, [1]).residue) == ["page"]
