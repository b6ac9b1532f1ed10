"""Import files to fill in: our own headers or another product's, a row that explains them and one that shows them.

The import leaves both rows out: their first cell begins with ``csv_rows.NOTE_MARK``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sharedbook.domain.errors import InvalidValue
from sharedbook.domain.model import CustomField, FieldKind
from sharedbook.formats.entries import columns
from sharedbook.formats.entries.columns import FIELDS, GROUPS, GROUPS_HELP, LEFT_OUT, OWN, Column
from sharedbook.formats.entries.custom_values import PREFIX
from sharedbook.formats.rows.csv_rows import NOTE_MARK

HEADER = (
    "name", "first_name", "last_name", "email", "email.2", "phone.mobile", "phone.work", "company", "department",
    "title", "address.work.street", "address.work.city", "address.work.postal_code", "address.work.country",
    "birthday", "tags", "note", "external_id",
)  # fmt: skip
"""Our own columns that most people need; `docs/columns.md` has all of them."""

_EXAMPLES = {
    "name": "Minji Kim",
    "email.2": "minji@home.example",
    "email.type": "work",
    "phone.type": "mobile",
    "phone.work": "+82 2-123-4567",
    "address.type": "work",
    "address.street": "1 Sejong-daero",
    "address.city": "Seoul",
    "address.postal_code": "04524",
    "address.country": "Korea",
}
_CUSTOM_HELP = {
    FieldKind.TEXT: "the site's own field",
    FieldKind.LINK: "the site's own field, a link",
    FieldKind.MEMBER: "login of the member who looks after the contact",
}
_TYPES = {
    "email": ["work", "home", "other"],
    "phone": ["mobile", "work", "home", "work fax", "home fax", "pager", "other"],
    "address": ["work", "home", "other"],
    "url": ["work", "home", "other"],
}
_NUMBERS = 2
_TYPE_HELP = "what it is: work, home, mobile, work fax, or your own word"


def products() -> list[str]:
    """Names that ``rows`` takes: our own first."""
    return [OWN, *(name for name in columns.products() if name != columns.ANY)]


def rows(product: str = OWN, custom: Sequence[CustomField] = (), groups: Sequence[str] = ()) -> list[list[str]]:
    """The header, a row that explains each column and one that shows it. Raises InvalidValue for an unknown product.

    ``custom``: the site's own fields, ``groups``: slugs that may be named; only our own template has columns for them.
    """
    if product not in products():
        raise InvalidValue(f"there is no template {product}", field="product", hint=f"one of: {', '.join(products())}")
    header = list(HEADER) if product == OWN else headers(product, _NUMBERS)
    meant = columns.layout(header).columns
    notes, examples = [_help(column) for column in meant], [_example(column) for column in meant]
    if groups and product == OWN:
        header.append(GROUPS.name)
        notes.append(GROUPS_HELP)
        examples.append(groups[0])
    for field in custom if product == OWN else ():
        header.append(f"{PREFIX}{field.name}")
        notes.append(_CUSTOM_HELP[field.kind] + (", several separated by ;" if field.several else ""))
        examples.append("")
    return [header, *([f"{NOTE_MARK} {row[0]}", *row[1:]] for row in (notes, examples))]


def choices(header: Sequence[str], groups: Sequence[str] = ()) -> dict[str, Sequence[str]]:
    """What may be offered below each header that is a type or names groups; other words may stand there, too."""
    own = {name: LEFT_OUT for name in header if name.startswith(PREFIX)}
    meant = zip(header, columns.layout(header, own).columns, strict=True)
    offered: dict[str, Sequence[str]] = {
        name: _TYPES[each.field] for name, each in meant if each and each.part == "type" and each.field in _TYPES
    }
    if groups and GROUPS.name in header:
        offered[GROUPS.name] = groups
    return offered


def headers(product: str, most: int) -> list[str]:
    """The product's headers in its order, those with a number up to ``most``."""
    header: list[str] = []
    for stem, several in groupby(columns.products()[product].headers, _stem):
        block = list(several)
        numbers = range(1, most + 1 if stem else 2)
        header += [each.replace("{n}", str(number)) for number in numbers for each in block]
    return header


def _stem(header: str) -> str:
    """What the numbered headers of one value have in common; "" for a header without number."""
    stem, mark, _ = header.partition("{n}")
    return stem if mark else ""


def _help(column: Column | None) -> str:
    if column is None:
        return f"{LEFT_OUT} (left out)"
    if column.part == "type":
        return _TYPE_HELP
    what, _, _ = FIELDS[column.field].help.partition("; more in ")
    return ": ".join(filter(None, (what, column.type.replace("_", " "), column.part.replace("_", " "))))


def _example(column: Column | None) -> str:
    """An example for the column as it is named, without its type, or for its field."""
    if column is None:
        return ""
    plain = Column(column.field, "", 1, column.part).name
    wanted = _EXAMPLES.get(column.name) or _EXAMPLES.get(plain)
    return wanted or ("" if column.number > 1 or column.part else FIELDS[column.field].example)
