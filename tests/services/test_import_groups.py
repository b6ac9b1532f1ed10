"""The groups that rows of an import name: without --group they count, and what one cannot say stops no other."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, search
from sharedbook.services.imports import ready, transfer
from sharedbook.services.imports.transfer import Duplicates
from sharedbook.services.jobs import bulk, jobs
from sharedbook.services.members import grants
from sharedbook.services.tx import MemberActor
from tests.services.people import add_members
from tests.services.transfers import CARD, all_of, counts, run
from tests.support.sites import CLIENT, CONSOLE, as_console

HEADER = "name,email,groups\n"


@pytest.fixture
def app(app: App) -> App:
    """A site with two groups more."""
    with as_console(app) as tx:
        groups.add(tx, "People")
        groups.add(tx, "Our Suppliers")
    return app


def shown(app: App) -> Mapping[str, list[str]]:
    """The groups of each contact by its name."""
    with as_console(app, write=False) as tx:
        slugs = {group.id: group.slug for group in groups.names(tx).values()}
        return {each.name: sorted(slugs[key] for key in each.groups) for each in search.find(tx, search.Search())}


def test_rows_name_their_groups(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "in.csv"
    file.write_text(
        HEADER + "Ada,ada@example.com,people\n"
        "Bob,bob@example.com,Our Suppliers; people\n"
        "Cho,cho@example.com,\n"
        "Dan,dan@example.com,nowhere;people\n"
        "Eve,eve@example.com,People;people;our-suppliers\n"
        "Fay,no mail,people\n"
        "Bob,bob@example.com,people\n"
        "Gus,gus@example.com,our-suppliers\n"
    )
    monkeypatch.setattr(ready, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    planned = run(app, file, None, dry_run=True)
    assert shown(app) == {}
    job_id = run(app, file, None, wait=True).job_id
    assert job_id is not None
    done = transfer.resume(app, CONSOLE, CLIENT, job_id)
    assert counts(done) == counts(planned) == {"added": 4, "skipped_duplicate": 1, "error": 3}
    assert done.problems == planned.problems
    assert [(each.line, each.column, each.code, each.value) for each in done.problems] == [
        (4, "groups", "no-group", ""),
        (5, "groups", "group-not-found", "nowhere"),
        (7, "email", "invalid-email", "no mail"),
    ]
    both = ["our-suppliers", "people"]
    assert shown(app) == {"Ada": ["people"], "Bob": both, "Eve": both, "Gus": ["our-suppliers"]}
    assert counts(run(app, file, None)) == {"skipped_duplicate": 5, "error": 3}
    assert counts(run(app, file, None, duplicates=Duplicates.UPDATE)) == {"unchanged": 5, "error": 3}
    with as_console(app) as tx:
        undo = bulk.add(tx, *bulk.undo_of(tx, job_id))
    assert bulk.run(app, CONSOLE, CLIENT, undo.id).state is jobs.State.DONE
    assert shown(app) == {}


def test_a_given_group_counts_whatever_an_exported_file_names(app: App, tmp_path: Path) -> None:
    data = "name,email,tags,groups\nAda,ada@example.com,vip,people;our-suppliers\nBob,bob@example.com,,people\n"
    run(app, data, None)
    for format in ("csv", "vcf", "ldif", "json"):
        file = tmp_path / f"people.{format}"
        transfer.export(app, CONSOLE, CLIENT, file, group="people", format=format)
        with as_console(app) as tx:
            groups.add(tx, format)
        planned, done = run(app, file, format, dry_run=True), run(app, file, format)
        assert counts(done) == counts(planned) == {"added": 2}
        assert [each.code for each in (*planned.warnings, *done.warnings)] == ["groups-left-out"] * 2
        assert [len(all_of(app, slug)) for slug in ("people", "our-suppliers", format)] == [2, 1, 2]
        assert "CATEGORIES:vip" in all_of(app, format)[0].vcard
        assert counts(run(app, file, None)) == {"skipped_duplicate": 2}
    assert run(app, "name\nCho\n", "people").warnings == ()


@pytest.mark.parametrize("duplicates", [Duplicates.FILL, Duplicates.UPDATE, Duplicates.REPLACE])
def test_a_contact_that_is_there_stays_in_its_groups(app: App, duplicates: Duplicates) -> None:
    run(app, HEADER + "Ada,ada@example.com,people\n", None)
    data = "name,email,title,groups\nAda,ada@example.com,Boss,people;our-suppliers\n"
    for result in ("updated", "unchanged"):
        report = run(app, data, None, duplicates=duplicates)
        assert counts(report) == {result: 1}
        assert [(each.line, each.code) for each in report.warnings] == [(2, "groups-unchanged")]
        assert "not added to our-suppliers" in report.warnings[0].message
    assert shown(app) == {"Ada": ["people"]}
    with as_console(app) as tx:
        contacts.copy(tx, [each.id for each in all_of(app)], groups.get(tx, "our-suppliers"))
    assert run(app, data, None).warnings == ()
    assert "TITLE:Boss" in all_of(app)[0].vcard


def test_a_card_that_a_client_put_back_says_where_it_is_now(app: App) -> None:
    card = CARD.replace("TITLE:", "X-SHAREDBOOK-GROUP:our-suppliers")
    with as_console(app) as tx:
        contacts.add(tx, groups.get(tx, "people"), vcard.parse(card))
    target = io.BytesIO()
    transfer.export(app, CONSOLE, CLIENT, target, format="vcf")
    assert target.getvalue().decode() == CARD.replace("TITLE:", "X-SHAREDBOOK-GROUP:people")


def test_groups_of_objects(app: App) -> None:
    names: tuple[object, ...] = (["people"], "people; our-suppliers", [], None, "", [1], {"people": 1})
    objects = [{"name": f"P{number}", "groups": each} for number, each in enumerate(names)]
    report = run(app, json.dumps(objects), None, format="json")
    assert [(each.line, each.code) for each in report.problems] == [
        (3, "no-group"),
        (4, "invalid-object"),
        (5, "no-group"),
        (6, "invalid-object"),
        (7, "invalid-object"),
    ]
    assert shown(app) == {"P0": ["people"], "P1": ["our-suppliers", "people"]}


def test_a_later_row_finds_what_an_earlier_one_put_into_its_group(app: App) -> None:
    data = "name,email,title,groups\nAda,ada@example.com,,people;our-suppliers\n,ada@example.com,Boss,our-suppliers\n"
    for dry_run in (True, False):
        report = run(app, data, None, duplicates=Duplicates.UPDATE, dry_run=dry_run)
        assert counts(report) == {"added": 1, "updated": 1}
    [ada] = all_of(app)
    assert "TITLE:Boss" in ada.vcard


def test_members_import_into_groups_where_they_may(app: App) -> None:
    add_members(app, "alice")
    with as_console(app) as tx:
        groups.add(tx, "Hidden")
        grants.grant(tx, "people", "alice", Right.IMPORT | Right.ADD)
        grants.grant(tx, "our-suppliers", "alice", Right.ADD)
    rows = ("people", "our-suppliers;people", "people;hidden")
    data = HEADER + "".join(f"P{number},p{number}@example.com,{names}\n" for number, names in enumerate(rows))
    source = io.BytesIO(data.encode())
    report = transfer.import_file(app, MemberActor("alice"), CLIENT, source, group=None)
    assert [(each.line, each.column, each.code, each.value) for each in report.problems] == [
        (3, "groups", "forbidden", "our-suppliers"),
        (4, "groups", "group-not-found", "hidden"),
    ]
    assert shown(app) == {"P0": ["people"]}


def test_a_card_that_its_second_group_refuses_is_in_none(app: App) -> None:
    with as_console(app) as tx:
        contacts.add(tx, groups.get(tx, "our-suppliers"), vcard.parse(CARD))
    data = "uid,name,groups\nU-1,Ada,people;our-suppliers\nU-2,Bob,people;our-suppliers\n"
    report = run(app, data, None)
    assert [(each.line, each.code) for each in report.problems] == [(2, "uid-conflict")]
    assert shown(app) == {"Minji Kim": ["our-suppliers"], "Bob": ["our-suppliers", "people"]}


def test_a_file_that_names_no_groups_needs_one(app: App) -> None:
    for data in ("name,Groups\nAda,people\n", CARD):
        with pytest.raises(InvalidValue, match="into which group"):
            run(app, data, None)
    assert counts(run(app, "name,Groups\nAda,people\n", None, mapping={"Groups": "groups"})) == {"added": 1}
    assert counts(run(app, "name,Groups\nBob,vip\n")) == {"added": 1}
    assert shown(app) == {"Ada": ["people"], "Bob": ["people"]}
    assert "CATEGORIES:vip" in all_of(app)[1].vcard
