"""Values of the site's own fields: how a field is named, and what its values may be. They are in no card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from sharedbook.domain import folding
from sharedbook.domain.errors import InvalidName, InvalidValue
from sharedbook.domain.model import CustomField, FieldKind, Limits
from sharedbook.formats.entries import columns, entries
from sharedbook.formats.vcards.content_line import illegal_character

PREFIX = "custom:"
"""What stands before the name where columns of the card are named, too."""

MOST = 10
"""Values of one field in one contact."""

NAME_LENGTH = 60
LINK_LENGTH = 2_000
_NAME = re.compile(r"[^\W\d]([\w .()/&#'-]*[\w.)])?")


def key_of(name: str) -> str:
    """How a name is compared, and written in a search: ``Contract no.`` is ``contract_no``."""
    return re.sub(r"\W+", "_", folding.fold(name)).strip("_")


def check_name(name: str) -> str:
    """The name without outer spaces. Raises InvalidName: odd characters, or a column's name."""
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        raise InvalidName(
            f"{name[:80]!r} cannot name a field",
            hint=f"up to {NAME_LENGTH} letters and digits, with spaces and . ( ) / & # ' - between",
        )
    if columns.parse(name) or columns.parse(key_of(name)) or key_of(name) == columns.GROUPS.name:
        raise InvalidName(f"{name} is a column of the card", hint="use that column, or choose another name")
    return name


def named(fields: Iterable[CustomField], name: str) -> CustomField | None:
    """The field of this name, with or without PREFIX, in any case."""
    key = key_of(name.removeprefix(PREFIX))
    return next((field for field in fields if field.key == key), None)


def of_cells(
    fields: Iterable[CustomField], cells: Mapping[str, str], limits: Limits
) -> tuple[dict[int, tuple[str, ...]], list[str]]:
    """Values by the field's id, of cells by its name, and the names that no field has. Raises InvalidValue."""
    own = {name: named(fields, name) for name in cells}
    values = {field.id: read(field, cells[name], limits) for name, field in own.items() if field is not None}
    return values, [name for name, field in own.items() if field is None]


def read(field: CustomField, text: str, limits: Limits) -> tuple[str, ...]:
    """The values that a cell or a word of the command line holds, none for an empty one. Raises InvalidValue."""
    values = tuple(dict.fromkeys(entries.words(text) if field.several else filter(None, [text.strip()])))
    if len(values) > MOST:
        raise _invalid(field, f"has {len(values)} values; at most {MOST}")
    for value in values:
        if len(value) > (limits.note_length if field.kind is FieldKind.TEXT else LINK_LENGTH):
            raise _invalid(field, f"has a value of {len(value)} characters, which is too long")
        if illegal_character(value):
            raise _invalid(field, "holds a control character")
        if field.kind is FieldKind.LINK and not _is_link(value):
            raise _invalid(field, f"{value[:80]} is not an http, https or mailto link")
    return _logins(field, values) if field.kind is FieldKind.MEMBER else values


def _logins(field: CustomField, values: Sequence[str]) -> tuple[str, ...]:
    """Logins as they are stored."""
    folded = tuple(folding.fold(value).strip() for value in values)
    if missing := [value for value in folded if value not in field.logins]:
        raise _invalid(field, f"there is no member {missing[0][:80]}")
    return folded


def written(field: CustomField, values: Sequence[str]) -> str:
    """Values as one cell, so that ``read`` reads them back."""
    return entries.joined(values) if field.several else "".join(values)


def _invalid(field: CustomField, what: str) -> InvalidValue:
    return InvalidValue(f"{field.name}: {what}", field=f"{PREFIX}{field.name}")


def _is_link(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if any(character.isspace() for character in value):
        return False
    return "@" in parts.path if parts.scheme == "mailto" else parts.scheme in ("http", "https") and bool(parts.hostname)
