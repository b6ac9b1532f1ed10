"""Exports for other programs: their own headers, and the import finds everything there again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.files import outgoing, sources
from sharedbook.formats.files.outgoing import Exported
from tests.formats.samples import card

PEOPLE = [
    card(["UID:1", "FN:김민지", "N:김;민지;;;", "ORG:Example;Sales", "TITLE:Head", "EMAIL;TYPE=HOME:a@example.com",
          "EMAIL:b@example.com", "TEL;TYPE=WORK,FAX:+82 2 1", "TEL;TYPE=CELL:+82 10 1", "TEL;TYPE=WORK:+82 2 2",
          "TEL;TYPE=WORK:+82 2 3", "ADR;TYPE=HOME:;;1 Street;Seoul;;04524;Korea", "BDAY:1985-04-23", "NOTE:=1+1"]),
    card(["UID:2", "FN:Acme", "N:;;;;", "TEL:+82 2 9", "TEL;TYPE=X-SATELLITE:+870 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("product", "file"), [("google", "google_current.csv"), ("outlook", "outlook_classic.csv")])
def test_what_is_exported_for_another_program(product: str, file: str, shared_data: Path) -> None:
    target = io.BytesIO()
    outgoing.write(product, target, lambda: (Exported(text.decode(), {}, ()) for text in PEOPLE))
    found = list(csv.DictReader(io.StringIO(target.getvalue().decode("utf-8-sig"), newline="")))
    with (shared_data / "import-headers" / file).open(encoding="utf-8-sig", newline="") as real:
        assert set(next(csv.reader(real))) <= set(found[0])
    source = sources.open_source(target, "x.csv", None, incoming.Reading("KR", Limits()))
    assert source.product == product
    minji, acme = (row.entry for row in source.rows())
    assert minji.single["last_name"] == "김" and minji.single["first_name"] == "민지"
    assert minji.single["birthday"] == "1985-04-23" and minji.single["note"] == "=1+1"
    assert sorted(minji.texts("email")) == ["a@example.com", "b@example.com"]
    assert {(each.type.replace(" ", "_").lower(), each.text) for each in minji.values("phone")} == {
        ("work_fax", "+82 2 1"), ("mobile", "+82 10 1"), ("work", "+82 2 2"), ("work", "+82 2 3"),
    }  # fmt: skip
    (home,) = minji.values("address")
    assert (home.type, home.parts["city"], home.parts["postal_code"]) == ("home", "Seoul", "04524")
    assert acme.single["first_name"] == "Acme"
    assert sorted(acme.texts("phone")) == ["+82 2 9", "+870 1"]


def test_what_has_no_place_is_told() -> None:
    gif = "PHOTO;ENCODING=b;TYPE=GIF:R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
    odd = card(["UID:3", "FN:Ann", "N:;Ann;;;", "GENDER:F", "IMPP:xmpp:ann@example.com", gif]).decode()
    people = [Exported(PEOPLE[0].decode(), {}, ()), Exported(odd, {"custom:Floor": "3"}, ("press",))]
    left = ["custom:Floor", "gender", "groups", "im", "photo"]
    assert outgoing.write("google", io.BytesIO(), lambda: iter(people)) == left
    assert outgoing.write("google", io.BytesIO(), lambda: iter(people[:1])) == []
    assert outgoing.write("vcf", io.BytesIO(), lambda: iter(people)) == []
