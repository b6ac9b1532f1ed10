"""Imports and exports as a whole: dry runs, quota, batches, rights, and what an export can be imported from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Forbidden, GroupNotFound, InvalidFile, InvalidValue, Unavailable
from sharedbook.domain.model import Progress, Right
from sharedbook.domain.query import Op, Some, Test
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.imports import importing, ready, transfer
from sharedbook.services.imports.transfer import Duplicates
from sharedbook.services.jobs import jobs
from sharedbook.services.members import grants
from sharedbook.services.tx import MemberActor
from tests.services.people import Journal, add_members
from tests.services.transfers import CARD, HEADER, all_of, counts, etags, people, run, table
from tests.support.owners import set_owner
from tests.support.sites import CLIENT, CONSOLE, as_console, card, new_site


@pytest.fixture(autouse=True)
def group(app: App) -> str:
    """A group to import into."""
    with as_console(app) as tx:
        return groups.add(tx, "People").slug


# ---- dry run, quota, batches


@pytest.mark.parametrize("duplicates", list(Duplicates))
def test_a_dry_run_says_what_happens_and_writes_nothing(app: App, duplicates: Duplicates) -> None:
    run(app, table(HEADER[:4], people(5)))
    changed = [(given, family, mail, "+82 2 1") for given, family, mail, _ in people(8)]
    data = table(HEADER[:4], [*changed, ("", "", "", ""), ("x", "", "no mail", ""), changed[7]])
    journal, before = Journal(app), etags(app)
    planned = run(app, data, duplicates=duplicates, dry_run=True)
    assert journal.read() == ([], [])
    assert etags(app) == before
    assert planned.job_id is None
    done = run(app, data, duplicates=duplicates)
    assert done.counts == planned.counts
    assert done.problems == planned.problems or duplicates is Duplicates.ASK


def test_the_quota_is_said_first_and_refuses_the_rest(tmp_path: Path) -> None:
    app = new_site(tmp_path / "small", limits_contacts=10)
    said: list[Progress] = []
    data = table(HEADER[:4], people(12))
    with as_console(app) as tx:
        group = groups.add(tx, "People")
        contacts.add(tx, group, vcard.parse(CARD))
    dry = run(app, data, dry_run=True)
    assert (counts(dry), dry.over_quota) == ({"added": 9, "error": 3}, 3)
    report = run(app, data, progress=said.append)
    assert counts(report) == {"added": 9, "error": 3}
    assert [problem.code for problem in report.problems] == ["quota"] * 3
    assert [problem.line for problem in report.problems] == [11, 12, 13]
    assert said[0] == Progress(0, {"quota": 3})
    assert said[-1].done == 12
    app.close()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches end after 50 rows, as they do after 5,000."""
    monkeypatch.setattr(importing, "BATCH_ROWS", 50)
    monkeypatch.setattr(ready, "CHUNK_ROWS", 50)


@pytest.mark.usefixtures("small_batches")
def test_batches_commit_as_they_go(app: App) -> None:
    seen: list[int] = []

    def look(progress: Progress) -> None:
        seen.append(progress.done)
        assert len(all_of(app)) == progress.counts["added"]

    run(app, table(HEADER[:4], people(120)), progress=look)
    assert seen == [50, 100, 120]


@pytest.mark.usefixtures("small_batches")
def test_what_was_committed_stays_when_it_stops(app: App) -> None:
    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 100:
            raise Stop

    data = table(HEADER[:4], people(120))
    with pytest.raises(Stop):
        run(app, data, progress=stop)
    with as_console(app, write=False) as tx:
        job = jobs.list_jobs(tx)[0]
    assert job.state is jobs.State.FAILED
    assert len(all_of(app)) == job.counts["added"] == 100
    assert counts(run(app, data)) == {"skipped_duplicate": 100, "added": 20}
    assert len(all_of(app)) == 120


# ---- rights and refusals before the first write


