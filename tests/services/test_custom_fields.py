"""Custom fields are personal data: they are reported with a person, found by his mail address, and erased with him."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from sharedbook.app import App
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, custom_fields
from sharedbook.services.erasing import erasure, subject_access
from sharedbook.services.imports import transfer
from tests.support.sites import CLIENT, CONSOLE, as_console, card

MAIL = "zoltan@wyvern.example"


@pytest.fixture
def site(app: App) -> App:
    """Contact 1 with the field Notes, once changed; contact 2, in whose history Notes named the first one's address."""
    with as_console(app) as tx:
        field = custom_fields.add(tx, "Notes")
        for number, mail in ((1, MAIL), (2, "lajos@living.example")):
            made = vcard.parse(card(f"u-{number}", f"Contact {number}", f"EMAIL:{mail}"))
            contacts.add(tx, groups.default(tx), made)
        custom_fields.write(tx, 1, {field.id: ("Kfz-Zulassung QX-77",)})
        custom_fields.write(tx, 1, {field.id: ("Mézeskalács 42",)})
        custom_fields.write(tx, 2, {field.id: (f"ask {MAIL}",)})
        custom_fields.write(tx, 2, {field.id: ("ask nobody",)})
    return app


def test_a_report_has_them(site: App) -> None:
    target = io.BytesIO()
    with as_console(site, write=False) as tx:
        held = subject_access.find(tx, MAIL)
        subject_access.report(tx, held, target)
    assert [step.contact_id for step in held.elsewhere] == [2]
    with zipfile.ZipFile(target) as file:
        assert json.loads(file.read("contacts.json"))[0]["custom"] == {"Notes": ["Mézeskalács 42"]}
        assert [["Kfz-Zulassung QX-77"]] in [each["custom_before"] for each in json.loads(file.read("history.json"))]


def test_an_erasure_takes_them_and_says_where_they_are_left(site: App) -> None:
    (site.settings.data_dir / "forgotten.csv").write_text("xx Kfz-Zulassung xx", encoding="utf-16")
    report = erasure.erase(site.site, CONSOLE, CLIENT, [1], subject=MAIL)
    assert list(report.residue) == ["forgotten.csv"]
    database = site.site.database.path
    if database is not None:
        data = database.read_bytes()
        assert not any(text.encode() in data for text in ("QX-77", "Mézeskalács", MAIL))
        assert b"ask nobody" in data
    with as_console(site, write=False) as tx:
        assert custom_fields.values(tx, 1) == {}
        assert subject_access.find(tx, MAIL).empty


def test_exports_have_them_and_the_card_that_clients_get_does_not(site: App) -> None:
    for form, written in (("csv", "custom:Notes"), ("vcf", "X-SHAREDBOOK-FIELD;NAME=Notes:")):
        out = io.BytesIO()
        transfer.export(site, CONSOLE, CLIENT, out, format=form)
        assert written in out.getvalue().decode() and "Mézeskalács 42" in out.getvalue().decode()
    with as_console(site, write=False) as tx:
        assert "Mézeskalács" not in contacts.get(tx, 1).vcard
