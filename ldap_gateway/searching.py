"""The searches of one session: what each finds, in which order, window or page.

Rows are found at once; entries are encoded when they are sent (``Directory.encode``). A paging cookie stands for rows
that were found: no page searches again, and whoever is gone or hidden by then is left out.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ldap_gateway import controls as c
from ldap_gateway import messages as m
from ldap_gateway.controls import Controls, Page, View
from ldap_gateway.directory import Directory, Reader
from ldap_gateway.entries import DSE, Rows
from ldap_gateway.errors import Refused
from ldap_gateway.index import Order
from ldap_gateway.messages import Code
from ldap_gateway.templates import Template, Words

COOKIES = 8
"""How many unfinished paged searches a connection may have; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search answers: rows in order, its result, and its encoded response controls."""

    rows: Rows
    code: Code
    controls: bytes


@dataclass(frozen=True, slots=True)
class _Rest:
    """What a cookie stands for: all rows of the search, and how many were sent."""

    request: m.Search
    order: tuple[Order, ...]
    rows: Rows
    sent: int
    code: Code


class Searches:
    """``size_limit``: entries of an unpaged search, 0 for any number."""

    def __init__(self, directory: Directory, size_limit: int) -> None:
        self._directory = directory
        self._size_limit = size_limit
        self._rests: dict[bytes, _Rest] = {}

    def forget(self) -> None:
        """No cookie outlives the identity for which it was made."""
        self._rests.clear()

    def run(self, reader: Reader | None, request: m.Search, controls: Controls, root: int = DSE) -> Found:
        """``root``: the rootDSE of this connection. Raises Refused."""
        if controls.page and controls.page.cookie:
            return self._next_page(controls.page, request, controls)
        limit = _least(request.size_limit, 0 if controls.page else self._size_limit)
        rows = self._directory.search(
            reader,
            request,
            root=root,
            order=controls.order,
            limit=limit + 1 if limit and not controls.view else None,
        )
        sorted_ = c.sort_answer(controls.sort_failed) if controls.sorting else b""
        if controls.view:
            return self._window(reader, rows, controls.view, controls.order, sorted_)
        code = Code.SUCCESS
        if limit and len(rows) > limit:
            code = Code.SIZE_LIMIT_EXCEEDED
            rows = rows.part(0, limit)
        if not controls.page:
            return Found(rows, code, sorted_)
        return self._page(_Rest(request, controls.order, rows, 0, code), controls.page, sorted_)

    def recognised(self, reader: Reader, template: Template, words: Words) -> tuple[list[int], Code]:
        """The slots of an unpaged search of a template, and its result. Raises CostlyQuery."""
        limit = _least(template.request.size_limit, self._size_limit)
        slots = self._directory.find(reader, template.plan(words), template.order, limit + 1 if limit else None)
        if limit and len(slots) > limit:
            del slots[limit:]
            return slots, Code.SIZE_LIMIT_EXCEEDED
        return slots, Code.SUCCESS

    def learn(self, message: m.Message, request: m.Search, operation: bytes) -> None:
        """Keeps a template of a search that was decoded of these octets, unless it asks for pages or windows."""
        try:
            controls = c.read(message.controls, self._directory.names)
        except Refused:
            return
        if not (controls.page or controls.view):
            answer = c.sort_answer(controls.sort_failed) if controls.sorting else b""
            self._directory.templates.learn(operation, request, controls.order, answer)

    def _next_page(self, page: Page, request: m.Search, controls: Controls) -> Found:
        rest = self._rests.pop(page.cookie, None)
        if rest is None or rest.request != request or rest.order != controls.order:
            raise Refused(Code.UNWILLING_TO_PERFORM, "this paging cookie is not known here: search again")
        return self._page(rest, page, c.sort_answer(Code.SUCCESS) if controls.sorting else b"")

    def _page(self, rest: _Rest, page: Page, sorted_: bytes) -> Found:
        """The next page; a size of 0 asks for the estimate only, and ends the search (RFC 2696 section 3)."""
        total = len(rest.rows)
        sent = min(rest.sent + page.size, total)
        rows = rest.rows.part(rest.sent, sent)
        if page.size == 0 or sent == total:
            return Found(rows, rest.code if page.size else Code.SUCCESS, sorted_ + c.page_answer(total, b""))
        cookie = secrets.token_bytes(16)
        self._rests[cookie] = _Rest(rest.request, rest.order, rest.rows, sent, rest.code)
        if len(self._rests) > COOKIES:
            del self._rests[next(iter(self._rests))]
        return Found(rows, Code.SUCCESS, sorted_ + c.page_answer(total, cookie))

    def _window(self, reader: Reader | None, rows: Rows, view: View, order: tuple[Order, ...], sorted_: bytes) -> Found:
        first = order[0] if order else None
        keys = [self._directory.sort_value(reader, row, first.property) for row in rows] if first else [""] * len(rows)
        window, target = c.window(view, keys, reverse=bool(first and first.reverse))
        return Found(rows.part(window.start, window.stop), Code.SUCCESS, sorted_ + c.view_answer(target, len(rows)))


def _least(one: int, other: int) -> int:
    """The smaller of two limits, of which 0 is none."""
    return min(one, other) if one and other else one or other