def test_rights(app: App) -> None:
    add_members(app, "alice", "bob")
    with as_console(app) as tx:
        grants.grant(tx, "people", "alice", Right.IMPORT | Right.ADD | Right.EXPORT)
        grants.grant(tx, "people", "bob", Right.VIEW | Right.ADD | Right.EDIT)
    data = io.BytesIO(b"name,email\nKim,kim@example.com\n")
    alice, bob = MemberActor("alice"), MemberActor("bob")
    with pytest.raises(Forbidden, match="import"):
        transfer.import_file(app, bob, CLIENT, data, group="people")
    with pytest.raises(Forbidden, match="export"):
        transfer.export(app, bob, CLIENT, io.BytesIO(), group="people")
    with pytest.raises(Forbidden, match="export"):
        transfer.export(app, bob, CLIENT, io.BytesIO())
    report = transfer.import_file(app, alice, CLIENT, data, group="people")
    assert report.counts["added"] == 1
    changed = io.BytesIO(b"email,title\nkim@example.com,Boss\n")
    update = transfer.import_file(app, alice, CLIENT, changed, group="people", duplicates=Duplicates.UPDATE)
    assert counts(update) == {"updated": 1}, "her own contact"
    with as_console(app) as tx:
        set_owner(tx, [all_of(app)[0].id], "bob")
    changed = io.BytesIO(b"email,title\nkim@example.com,Chief\n")
    update = transfer.import_file(app, alice, CLIENT, changed, group="people", duplicates=Duplicates.UPDATE)
    assert [problem.code for problem in update.problems] == ["forbidden"]
    assert "TITLE:Boss" in all_of(app)[0].vcard
    with as_console(app) as tx:
        grants.grant(tx, groups.add(tx, "Seen only").slug, "alice", Right.VIEW)
        contacts.add(tx, groups.get(tx, "seen-only"), vcard.parse(card("lee", "Lee")))
    assert transfer.export(app, alice, CLIENT, out := io.BytesIO()) == 1
    assert b"Kim" in out.getvalue() and b"Lee" not in out.getvalue()


@pytest.mark.parametrize(("data", "options", "error"), [
    ("name\nKim\n", {"group": "nowhere"}, GroupNotFound),
    ("name,what\nKim,x\n", {}, InvalidFile),
    ("name\nKim\n", {"mapping": {"name": "nonsense"}}, InvalidValue),
    ("name\nKim\n", {"mapping": {"name": "custom:nonsense"}}, InvalidValue),
    (CARD, {"mapping": {"name": "name"}}, InvalidValue),
    ("name\nKim\n", {"sheet": "People"}, InvalidValue),
    ("name\nKim\n", {"recipients": 5}, InvalidValue),
    ("name\nKim\n", {"format": "pdf"}, InvalidValue),
    ("name\nKim\n", {"format": "xlsx"}, InvalidFile),
    ("name\nKim\n", {"encoding": "klingon"}, InvalidValue),
    (Path("/nowhere/at/all.csv"), {}, InvalidFile),
    (b"", {}, InvalidFile),
    (b"name,email\nKim,\"open\n", {}, InvalidFile),
])  # fmt: skip
def test_refused_before_anything_is_written(
    app: App, data: str | bytes | Path, options: dict[str, Any], error: type[Exception]
) -> None:
    journal = Journal(app)
    with pytest.raises(error):
        run(app, data, **options)
    assert journal.read() == ([], [])
    with as_console(app, write=False) as tx:
        assert jobs.list_jobs(tx) == []


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    app = new_site(tmp_path / "small", limits_file_bytes=2_000_000)
    path = tmp_path / "big.csv"
    path.write_bytes(b"name\n" + b"x\n" * 1_000_000)
    for source in (path, path.read_bytes()):
        with pytest.raises(InvalidFile, match="larger than 2 MB"):
            run(app, source, "contacts")
    app.close()


def test_columns_without_a_place_are_told_when_they_hold_something(app: App) -> None:
    header = ["First Name", "E-mail Address", "Mileage", "Priority", "Hobby"]
    rows = [["Kim", "kim@example.com", "", "Normal", "Go"], ["Lee", "lee@example.com", "", "", ""]]
    report = run(app, table(header, rows))
    assert report.left_out == ("Priority", "Hobby")


# ---- export


