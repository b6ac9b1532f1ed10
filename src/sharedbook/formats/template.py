"""Empty import files to fill in: our own columns with an explained example, or the headers of another product."""

from __future__ import annotations

from sharedbook.domain.errors import InvalidValue
from sharedbook.formats import columns
from sharedbook.formats.columns import FIELDS, OWN
from sharedbook.formats.csv_rows import NOTE_MARK

HEADER = (
    "name", "first_name", "last_name", "email", "email.2", "phone.mobile", "phone.work", "company", "department",
    "title", "address.work.street", "address.work.city", "address.work.postal_code", "address.work.country", "birthday", "tags",
    "note", "external_id",
)  # fmt: skip
"""Our own columns that most people need; `docs/columns.md` has all of them."""

_EXAMPLES = {
    "name": "Minji Kim",
    "email.2": "minji@home.example",
    "phone.work": "+82 2-123-4567",
    "address.work.street": "1 Sejong-daero",
    "address.work.city": "Seoul",
    "address.work.postal_code": "04524",
    "address.work.country": "Korea",
}
_NUMBERS = 2


def products() -> list[str]:
    """Names that ``rows`` takes: our own first."""
    return [OWN, *(name for name in columns.products() if name != columns.ANY)]


def rows(product: str = OWN) -> list[list[str]]:
    """The header and, in our own template, a row that explains each column and one that shows it.

    The import leaves both out. Raises InvalidValue for an unknown product.
    """
    if product not in products():
        raise InvalidValue(f"there is no template {product}", field="product", hint=f"one of: {', '.join(products())}")
    if product != OWN:
        return [_header(product)]
    notes, examples = [], []
    for name in HEADER:
        field = FIELDS[name.partition(".")[0]]
        notes.append(field.help)
        examples.append(_EXAMPLES.get(name, field.example))
    return [list(HEADER), *([f"{NOTE_MARK} {row[0]}", *row[1:]] for row in (notes, examples))]


def _header(product: str) -> list[str]:
    """The product's headers, the numbered ones up to two."""
    headers = list(columns.products()[product].headers)
    plain = [header for header in headers if "{n}" not in header]
    numbered = [header for header in headers if "{n}" in header]
    return plain + [header.replace("{n}", str(n)) for n in range(1, _NUMBERS + 1) for header in numbered]
