"""A new card made of edits: the text that ``vcard.patch`` of a bare card gives, and its properties, without reading it.

Imports make most of their cards so: what was just written need not be parsed to be indexed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sharedbook.formats.vcards.content_line import CRLF, Params, Property, Raw, Value, fold_raw, line_head, raw_value
from sharedbook.formats.vcards.vcard import Add, Card, Edit, Set

PRODUCT = "-//sharedbook//EN"
_BEGIN, _END = f"BEGIN:VCARD{CRLF}", f"END:VCARD{CRLF}"

_Line = tuple[str, str, Value, Params]
"""Group, name, value and parameters."""


def compose(uid: str, edits: Iterable[Edit]) -> Card:
    """A vCard 3.0 of these edits of ``bare()``. Raises InvalidCard for a value that no line can carry.

    Limits are not asked: see ``vcard.checked``.
    """
    pieces, properties = [_BEGIN], list[Property]()
    place, number = len(_BEGIN), 2
    for group, name, value, params in _lines(uid, edits):
        raw = raw_value(value)
        text = fold_raw(_head(name, params, group) if params or group else name, raw)
        end = place + len(text)
        properties.append(Property(group, name.upper(), params, raw, place, end, number))
        pieces.append(text)
        place = end
        number += text.count(CRLF)
    return Card("".join([*pieces, _END]), "3.0", tuple(properties), place)


_head = lru_cache(maxsize=64)(line_head)  # few are in most cards


def bare(uid: str = "-") -> Card:
    """The card that the edits of a new one are of: it has no name yet."""
    return compose(uid, ())


def _lines(uid: str, edits: Iterable[Edit]) -> list[_Line]:
    head: dict[str, Value] = {"VERSION": Raw("3.0"), "PRODID": PRODUCT, "UID": Raw(uid), "FN": "-", "N": ("",) * 5}
    rest: list[_Line] = []
    labels = 0
    for edit in edits:
        if isinstance(edit, Set) and edit.name in head:
            head[edit.name] = edit.value
        elif isinstance(edit, Add) and edit.label:
            labels += 1
            group = f"item{labels}"
            rest += [(group, edit.name, edit.value, edit.params), (group, "X-ABLabel", edit.label, ())]
        elif isinstance(edit, Set | Add):
            rest.append(("", edit.name, edit.value, edit.params or ()))
    return [*(("", name, value, ()) for name, value in head.items()), *rest]
