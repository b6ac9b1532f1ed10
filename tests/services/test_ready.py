"""Rows made ready by a process of their own are the rows that this one would make; whatever ends it is said."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import InvalidFile, Unavailable
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.entries.incoming import Incoming, Source
from sharedbook.formats.files import sources
from sharedbook.services.books import groups
from sharedbook.services.imports import ready
from sharedbook.services.imports.blocks import Ready
from sharedbook.services.imports.ready import Make
from tests.services.transfers import HEADER, all_of, counts, people, run, table
from tests.support.sites import as_console

LIMITS = Limits()
DATA = (
    "uid,name,email,phone.mobile,Shoe size\n"
    "u-1,김민지,minji@example.com,010-1234-5678,41\n"
    "u-2,Ann Example,no mail,,\n"
    "u-3,Bob Example,bob@example.com,+49 30 123456,\n"
)


@pytest.fixture(autouse=True)
def _always_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def source() -> Source:
    reading = incoming.Reading("KR", LIMITS, mapping={"Shoe size": "-"})
    return sources.open_source(io.BytesIO(DATA.encode()), "people.csv", None, reading)


def made(whole: bool, of: Source) -> list[Ready]:
    return [row for block in Make("KR", LIMITS, whole).ready(of) for _, row in block.rows(range(len(block.line)))]


class Broken:
    """A source that ends early."""

    def __init__(self, reason: Exception | None) -> None:
        self.__dict__.update(vars(source()))
        self.reason = reason

    def rows(self) -> Iterator[Incoming]:
        """One row, and then the reason."""
        yield next(source().rows())
        if self.reason is not None:
            raise self.reason
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("whole", [True, False])
def test_the_rows_are_the_same(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    elsewhere = source()
    found = made(whole, elsewhere)
    monkeypatch.setattr(ready, "WORTH_A_PROCESS", 1_000)
    here = source()
    assert found == made(whole, here)
    assert [row.kept is not None for row in found] == [True, True, True]
    assert (elsewhere.left_out, elsewhere.warnings) == (here.left_out, here.warnings) == ({"Shoe size": None}, [])


def test_what_ends_it_is_said() -> None:
    ends = ((InvalidFile("cut off", line=3), InvalidFile), (RuntimeError("a fault"), Unavailable), (None, Unavailable))
    for reason, expected in ends:
        with pytest.raises(expected) as raised:
            made(False, Broken(reason))  # type: ignore[arg-type]
    assert "process" in str(raised.value)


def test_an_import_by_two_processes(app: App, tmp_path: Path) -> None:
    with as_console(app) as tx:
        groups.add(tx, "People")
    data = table(HEADER[:4], [*people(120), ("", "", "no mail", "")])
    assert counts(run(app, data)) == {"added": 120, "error": 1}
    assert counts(run(app, data)) == {"skipped_duplicate": 120, "error": 1}
    assert len(all_of(app)) == 120
