"""Dates of three numbers: a file tells the order, or who imports; what neither does is named."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from sharedbook.domain.model import Limits
from sharedbook.formats.entries import columns, entries
from sharedbook.formats.entries.dates import _BY_HEADER, Order
from sharedbook.formats.entries.incoming import Reading
from sharedbook.formats.files import sources

THIS = datetime.now(UTC).year % 100
NEXT = (THIS + 1) % 100

Found = tuple[list[str], list[tuple[int, str]]]


def read(*cells: str, header: str = "birthday", region: str = "US", dates: Order | None = None) -> Found:
    """The dates of a file, "!" for one that is refused, and the lines of what is said of them."""
    data = f"name,{header}\n" + "".join(f"Kim,{cell}\n" for cell in cells)
    reading = Reading(region, Limits(), dates=dates)
    source = sources.open_source(io.BytesIO(data.encode()), "", "csv", reading)
    rows = list(source.rows())
    found = ["!" if row.problems else row.entry.single["birthday"] for row in rows]
    return found, [(each.line, each.code) for each in source.warnings]


@pytest.mark.parametrize(("cells", "found"), [
    (["10/12/1815", "13/12/1815"], ["1815-12-10", "1815-12-13"]),
    (["10/12/1815", "12/13/1815"], ["1815-10-12", "1815-12-13"]),
    (["10-12-1815", "31-01-1815"], ["1815-12-10", "1815-01-31"]),
    (["10/12/1815 0:00", "13/12/1815 0:00"], ["1815-12-10", "1815-12-13"]),
    (["5/5/2000", "1985-04-23", "", "--04-23"], ["2000-05-05", "1985-04-23", "", "--04-23"]),
    (["10.12.1815"], ["1815-12-10"]),
    (["3/4/1985", "soon", "23/4/1985"], ["1985-04-03", "!", "1985-04-23"]),
])  # fmt: skip
@pytest.mark.parametrize("region", ["US", "DE", "KR"])
def test_one_value_settles_all(cells: list[str], found: list[str], region: str) -> None:
    cells = [cell for cell in cells if cell]
    assert read(*cells, region=region) == ([each for each in found if each], [])


@pytest.mark.parametrize(("region", "first"), [("US", "1815-10-12"), ("GB", "1815-12-10"), ("KR", "1815-12-10")])
def test_what_nothing_settles_is_named(region: str, first: str) -> None:
    found, said = read("10/12/1815", "5/5/2000", "11/12/1815", region=region)
    assert (found[0], said) == (first, [(2, "ambiguous-date"), (4, "ambiguous-date")])
    mixed, said = read("10/12/1815", "13/12/1815", "12/13/1815", region=region)
    assert (mixed, said) == ([first, "1815-12-13", "1815-12-13"], [(2, "ambiguous-date")])


def test_who_imports_says_it() -> None:
    cells = ("10/12/1815", "13/12/1815", "1985-04-23")
    assert read(*cells, dates=Order.DAY_FIRST) == (["1815-12-10", "1815-12-13", "1985-04-23"], [])
    assert read(*cells, dates=Order.MONTH_FIRST) == (["1815-10-12", "!", "1985-04-23"], [])


def test_the_language_of_a_header_says_it() -> None:
    assert read("10/12/1815", header="Geburtstag") == (["1815-12-10"], [])
    assert read("10/12/1815", header="생일") == (["1815-10-12"], [(2, "ambiguous-date")])
    assert read("04/05/06", header="생일") == (["2004-05-06"], [(2, "short-year")])
    known = {name for name, column in columns.products()[columns.ANY].headers.items() if column == "birthday"}
    assert {columns.fold(name) for name in known} == {*_BY_HEADER, "birthday", "date of birth"}


def test_years_of_two_digits() -> None:
    assert read(f"1/31/{THIS:02}", f"1/31/{NEXT:02}") == (
        [f"20{THIS:02}-01-31", f"19{NEXT:02}-01-31"],
        [(2, "short-year")],
    )
    assert read("85.04.23", "04.05.06") == (["1985-04-23", "2004-05-06"], [(2, "short-year")])
    assert read("04.05.06", "23.04.85") == (["2006-05-04", "1985-04-23"], [(2, "short-year")])
    assert read("04/05/06", dates=Order.YEAR_FIRST) == (["2004-05-06"], [])
    assert read("04/05/06", region="GB")[1] == [(2, "ambiguous-date"), (2, "short-year")]
    assert read("4/5/6")[0] == ["!"]


def test_the_card_of_an_export_is_no_evidence() -> None:
    data = "uid,name,birthday\nU-1,Kim,13/12/1815\n,Lee,10/12/1815\n"
    source = sources.open_source(io.BytesIO(data.encode()), "", "csv", Reading("US", Limits()))
    assert [row.entry.single["birthday"] for row in source.rows()] == ["13/12/1815", "1815-10-12"]
    assert [(each.line, each.code) for each in source.warnings] == [(3, "ambiguous-date")]


@pytest.mark.parametrize(("text", "found"), [
    ("13/12/1815", "1815-12-13"), ("5/5/2000", "2000-05-05"), ("10/12/1815", "1815-12-10 or 1815-10-12"),
    ("23/4/85", "may be 1985-04-23"), ("31/31/2000", "is not a date"),
])  # fmt: skip
def test_a_date_alone_that_is_not_sure_is_refused(text: str, found: str) -> None:
    made = entries.of_columns({"name": "Kim", "birthday": text}, limits=Limits())
    assert made[0].message.count(found) == 1 if isinstance(made, list) else made.single["birthday"] == found
