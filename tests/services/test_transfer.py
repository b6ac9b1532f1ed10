"""Imports: what each row becomes, in a dry run and for good, and that the same file twice changes nothing."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sharedbook import app as composition
from sharedbook.app import App
from sharedbook.domain.errors import Forbidden, GroupNotFound, InvalidFile, InvalidValue, Unavailable
from sharedbook.domain.model import PRIVATE, Contact, Progress, Right
from sharedbook.domain.query import Comparison, Op, Some, Test
from sharedbook.formats import vcard
from sharedbook.services import contacts, grants, groups, importing, jobs, search, transfer, trash
from sharedbook.services.transfer import Duplicates, JobReport
from sharedbook.services.tx import MemberActor
from tests.services.people import Journal, add_members
from tests.support.sites import CLIENT, CONSOLE, as_console, new_site

NAMES = [
    ("홍", "길동"), ("김", "민지"), ("王", "小明"), ("李", "娜"), ("田中", "太郎"), ("佐藤", "花子"),
    ("Müller", "Jörg"), ("Weiß", "Käthe"), ("Παπαδόπουλος", "Γιώργος"), ("Καραμανλή", "Ελένη"),
    ("Öztürk", "Şükrü"), ("Çelik", "İpek"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def group(app: App) -> str:
    """A group to import into."""
    with as_console(app) as tx:
        return groups.add(tx, "People").slug


def run(app: App, data: bytes | str | Path, group: str = "people", **options: Any) -> JobReport:
    source = data if isinstance(data, Path) else io.BytesIO(data if isinstance(data, bytes) else data.encode())
    return transfer.import_file(app, CONSOLE, CLIENT, source, group=group, **options)


def counts(report: JobReport) -> dict[str, int]:
    return {result: count for result, count in report.counts.items() if count}


def all_of(app: App, group: str = "people") -> list[Contact]:
    with as_console(app, write=False) as tx:
        return search.find(tx, search.Search(group=group))


def etags(app: App) -> dict[int, tuple[str, int]]:
    return {contact.id: (contact.etag, contact.version) for contact in all_of(app)}


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


# ---- real files


@pytest.mark.parametrize(("name", "count", "columns"), [
    ("google_current.csv", 200, ("First Name", "Last Name", "E-mail 1 - Value", "Phone 1 - Value")),
    ("google_legacy_fixed.csv", 24, ("Given Name", "Family Name", "E-mail 1 - Value", "Phone 1 - Value")),
    ("outlook_classic.csv", 200, ("First Name", "Last Name", "E-mail Address", "Mobile Phone")),
    ("outlook_com.csv", 24, ("First Name", "Last Name", "E-mail Address", "Mobile Phone")),
    ("m365_mailcontact.csv", 24, ("FirstName", "LastName", "ExternalEmailAddress", "MobilePhone")),
    ("yeastar_p.csv", 24, ("First Name", "Last Name", "Email", "Mobile")),
    ("oro_contact.csv", 24, ("First name", "Last name", "Emails 1 Email", "Phones 1 Phone")),
])  # fmt: skip
def test_people_of_each_product(app: App, shared_data: Path, name: str, count: int, columns: tuple[str, ...]) -> None:
    with (shared_data / "import-headers" / name).open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    rows = [[dict(zip(columns, person, strict=True)).get(title, "") for title in header] for person in people(count)]
    report = run(app, table(header, rows))
    assert counts(report) == {"added": count}
    assert report.left_out == ()
    before = etags(app)
    assert counts(run(app, table(header, rows))) == {"skipped_duplicate": count}
    assert counts(run(app, table(header, rows), duplicates=Duplicates.UPDATE)) == {"unchanged": count}
    assert etags(app) == before
    for character in ("홍", "王", "田", "娜"):
        like = Some("fullname", (Test(Op.LIKE, middle=(character,), comparison=Comparison.DIRECTORY),))
        with as_console(app, write=False) as tx:
            found = search.find(tx, search.Search(query=like))
        assert len(found) == sum(character in "".join(person[:2]) for person in people(count)) > 0


def test_exports_of_real_clients(app: App, shared_data: Path) -> None:
    folder = shared_data / "vcards"
    total = 0
    for path in sorted(folder.glob("*.vcf")):
        report = run(app, path, duplicates=Duplicates.ADD)
        assert counts(report) == {"added": 6 if "ANDROID" in path.name else 1}, path.name
        total += report.counts["added"]
    assert len(all_of(app)) == total
    before = etags(app)
    for path in sorted(folder.glob("*.vcf")):
        again = counts(run(app, path))
        assert again.keys() == {"skipped_duplicate"}, path.name
    assert etags(app) == before


# ---- rows that are refused


BAD = {
    17: ("email", "invalid-email", {"email": "no address"}),
    170: ("phone", "mangled-number", {"phone": "8.21012E+11"}),
    333: ("birthday", "invalid-date", {"birthday": "31.02.2000"}),
    500: ("", "no-name", {"first_name": "", "last_name": "", "email": "", "phone": ""}),
    501: ("note", "too-long", {"note": "n" * 4_001}),
    777: ("note", "control-character", {"note": "a\x01b"}),
    1000: ("phone", "invalid-phone", {"phone": "none"}),
}
GOOD = {
    "email": "fixed{}@example.com",
    "phone": "+82 2 {}",
    "birthday": "2000-01-31",
    "note": "short",
    "last_name": "Fixed{}",
}
HEADER = ("first_name", "last_name", "email", "phone", "birthday", "note")


def thousand() -> str:
    rows = []
    for number, person in enumerate(people(1000), 1):
        row = dict(zip(HEADER, (*person, "1985-04-23", "x"), strict=True)) | BAD.get(number, ("", "", {}))[2]
        rows.append([row[name] for name in HEADER])
    return table(HEADER, rows)


def test_1000_rows_with_7_bad_ones(app: App) -> None:
    report = run(app, thousand())
    assert counts(report) == {"added": 993, "error": 7}
    expected = [(number + 1, column, code) for number, (column, code, _) in BAD.items()]
    assert [(problem.line, problem.column, problem.code) for problem in report.problems] == expected
    assert report.job_id is not None
    fixes = io.BytesIO()
    with as_console(app, write=False) as tx:
        job = jobs.get(tx, report.job_id)
        waiting = list(jobs.rows(tx, report.job_id))
        assert jobs.error_file(tx, report.job_id, fixes) == 7
    assert job.state is jobs.State.PART
    assert job.counts == report.counts
    assert job.finished is not None
    assert [(row.line, row.problem.column, row.problem.code) for row in waiting] == expected

    found = list(csv.DictReader(io.StringIO(fixes.getvalue().decode("utf-8-sig"), newline="")))
    assert list(found[0]) == ["import_error", *HEADER]
    assert all(row["import_error"] for row in found)
    for number, row in enumerate(found):
        column = BAD[list(BAD)[number]][0] or "last_name"
        row[column] = GOOD[column].format(number)
    fixed = table(list(found[0]), [list(row.values()) for row in found])
    assert counts(run(app, fixed)) == {"added": 7}
    assert len(all_of(app)) == 1000


def test_every_problem_of_a_row_is_in_its_message(app: App) -> None:
    report = run(app, "name,email,birthday\nKim,nobody,never\n")
    assert report.problems[0].code == "invalid-email"
    assert "never" in report.problems[0].message


def test_a_refused_vcf_comes_back_as_vcf(app: App) -> None:
    good = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nEND:VCARD\r\n"
    bad = good.replace("FN:a", "FN")
    report = run(app, good + bad)
    assert counts(report) == {"added": 1, "error": 1}
    target = io.BytesIO()
    assert report.job_id is not None
    with as_console(app, write=False) as tx:
        assert jobs.error_file(tx, report.job_id, target) == 1
    fixed = target.getvalue().replace(b"\r\nFN\r\n", b"\r\nFN:b\r\n")
    assert counts(run(app, fixed)) == {"added": 1}
    assert sorted(contact.name for contact in all_of(app)) == ["a", "b"]
    assert not any("IMPORT-ERROR" in contact.vcard for contact in all_of(app))


# ---- matching and duplicates


FIRST = "external_id,uid,first_name,last_name,email,phone,note\n"


@pytest.mark.parametrize(("row", "result"), [
    ("E-1,,Other,Name,,,\n", "skipped_duplicate"),
    (",U-1,Other,Name,,,\n", "skipped_duplicate"),
    (",u-1,Other,Name,,,\n", "added"),
    (",,Other,Name,KIM@example.com,,\n", "skipped_duplicate"),
    (",,Minji,Kim,,010-1234-5678,\n", "skipped_duplicate"),
    (",,minji,KIM,,+82 10 1234 5678,\n", "skipped_duplicate"),
    (",,Other,Name,,010-1234-5678,\n", "added"),
    (",,Minji,Kim,,,\n", "added"),
    (",,Minji,Kim,minji@other.example,,\n", "added"),
])  # fmt: skip
def test_what_is_the_same_contact(app: App, row: str, result: str) -> None:
    with korean(app) as site:
        assert counts(run(site, FIRST + "E-1,U-1,Minji,Kim,kim@example.com,010-1234-5678,n\n")) == {"added": 1}
        assert counts(run(site, FIRST + row, dry_run=True)) == {result: 1}
        assert counts(run(site, FIRST + row)) == {result: 1}


@contextmanager
def korean(app: App) -> Iterator[App]:
    """The same site where numbers without country code are Korean."""
    site = composition.open(replace(app.settings, default_region="KR"))
    yield site
    site.close()


def test_a_name_alone_is_the_same_only_in_the_same_row(app: App) -> None:
    data = "name,note\nMinji Kim,one\n"
    assert counts(run(app, data)) == {"added": 1}
    assert counts(run(app, data)) == {"skipped_duplicate": 1}
    assert counts(run(app, "name,note\nMinji Kim,two\n")) == {"added": 1}
    assert len(all_of(app)) == 2


@pytest.mark.parametrize("dry_run", [True, False])
def test_rows_of_one_file_match_each_other(app: App, dry_run: bool) -> None:
    data = "name,email\nKim,kim@example.com\nLee,lee@example.com\nKim again,kim@example.com\n"
    assert counts(run(app, data, dry_run=dry_run)) == {"added": 2, "skipped_duplicate": 1}
    assert len(all_of(app)) == (0 if dry_run else 2)


CARD = "\r\n".join([
    "BEGIN:VCARD", "VERSION:3.0", "UID:U-1", "FN:Minji Kim", "N:Kim;Minji;;;", "X-KEPT;X-P=1:as it is",
    "EMAIL;TYPE=WORK:kim@example.com", "TEL;TYPE=CELL:1", "TITLE:", "END:VCARD", "",
])  # fmt: skip
ROW = "email.work,phone.mobile,title,note\nkim@example.com,2,Boss,\n"


@pytest.mark.parametrize(("duplicates", "result", "gone", "new"), [
    (Duplicates.SKIP, "skipped_duplicate", [], []),
    (Duplicates.FILL, "updated", ["TITLE:"], ["TITLE:Boss"]),
    (Duplicates.UPDATE, "updated", ["TEL;TYPE=CELL:1", "TITLE:"], ["TEL;TYPE=CELL:2", "TITLE:Boss"]),
    (Duplicates.ASK, "needs_decision", [], []),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "vcf"])
def test_what_a_duplicate_does(
    app: App, duplicates: Duplicates, result: str, gone: list[str], new: list[str], kind: str
) -> None:
    run(app, CARD)
    contact = all_of(app)[0]
    again = ROW
    if kind == "vcf":
        again = CARD.replace("TEL;TYPE=CELL:1", "TEL;TYPE=CELL:2").replace("TITLE:", "TITLE:Boss").replace("U-1", "U-2")
    assert counts(run(app, again, duplicates=duplicates, dry_run=True)) == {result: 1}
    assert all_of(app) == [contact]
    report = run(app, again, duplicates=duplicates)
    assert counts(report) == {result: 1}
    now = all_of(app)[0]
    assert [line for line in lines_of(contact) if line not in lines_of(now)] == gone
    assert [line for line in lines_of(now) if line not in lines_of(contact)] == new
    assert now.id == contact.id
    if result == "updated":
        assert counts(run(app, again, duplicates=duplicates)) == {"unchanged": 1}
        assert all_of(app) == [now]
    if result == "needs_decision":
        assert report.problems[0].code == "needs-decision"
        assert str(contact.id) in report.problems[0].message


def test_replace_makes_it_the_row_s_card(app: App) -> None:
    run(app, CARD)
    assert counts(run(app, ROW, duplicates=Duplicates.REPLACE)) == {"updated": 1}
    now = all_of(app)[0]
    assert now.uid == "U-1"
    assert "X-KEPT" not in now.vcard
    assert "TEL;TYPE=CELL:2" in lines_of(now)
    assert counts(run(app, ROW, duplicates=Duplicates.REPLACE)) == {"unchanged": 1}
    assert all_of(app) == [now]


def test_add_adds_another_with_a_uid_of_its_own(app: App) -> None:
    for _ in range(2):
        assert counts(run(app, CARD, duplicates=Duplicates.ADD)) == {"added": 1}
    first, second = all_of(app)
    assert first.uid != second.uid
    assert "U-1" in (first.uid, second.uid)


def test_several_that_fit_need_a_decision(app: App) -> None:
    shared = "name,email\nKim,info@example.com\nLee,info@example.com\n"
    run(app, shared, duplicates=Duplicates.ADD)
    asked = "name,email,title\nPark,info@example.com,Boss\n"
    assert counts(run(app, asked)) == {"skipped_duplicate": 1}
    assert counts(run(app, asked, duplicates=Duplicates.UPDATE)) == {"needs_decision": 1}
    named = "name,email,title\nLee,info@example.com,Boss\n"
    assert counts(run(app, named, duplicates=Duplicates.UPDATE)) == {"updated": 1}
    assert [contact.name for contact in all_of(app) if "TITLE:Boss" in contact.vcard] == ["Lee"]


def test_only_the_target_group_is_looked_at(app: App) -> None:
    with as_console(app) as tx:
        groups.add(tx, "Others")
    data = "name,email\nKim,kim@example.com\n"
    assert counts(run(app, data)) == {"added": 1}
    assert counts(run(app, data, "others")) == {"added": 1}


def test_what_lies_in_the_trash_is_no_duplicate(app: App) -> None:
    run(app, CARD)
    with as_console(app) as tx:
        contacts.delete(tx, [contact.id for contact in search.find(tx, search.Search())])
    assert counts(run(app, CARD)) == {"added": 1}
    with as_console(app, write=False) as tx:
        assert len(trash.list_trash(tx)) == 1


def test_a_row_that_only_the_database_refuses_stops_no_other(app: App) -> None:
    with as_console(app) as tx:
        hidden = contacts.add(tx, groups.get(tx, "people"), vcard.parse(CARD), visibility=PRIVATE)
    add_members(app, "alice")
    with as_console(app) as tx:
        grants.grant(tx, "people", "alice", Right.IMPORT | Right.ADD)
    data = table(["uid", "name"], [["U-0", "a"], ["U-1", "b"], ["U-2", "c"], ["U-1", "d"]])
    report = transfer.import_file(app, MemberActor("alice"), CLIENT, io.BytesIO(data.encode()), group="people")
    assert counts(report) == {"added": 2, "error": 2}
    assert [(problem.line, problem.code) for problem in report.problems] == [(3, "uid-conflict"), (5, "uid-conflict")]
    assert hidden.name not in str(report)
    assert sorted(contact.name for contact in all_of(app)) == ["Minji Kim", "a", "c"]


def test_a_row_changes_what_the_row_before_it_added(app: App) -> None:
    data = "name,email,title\nKim,kim@example.com,\nLee,lee@example.com,\n,kim@example.com,Boss\n"
    assert counts(run(app, data, duplicates=Duplicates.UPDATE, dry_run=True)) == {"added": 2, "updated": 1}
    assert counts(run(app, data, duplicates=Duplicates.UPDATE)) == {"added": 2, "updated": 1}
    assert ["TITLE:Boss" in contact.vcard for contact in all_of(app)] == [True, False]


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
    """Batches end after 50 rows, as they do after 500."""
    monkeypatch.setattr(importing, "BATCH_ROWS", 50)


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
        contacts.set_owner(tx, [all_of(app)[0].id], "bob")
    changed = io.BytesIO(b"email,title\nkim@example.com,Chief\n")
    update = transfer.import_file(app, alice, CLIENT, changed, group="people", duplicates=Duplicates.UPDATE)
    assert [problem.code for problem in update.problems] == ["forbidden"]
    assert "TITLE:Boss" in all_of(app)[0].vcard
    assert transfer.export(app, alice, CLIENT, io.BytesIO()) == 1


@pytest.mark.parametrize(("data", "options", "error"), [
    ("name\nKim\n", {"group": "nowhere"}, GroupNotFound),
    ("name,what\nKim,x\n", {}, InvalidFile),
    ("name\nKim\n", {"mapping": {"name": "nonsense"}}, InvalidValue),
    ("name\nKim\n", {"format": "xlsx"}, InvalidValue),
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


@pytest.mark.parametrize("format", ["csv", "vcf"])
def test_export_import_export_has_no_difference(app: App, shared_data: Path, tmp_path: Path, format: str) -> None:
    for path in sorted((shared_data / "vcards").glob("*.vcf")):
        run(app, path, duplicates=Duplicates.ADD)
    run(app, "name,note,email\n=1+1,\"@x\ny\",a@example.com\n'q,'=2,b@example.com\n")
    first, second = tmp_path / f"first.{format}", tmp_path / f"second.{format}"
    count = transfer.export(app, CONSOLE, CLIENT, first, format=format)
    assert count == len(all_of(app))
    empty = new_site(tmp_path / "empty")
    assert counts(run(empty, first, "contacts", duplicates=Duplicates.ADD)) == {"added": count}
    assert transfer.export(empty, CONSOLE, CLIENT, second, format=format) == count
    assert second.read_bytes() == first.read_bytes()
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
