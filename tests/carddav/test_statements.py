"""How many statements a request takes: fewer of them, not faster ones, are what makes polls and syncs quick."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from radicale_storage import site as opened
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import members
from sharedbook.store import prepared
from tests.carddav.inside import READS, SYNC, Ask, asked, token
from tests.carddav.served import vcard
from tests.support.sites import as_console

MOST = {"poll": 3, "home": 3, "nothing new": 3, "one change": 5, "first sync": 4, "multiget": 4, "GET": 4}
"""BEGIN, the identity with its password, the book, and what the request itself is about."""

MOST_OF_A_PUT = 18
"""Two identities (of the login, and again under the lock), the target and its UID, rows of each table."""


class Noting:
    """The driver's connection or cursor, which tells what prepared statements ask of it."""

    def __init__(self, driver: Any, note: Callable[[str], None]) -> None:
        self._driver, self._note = driver, note

    def execute(self, text: str, *values: object) -> Any:
        self._note(text)
        return self._driver.execute(text, *values)

    def executemany(self, text: str, rows: object) -> None:
        self._note(text)
        self._driver.executemany(text, rows)

    def cursor(self) -> Noting:
        return Noting(self._driver.cursor(), self._note)


@pytest.fixture
def statements() -> list[str]:
    """What the database was asked since the list was cleared."""
    return []


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statements: list[str]) -> Iterator[Ask]:
    """A request of Alice, whose statements are noted."""
    here = threading.get_ident()

    def note(statement: str) -> None:
        if threading.get_ident() == here:  # when a password was last used is written beside the request
            statements.append(statement)

    def noting(connection: Connection, **_: bool) -> Noting:
        return Noting(prepared_driver_of(connection), note)

    with asked(tmp_path, monkeypatch) as ask:
        prepared_driver_of = prepared.driver_of
        monkeypatch.setattr(prepared, "driver_of", noting)
        event.listen(opened.app().site.database.engine, "before_cursor_execute", lambda *its: note(its[2]))
        yield ask


def test_statements_of_a_request(ask: Ask, statements: list[str]) -> None:
    assert ask("PUT", "/alice/friends/a.vcf", vcard("a"))[0] == 201
    before = token(ask("REPORT", "/alice/friends/", SYNC.format(""))[1])
    statements.clear()
    assert ask("PUT", "/alice/friends/b.vcf", vcard("b"))[0] == 201
    assert len(statements) <= MOST_OF_A_PUT, statements
    now = token(ask("REPORT", "/alice/friends/", SYNC.format(""))[1])
    for what, (method, path, body) in READS.items():
        statements.clear()
        assert ask(method, path, body.format(now if what == "nothing new" else before))[0] in (200, 207)
        assert len(statements) <= MOST[what], (what, statements)


MOST_OF_MERGED = {"poll": 3, "home": 3, "nothing new": 3, "one change": 7, "first sync": 4}
"""For a change also: what the groups remember, who lost sight of what, and who has the same UID."""


def test_statements_of_a_merged_book(ask: Ask, statements: list[str]) -> None:
    assert ask("PUT", "/alice/friends/a.vcf", vcard("a"))[0] == 201
    with as_console(opened.app()) as tx:
        members.change(tx, "alice", merged_book=True)
    before = token(ask("REPORT", "/alice/all/", SYNC.format(""))[1])
    with as_console(opened.app()) as tx:
        contacts.add(tx, groups.get(tx, "friends"), parse(vcard("b")))
    now = token(ask("REPORT", "/alice/all/", SYNC.format(""))[1])
    for what, most in MOST_OF_MERGED.items():
        method, path, body = READS[what]
        statements.clear()
        status, answer = ask(
            method, path.replace("friends", "all"), body.format(now if what == "nothing new" else before)
        )
        assert status == 207
        assert len(statements) <= most, (what, statements)
        assert answer.count("getetag") == {"one change": 2, "first sync": 4}.get(what, 0)
