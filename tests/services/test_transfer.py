"""Imports: what each row becomes, and that the same file twice changes nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sharedbook import app as composition
from sharedbook.app import App
from sharedbook.domain.model import PRIVATE, Right
from sharedbook.domain.query import Comparison, Op, Some, Test
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, search, trash
from sharedbook.services.imports import transfer
from sharedbook.services.imports.transfer import Duplicates
from sharedbook.services.jobs import jobs
from sharedbook.services.members import grants
from sharedbook.services.tx import MemberActor
from tests.services.people import add_members
from tests.services.transfers import CARD, HEADER, all_of, counts, etags, lines_of, people, run, table
from tests.support.sites import CLIENT, as_console


@pytest.fixture(autouse=True)
def group(app: App) -> str:
    """A group to import into."""
    with as_console(app) as tx:
        return groups.add(tx, "People").slug


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


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("NICKNAME:Bob,Bobby", {"added": 1}, {"skipped_duplicate": 1}),
        ("ORG:Acme", {"added": 1}, {"skipped_duplicate": 1}),
        ("NOTE:a note", {"error": 1}, {"error": 1}),
        ("N:;;;;", {"error": 1}, {"error": 1}),
        ("UID:U-2", {"added": 1}, {"skipped_duplicate": 1}),
    ],
)
@pytest.mark.parametrize("format", ["vcf", "json"])
def test_a_card_with_no_name_is_found_again(
    app: App, format: str, line: str, first: dict[str, int], second: dict[str, int]
) -> None:
    text = f"BEGIN:VCARD\r\nVERSION:3.0\r\n{line}\r\nEND:VCARD\r\n"
    data = json.dumps([{"vcard": text}]) if format == "json" else text
    results = [counts(run(app, data, format=format)) for _ in range(2)]
    assert results == [first, second]


@pytest.mark.parametrize("dry_run", [True, False])
def test_rows_of_one_file_match_each_other(app: App, dry_run: bool) -> None:
    data = "name,email\nKim,kim@example.com\nLee,lee@example.com\nKim again,kim@example.com\n"
    assert counts(run(app, data, dry_run=dry_run)) == {"added": 2, "skipped_duplicate": 1}
    assert len(all_of(app)) == (0 if dry_run else 2)


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
