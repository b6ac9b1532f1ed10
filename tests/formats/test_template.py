"""Templates: the headers are the product's own, each column is explained, and the import leaves the explanation out."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns, entries
from sharedbook.formats.entries.dates import UNSURE
from sharedbook.formats.entries.entries import Entry
from sharedbook.formats.files import sheet_write, template
from sharedbook.formats.rows import csv_rows

FILES = {
    "google": "google_current.csv",
    "google-legacy": "google_legacy_fixed.csv",
    "outlook": "outlook_classic.csv",
    "outlook-com": "outlook_com.csv",
    "m365": "m365_mailcontact.csv",
    "yeastar": "yeastar_p.csv",
    "oro": "oro_contact.csv",
}


@pytest.mark.parametrize("product", template.products())
def test_a_template_explains_itself_and_holds_no_row(product: str) -> None:
    header, notes, examples = template.rows(product)
    assert len(header) == len(notes) == len(examples)
    assert all(notes)
    target = io.BytesIO()
    csv_rows.write(target, header, [notes, examples])
    table = csv_rows.open_table(target)
    assert table.size == 0
    layout = columns.layout(table.header)
    assert layout.product == product
    row = csv_rows.Row(3, (examples[0].removeprefix(f"{csv_rows.NOTE_MARK} "), *examples[1:]))
    assert isinstance(entries.read(layout, row, style=UNSURE, limits=Limits()), Entry)


def headers(product: str) -> dict[str, str]:
    return columns.products()[product].headers


@pytest.mark.parametrize("product", FILES)
def test_headers_are_the_product_s_in_its_order(shared_data: Path, product: str) -> None:
    with (shared_data / "import-headers" / FILES[product]).open(encoding="utf-8-sig", newline="") as file:
        real = next(csv.reader(file))
    made = template.rows(product)[0]
    common = [name for name in made if name in real]
    assert common == [name for name in real if name in made]
    third = {name for name in real if " 3 - " in name or " 3 " in name.removeprefix("E-mail")}
    assert {name for name in real if name not in made} == (third if "{n}" in "".join(headers(product)) else set())


def test_unknown_product() -> None:
    with pytest.raises(InvalidValue, match="no template goggle"):
        template.rows("goggle")


@pytest.mark.parametrize("count", [3, 60])
def test_a_sheet_offers_the_groups(count: int) -> None:
    """In the rule of the cells; or, when that would be longer than Excel reads, out of a hidden sheet."""
    slugs, output = [f"group-{number}" for number in range(count)], io.BytesIO()
    sheet_write.write(output, ["name", "groups"], [], {"groups": slugs})
    with zipfile.ZipFile(output) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        names, strings = book.read("xl/workbook.xml").decode(), book.read("xl/sharedStrings.xml").decode()
    [where] = re.findall(r'sqref="([A-Z0-9:]+)"><formula1>', sheet)
    [rule] = re.findall("<formula1>(.*)</formula1>", sheet)
    assert where == f"B2:B{sheet_write.LAST_ROW + 1}" and 'errorStyle="information"' in sheet
    assert (rule == f'"{",".join(slugs)}"') is (count == 3)
    assert ('state="hidden"' in names, f"<t>{slugs[-1]}</t>" in strings) == (count == 60, count == 60)
    assert len(rule) <= 257
