"""One file of each product and format that can be imported, in its own headers, encoding and habits: what comes in.

``libreoffice.*`` were saved by LibreOffice 7.4. ``excel*.xlsx`` were put together part by part as Excel writes them:
texts shared, rich, with readings, in the cell; numbers as 8.19E+11; days as numbers from 1900 or 1904; formulas with
results; hidden sheets and rows, merged cells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns, entry_cards, incoming
from sharedbook.formats.files import sources

GOLDEN = Path(__file__).parents[1] / "golden" / "imports"
EXPECTED: dict[str, dict[str, Any]] = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Any]:
    """What an import makes of a file: how it was read, its contacts by column, what is said of it."""
    with path.open("rb") as file:
        source = sources.open_source(file, path.name, None, incoming.Reading("KR", Limits()))
        rows = list(source.rows())
        found = {"format": source.format, "encoding": source.encoding, "product": source.product}
        assert not [problem for row in rows for problem in row.problems]
        contacts = [entry_cards.cells(entry_cards.of_card(row.new_card())) for row in rows]
        warnings = [each.code for each in source.warnings]
    kept = [{column.name: text for column, text in each.items() if column.field != "uid"} for each in contacts]
    return {**found, "left_out": list(source.left_out), "warnings": warnings, "contacts": kept}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_comes_in(name: str) -> None:
    assert read(GOLDEN / name) == EXPECTED[name]


def test_every_product_and_format_has_its_file() -> None:
    files = {path.name for path in GOLDEN.iterdir()} - {"expected.json"}
    assert files == EXPECTED.keys()
    assert {each["product"] for each in EXPECTED.values()} - {"", columns.OWN} == columns.products().keys()
    suffixes = {Path(name).suffix[1:] for name in files}
    assert suffixes == {"csv", "tsv", "txt", "xlsx", "xls", "ods", "vcf", "ldif", "eml", "mbox", "zip", "json"}
    versions = {line for name in files if name.endswith(".vcf") for line in _lines(name) if line.startswith(b"VERSION")}
    assert versions == {b"VERSION:2.1", b"VERSION:3.0", b"VERSION:4.0"}


def _lines(name: str) -> list[bytes]:
    return (GOLDEN / name).read_bytes().splitlines()
