"""All that is held on a person: nothing of it is missing in the report, and nothing is left by the erasure."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Forbidden, InvalidToken, InvalidValue
from sharedbook.domain.model import ChangeKind
from sharedbook.formats.vcards import vcard
from sharedbook.services import feed
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure, subject_access
from sharedbook.services.imports import transfer
from sharedbook.services.members import members
from tests.support.sites import CLIENT, CONSOLE, as_console, as_member, card, delete_group

MAIL = "minji.kim@wyvern.example"


@pytest.fixture
def site(app: App) -> App:
    """Minji: a contact with a history, one in the trash, a mention, a former address, a refused row, a member."""
    with as_console(app) as tx:
        group = groups.add(tx, "People")
        members.add(tx, "minji", display_name="Minji", email=MAIL)
        ids = contacts.add_many(
            tx,
            group,
            [
                vcard.parse(card("uid-1", "Minji Kim", f"EMAIL:{MAIL.upper()}", "NOTE:prefers tea"), tx.site.limits),
                vcard.parse(card("uid-2", "M. Kim", "EMAIL:other@wyvern.example", f"EMAIL:{MAIL}"), tx.site.limits),
                vcard.parse(card("uid-3", "Assistant", f"NOTE:ask {MAIL}"), tx.site.limits),
                vcard.parse(card("uid-4", "Office", f"EMAIL:{MAIL}"), tx.site.limits),
                vcard.parse(card("uid-5", "Stranger", "EMAIL:stranger@wyvern.example"), tx.site.limits),
            ],
        )
        contacts.replace(tx, ids[0], vcard.parse(card("uid-1", "Minji Kim", f"EMAIL:{MAIL}"), tx.site.limits))
        contacts.replace(tx, ids[3], vcard.parse(card("uid-4", "Office", "EMAIL:o@wyvern.example"), tx.site.limits))
        contacts.delete(tx, [ids[1]])
    rows = f"First Name,Last Name,E-mail,Birthday\nMinji,Kim,{MAIL},yesterday\nA,B,a@wyvern.example,yesterday\n"
    transfer.import_file(app, CONSOLE, CLIENT, io.BytesIO(rows.encode()), group="people")
    return app


def test_everything_is_in_the_report(site: App) -> None:
    target = io.BytesIO()
    with as_console(site, write=False) as tx:
        held = subject_access.find(tx, f" {MAIL} ")
        subject_access.report(tx, held, target)
    assert [contact.id for contact in held.contacts] == [1, 2]
    with zipfile.ZipFile(target) as file:
        texts = {name: file.read(name).decode() for name in file.namelist()}
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
    assert "prefers tea" in "".join(text for name, text in texts.items() if name.startswith("history/contact-1-"))
    assert any(name.startswith("history/contact-4-") for name in texts)
    assert {"contacts/1.vcf", "contacts/2.vcf"} == {name for name in texts if name.startswith("contacts/")}
    summary = json.loads(texts["summary.json"])
    assert (summary["contacts"], summary["mentioned_in_contacts"], summary["members"]) == ([1, 2], [3], ["minji"])
    assert [each["groups"] for each in json.loads(texts["contacts.json"])] == [["people"]] * 2
    assert [row["cells"][2] for row in json.loads(texts["import_rows.json"])] == [MAIL]
    assert [each["display_name"] for each in json.loads(texts["members.json"])] == ["Minji"]
    assert "member.add" in {row["action"] for row in json.loads(texts["audit.json"])}
    assert {1, 2} <= {each for row in json.loads(texts["audit.json"]) for each in row["ids"].get("contacts", [])}
    assert "stranger" not in "".join(texts.values())


def test_nothing_is_left_by_the_erasure(site: App) -> None:
    with as_console(site, write=False) as tx:
        held = subject_access.find(tx, MAIL)
    report = erasure.erase(site.site, CONSOLE, CLIENT, [each.id for each in held.contacts], subject=held.mail)
    assert (report.contacts, report.job_rows, report.clean) == ([1, 2], 1, True)
    assert report.certificate and report.certificate["removed"]["revisions"] == len(held.history + held.elsewhere)
    with as_console(site, write=False) as tx:
        left = subject_access.find(tx, MAIL)
        assert (left.contacts, left.history, left.elsewhere, left.job_rows) == ([], [], [], [])
        assert (left.mentions, [member.login for member in left.members]) == ([3], ["minji"])
        assert contacts.get(tx, 4).name == "Office" and len(contacts.history(tx, 4)) == 2
        assert len(subject_access.find(tx, "a@wyvern.example").job_rows) == 1


def test_a_report_after_the_group_is_gone(site: App) -> None:
    with as_console(site) as tx:
        delete_group(tx, "people", contacts_to="trash")
    target = io.BytesIO()
    with as_console(site, write=False) as tx:
        subject_access.report(tx, subject_access.find(tx, MAIL), target)
    with zipfile.ZipFile(target) as file:
        assert [each["groups"] for each in json.loads(file.read("contacts.json"))] == [[], []]


def test_import_rows_of_others_stay(site: App) -> None:
    assert erasure.erase(site.site, CONSOLE, CLIENT, [5]).job_rows == 0
    with as_console(site, write=False) as tx:
        assert all(subject_access.find(tx, mail).job_rows for mail in (MAIL, "a@wyvern.example"))
    assert erasure.erase(site.site, CONSOLE, CLIENT, [1]).job_rows == 1, "his own go also without being named"


def test_a_longer_address_is_somebody_elses(app: App) -> None:
    """Kim is told nothing of Minji Kim, and his erasure takes nothing of her."""
    kim, longer = "kim@wyvern.example", card("uid-2", "Minji", f"EMAIL:{MAIL}", "NOTE:tea", "CATEGORIES:a")
    with as_console(app) as tx:
        group = groups.default(tx)
        texts = [card("uid-1", "Kim", "EMAIL;TYPE=HOME:mailto:Kim@wyvern.example"), longer]
        ids = contacts.add_many(tx, group, [vcard.parse(text, tx.site.limits) for text in texts])
        contacts.replace(tx, ids[1], vcard.parse(longer.replace("tea", "coffee"), tx.site.limits))
    rows = f"E-mail,Birthday\n{MAIL},yesterday\n"
    transfer.import_file(app, CONSOLE, CLIENT, io.BytesIO(rows.encode()), group="contacts")
    with as_console(app, write=False) as tx:
        held = subject_access.find(tx, kim)
    assert [each.id for each in held.contacts] == [1]
    assert (held.elsewhere, held.mentions, held.job_rows) == ([], [], [])
    report = erasure.erase(app.site, CONSOLE, CLIENT, [1], subject=kim)
    assert report.job_rows == 0
    with as_console(app, write=False) as tx:
        assert all(step.before for step in contacts.history(tx, 2)[1:])


def test_an_address_in_a_line_that_is_folded(app: App) -> None:
    before = f"NOTE:{'x' * 60} ask {MAIL}"
    with as_console(app) as tx:
        found = contacts.add(
            tx, groups.default(tx), vcard.parse(card("uid-1", "Tom", *_folded(before)), tx.site.limits)
        )
        contacts.replace(tx, found.id, vcard.parse(card("uid-1", "Tom"), tx.site.limits))
        held = subject_access.find(tx, MAIL)
    assert MAIL not in (held.elsewhere[0].before or "") and len(held.elsewhere) == 1
    erasure.erase(app.site, CONSOLE, CLIENT, [], subject=MAIL)
    with as_console(app, write=False) as tx:
        assert subject_access.find(tx, MAIL).empty


def _folded(line: str) -> list[str]:
    return [line[:75], f" {line[75:]}"]


def test_only_postmasters_and_only_addresses(site: App) -> None:
    with as_member(site, "minji") as tx, pytest.raises(Forbidden, match="report on persons"):
        subject_access.find(tx, MAIL)
    with as_console(site, write=False) as tx:
        for wrong in ("minji", "@wyvern.example", "minji@", "", "a b@wyvern.example"):
            with pytest.raises(InvalidValue):
                subject_access.find(tx, wrong)
        assert subject_access.find(tx, "nobody@wyvern.example").empty


def test_the_change_feed_is_ids_in_order(site: App) -> None:
    with as_console(site, write=False) as tx:
        every = feed.log(tx, 0)
        assert [each.seq for each in every] == sorted({each.seq for each in every})
        assert {each.id for each in every if each.kind is ChangeKind.CONTACT} == {1, 2, 3, 4, 5}
        assert feed.log(tx, every[-2].seq) == every[-1:]
        assert feed.log(tx, every[-1].seq) == []
        assert feed.log(tx, datetime(2020, 1, 1, tzinfo=UTC)) == every
        assert feed.log(tx, datetime(2100, 1, 1, tzinfo=UTC)) == []
        with pytest.raises(InvalidToken):
            feed.log(tx, every[-1].seq + 1)
