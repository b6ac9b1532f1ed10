"""The same people as other products export them: their headers, most of whose columns are empty in most rows.

The headers are those of the golden files, which were taken from the products.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

GOLDEN = Path(__file__).parents[1] / "golden" / "imports"

OURS = (
    "first_name", "last_name", "company", "department", "title", "email.work", "email.home", "phone.mobile",
    "phone.work", "address.work.street", "address.work.city", "address.work.postal_code", "address.work.country",
    "note",
)  # fmt: skip


class Layout(NamedTuple):
    """``header``, and what makes a row below it of one below ``OURS``."""

    header: Sequence[str]
    row: Callable[[Sequence[str]], Sequence[str]]


def _product(file: str, encoding: str, columns: Sequence[str], constant: Mapping[str, str]) -> Layout:
    """``columns``: where the values of ``OURS`` stand, "" for nowhere; ``constant``: what stands in every row."""
    with (GOLDEN / file).open(newline="", encoding=encoding) as source:
        header = next(csv.reader(source))
    base = [constant.get(name, "") for name in header]
    places = [header.index(name) if name else None for name in columns]

    def row(values: Sequence[str]) -> Sequence[str]:
        cells = base.copy()
        for place, value in zip(places, values, strict=True):
            if place is not None:
                cells[place] = value
        return cells

    return Layout(header, row)


PRODUCTS: Mapping[str, tuple[str, str, Sequence[str], Mapping[str, str]]] = {
    "Google": (
        "google.csv",
        "utf-8-sig",
        (
            *("First Name", "Last Name", "Organization Name", "Organization Department", "Organization Title"),
            *("E-mail 1 - Value", "E-mail 2 - Value", "Phone 1 - Value", "Phone 2 - Value", "Address 1 - Street"),
            *("Address 1 - City", "Address 1 - Postal Code", "Address 1 - Country", "Notes"),
        ),
        {
            "E-mail 1 - Label": "* Work",
            "E-mail 2 - Label": "Home",
            "Phone 1 - Label": "Mobile",
            "Phone 2 - Label": "Work",
            "Address 1 - Label": "Work",
            "Labels": "* myContacts",
        },
    ),
    "Outlook": (
        "outlook.csv",
        "cp949",
        (
            *("First Name", "Last Name", "Company", "Department", "Job Title", "E-mail Address"),
            *("E-mail 2 Address", "Mobile Phone", "Business Phone", "Business Street", "Business City"),
            *("Business Postal Code", "Business Country/Region", "Notes"),
        ),
        {
            "E-mail Type": "SMTP",
            "E-mail 2 Type": "SMTP",
            "Gender": "Unspecified",
            "Priority": "Normal",
            "Private": "False",
            "Sensitivity": "Normal",
            "Birthday": "0/0/00",
            "Anniversary": "0/0/00",
        },
    ),
    "Outlook.com": (
        "outlook-com.csv",
        "utf-8-sig",
        (
            *("First Name", "Last Name", "Company", "Department", "Job Title", "E-mail Address"),
            *("E-mail 2 Address", "Mobile Phone", "Business Phone", "Business Street", "Business City"),
            *("Business Postal Code", "Business Country/Region", "Notes"),
        ),
        {},
    ),
    "OroCRM": (
        "oro.csv",
        "utf-8-sig",
        (
            *("First name", "Last name", "Accounts 1 Account name", "", "Job Title", "Emails 1 Email"),
            *("Emails 2 Email", "Phones 1 Phone", "Phones 2 Phone", "Addresses 1 Street", "Addresses 1 City"),
            *("Addresses 1 Zip/Postal Code", "", "Description"),
        ),
        {},
    ),
    "Yeastar": (
        "yeastar.csv",
        "utf-8-sig",
        (
            *("First Name", "Last Name", "Company Name", "", "", "Email", "", "Mobile", "Business Number"),
            *("Street", "City", "ZIP Code", "Country", "Remark"),
        ),
        {},
    ),
}
"""Of each: the file that has its header, and the encoding of that; ``columns`` and ``constant`` of ``_product``."""


def layouts() -> Mapping[str, Layout]:
    """Layouts by the name of the product, the one that has nothing but full columns first."""
    return {"14 columns, all full": Layout(OURS, list)} | {
        name: _product(*product) for name, product in PRODUCTS.items()
    }