EVERYTHING = {
    "prefix": "Dr.", "first_name": "Ada", "middle_name": "King", "last_name": "Byron", "suffix": "FRS",
    "nickname": "Countess;Enchantress", "phonetic_last_name": "Bai-ron", "company": "Analytical",
    "department": "Engines", "company.2": "Royal Society", "title": "Analyst", "title.2": "Translator",
    "role": "Mathematician",
    "email": "ada@example.com", "email.home": "ada@home.example", "email.3": "a@example.org",
    "phone.mobile": "+44 7700 900001", "phone": "+44 20 7946 0001", "phone.home_fax": "+44 20 7946 0002",
    "address.work.city": "London", "address.home.street": "12 St James's Square", "address.home.2.city": "Ashley Combe",
    "address.city": "Somewhere, No Type", "url": "https://example.com/ada", "im.skype": "ada", "birthday": "1815-12-10",
    "event.anniversary": "1835-07-08", "related.spouse": "William", "gender": "F", "language": "en",
    "tags": "vip;first of all", "note": "Notes; on \"the Engine\"\nG", "custom.Table": "none",
}  # fmt: skip


def columns_of(app: App) -> bytes:
    target = io.BytesIO()
    transfer.export(app, CONSOLE, CLIENT, target)
    return target.getvalue()


@pytest.mark.parametrize("format", ["csv", "xlsx", "vcf", "ldif", "json"])
def test_export_import_export_has_no_difference(app: App, shared_data: Path, tmp_path: Path, format: str) -> None:
    empty = new_site(tmp_path / "empty")
    with as_console(empty) as tx:
        groups.add(tx, "People")
    for site in (app, empty):
        with as_console(site) as tx:
            groups.add(tx, "Others")
            custom_fields.add(tx, "Contract no.", several=True)
    for path in sorted((shared_data / "vcards").glob("*.vcf")):
        run(app, path, duplicates=Duplicates.ADD)
    run(app, "name,note,email,custom:Contract no.\n=1+1,\"@x\ny\",a@example.com,A-1;B-2\n'q,'=2,b@example.com,\n")
    run(app, table(list(EVERYTHING), [list(EVERYTHING.values())]))
    with as_console(app) as tx:
        contacts.copy(tx, [contact.id for contact in all_of(app)][:2], groups.get(tx, "others"))
    first, second = tmp_path / f"first.{format}", tmp_path / f"second.{format}"
    count = transfer.export(app, CONSOLE, CLIENT, first, format=format)
    assert count == len(all_of(app))
    assert (b"A-1" in first.read_bytes()) is (format != "xlsx")  # which is packed
    assert counts(run(empty, first, None, duplicates=Duplicates.ADD)) == {"added": count}
    assert len(all_of(empty, "others")) == 2
    assert transfer.export(empty, CONSOLE, CLIENT, second, format=format) == count
    assert second.read_bytes() == first.read_bytes()
    assert columns_of(empty) == columns_of(app), "nothing that a column holds was left out on the way"
    with as_console(empty, write=False) as tx:
        own = custom_fields.cells(tx, [contact.id for contact in all_of(empty)])
    assert list(own.values()) == [{"custom:Contract no.": "A-1;B-2"}]
    assert first.stat().st_mode & 0o077 == 0
    empty.close()


def test_export_of_a_query_and_of_what_one_sees(app: App) -> None:
    run(app, table(HEADER[:4], people(30)))
    target = io.BytesIO()
    query = Some("family", (Test(Op.EQUALS, "홍"),))
    assert transfer.export(app, CONSOLE, CLIENT, target, group="people", query=query) == 3
    text = target.getvalue().decode("utf-8-sig")
    assert text.count("홍길동") == 3
    assert "+82 10-0001-0001" in text


def test_an_export_is_whole_or_not_there(app: App, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        transfer.export(app, CONSOLE, CLIENT, tmp_path / "no" / "folder.csv")
    with pytest.raises(InvalidValue):
        transfer.export(app, CONSOLE, CLIENT, tmp_path / "x.xls", format="xls")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".csv", ".part", ".xls")] == []


def test_the_audit_names_jobs_and_exports(app: App) -> None:
    journal = Journal(app)
    run(app, "name,email\nKim,kim@example.com\n")
    transfer.export(app, CONSOLE, CLIENT, io.BytesIO())
    _, audited = journal.read()
    assert list(audited) == ["import", "contact.add", "export"]
