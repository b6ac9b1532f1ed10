"""The controls of a search: paged results (RFC 2696), server-side sorting (RFC 2891), virtual list view (draft 09)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ldap_gateway import schema, wire
from ldap_gateway.attributes import Attribute, Kind, Names
from ldap_gateway.ber import ENUMERATED, Reader, integer, octets, sequence
from ldap_gateway.errors import Refused
from ldap_gateway.index import Order
from ldap_gateway.messages import Code, Control
from sharedbook.domain import folding

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Page:
    """How many entries to answer, and from where (an empty cookie: from the start)."""

    size: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class View:
    """A window around a target: a position of a list of ``count`` entries, or the first one not before ``at_least``."""

    before: int
    after: int
    offset: int
    count: int
    at_least: str | None


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of one request that are known and understood. ``sort_failed``: why it cannot be sorted as asked."""

    page: Page | None = None
    order: tuple[Order, ...] = ()
    sorting: bool = False
    sort_failed: Code = Code.SUCCESS
    view: View | None = None


NONE = Controls()


def read(found: Sequence[Control], names: Names) -> Controls:
    """Raises Refused: an unknown control or an impossible order is critical (12), or a value cannot be read (2)."""
    if not found:
        return NONE
    for control in found:
        if control.critical and control.oid not in schema.CONTROLS:
            raise Refused(Code.UNAVAILABLE_CRITICAL_EXTENSION, f"the control {control.oid} is not known")
    by_oid = {control.oid: control for control in found}
    page = _parsed(by_oid.get(schema.PAGED_RESULTS), _page)
    sort = by_oid.get(schema.SORT_REQUEST)
    order, failed = _parsed(sort, lambda value: _order(value, names)) or ((), Code.SUCCESS)
    if sort and sort.critical and failed:
        raise SortRefused(failed)
    view = _parsed(by_oid.get(schema.VLV_REQUEST), _view)
    if view and not order:
        raise Refused(Code.SORT_CONTROL_MISSING, "a list view needs an order")
    if view and page:
        raise Refused(Code.UNWILLING_TO_PERFORM, "a list view has no pages")
    return Controls(page, order, sort is not None, failed, view)


def _parsed(control: Control | None, parse: Callable[[Reader], Value]) -> Value | None:
    if control is None:
        return None
    try:
        if control.value is None:
            raise ValueError("it has no value")
        return parse(Reader(control.value).enter())
    except ValueError as error:
        raise Refused(Code.PROTOCOL_ERROR, f"the control {control.oid} cannot be read: {error}") from None


class SortRefused(Refused):
    """A critical order that is not possible: the answer says why in its own control."""

    def __init__(self, failed: Code) -> None:
        super().__init__(Code.UNAVAILABLE_CRITICAL_EXTENSION, "entries cannot be sorted like this")
        self.control = sort_answer(failed)


# ---- paged results


def _page(value: Reader) -> Page:
    return Page(value.count(), value.octets())


def page_answer(estimate: int, cookie: bytes) -> bytes:
    """How many entries there are in all for this reader, and where the next page starts."""
    return wire.control(schema.PAGED_RESULTS, sequence(integer(estimate), octets(cookie)))


# ---- sorting

_ORDERING_RULES = {"2.5.13.3": "caseignoreorderingmatch", "2.5.13.28": "generalizedtimeorderingmatch"}
_TEXT_RULES = frozenset({"caseignoreorderingmatch", "caseignorematch", "2.5.13.2"})


def _order(value: Reader, names: Names) -> tuple[tuple[Order, ...], Code]:
    """The order, or why it is not possible."""
    order: list[Order] = []
    failed = Code.SUCCESS
    while value.more():
        key = value.enter()
        attribute = names.resolve(key.text())
        rule = key.text(0x80).lower() if key.peek() == 0x80 else ""
        reverse = key.boolean(0x81) if key.more() else False
        if not isinstance(attribute, Attribute) or attribute.kind is Kind.JPEG:
            failed = failed or Code.NO_SUCH_ATTRIBUTE
        elif rule and not _orders(rule, attribute):
            failed = failed or Code.INAPPROPRIATE_MATCHING
        else:
            order.append(Order(attribute.name, reverse))
    return ((), failed) if failed else (tuple(order), failed)


def _orders(rule: str, attribute: Attribute) -> bool:
    rule = _ORDERING_RULES.get(rule, rule)
    return rule in _TEXT_RULES or rule == attribute.kind.ordering.lower()


def sort_answer(code: Code) -> bytes:
    """Whether the entries are in the order that was asked for."""
    return wire.control(schema.SORT_RESPONSE, sequence(integer(code, ENUMERATED)))


# ---- virtual list view


def _view(value: Reader) -> View:
    before, after = value.count(), value.count()
    if value.peek() == 0xA0:
        position = value.enter(0xA0)
        return View(before, after, position.count(), position.count(), None)
    return View(before, after, 0, 0, value.text(0x81))


def window(view: View, keys: Sequence[str], *, reverse: bool) -> tuple[slice, int]:
    """The entries to answer, and the position of the target (from 1). ``keys``: what each entry is sorted by.

    Raises Refused for an offset of 0 (section 6.2 of the draft).
    """
    size = len(keys)
    if view.at_least is not None:
        target = _first_at_least(folding.pad(folding.fold(view.at_least)), keys, reverse=reverse)
    elif view.offset == 0:
        raise Refused(Code.OFFSET_RANGE_ERROR, "positions start at 1")
    elif view.count in (0, size):
        target = min(view.offset, size)
    else:
        target = size if view.offset >= view.count else max(1, round(size * view.offset / view.count))
    target = min(target, size + 1)
    return slice(max(0, target - 1 - view.before), min(size, target + view.after)), target


def _first_at_least(sought: str, keys: Sequence[str], *, reverse: bool) -> int:
    if reverse:
        return next((at for at, key in enumerate(keys, 1) if key <= sought), len(keys) + 1)
    return bisect_left(keys, sought) + 1


def view_answer(target: int, size: int) -> bytes:
    """Where the target is in the whole list, as this reader sees it."""
    return wire.control(
        schema.VLV_RESPONSE, sequence(integer(target), integer(size), integer(Code.SUCCESS, ENUMERATED))
    )
