"""`cleanup`: what it finds, as a job that can be undone, and what the postmasters are told."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import CommandLine


@pytest.fixture
def book(staffed: CommandLine, data_dir: Path, molds: Path) -> CommandLine:
    """1 is owned and seen, 2 is seen, 3 is owned, 4 neither, 5 lies in the trash; 2 and 4 are 400 days old."""
    if (molds / "cleanup").exists():
        shutil.rmtree(data_dir)
        shutil.copytree(molds / "cleanup", data_dir)
        return staffed
    for number in range(1, 6):
        staffed("contact", "add", "--name", f"Person {number}", "--group", "customers" if number < 3 else "contacts")
    for number in (1, 3):
        staffed("contact", "owner", "set", number, "--to", "carol")
    staffed("contact", "delete", "5")
    engine = create_engine(f"sqlite:///{data_dir / 'sharedbook.sqlite'}")
    then = round((datetime.now(UTC) - timedelta(days=400)).timestamp() * 1000)
    with engine.begin() as connection:
        connection.execute(text("UPDATE contacts SET modified = :then WHERE id IN (2, 4)"), {"then": then})
    engine.dispose()
    shutil.copytree(data_dir, molds / "cleanup")
    return staffed


def living(book: CommandLine) -> list[int]:
    return sorted(each["id"] for each in book.json("contact", "list"))


FOUND = {
    ("--no-viewers",): [3, 4],
    ("--no-owner",): [2, 4],
    ("--no-owner", "--no-viewers"): [4],
    ("--no-owner", "--group", "customers"): [2],
    ("--no-viewers", "--older-than", "400"): [4],
    ("--no-viewers", "--older-than", "401"): [],
}


def test_what_it_finds(book: CommandLine) -> None:
    for filters, found in FOUND.items():
        assert sorted(book.json("cleanup", *filters, "--to", "trash", "--dry-run")["items"]) == found
    assert living(book) == [1, 2, 3, 4]


def test_it_is_a_job_with_an_undo_and_a_notice(book: CommandLine) -> None:
    command = ("cleanup", "--no-viewers", "--to", "trash")
    assert "--yes" in book(*command, code=2).err
    job = book.json(*command, "--yes")["job"]
    assert living(book) == [1, 2]
    (notice,) = book.json("notice", "list")
    assert (notice["kind"], notice["subject"], notice["ids"]) == (
        "cleanup.done",
        "clean-up: 2 put into the trash",
        {"job": job},
    )
    assert f"sharedbook job undo {job}" in notice["text"] and "Person" not in notice["text"]
    book("job", "undo", job, "--yes")
    assert living(book) == [1, 2, 3, 4]
    assert book.json("cleanup", "--no-owner", "--no-viewers", "--to", "trash", "--yes")["job"], "one is a job, too"
    assert len(book.json("notice", "list")) == 2
    assert book.json("cleanup", "--no-owner", "--no-viewers", "--to", "trash", "--yes")["job"] is None
    assert len(book.json("notice", "list")) == 2, "nothing to do, nothing to tell"


def test_for_good(book: CommandLine) -> None:
    assert book.json("cleanup", "--trashed", "--to", "erase", "--dry-run")["items"] == [5]
    book("cleanup", "--trashed", "--older-than", "1", "--to", "erase", "--yes")
    assert book.json("notice", "list") == [] and len(book.json("trash", "list")) == 1
    assert book.json("cleanup", "--trashed", "--to", "erase", "--yes")["erased"] == [5]
    (notice,) = book.json("notice", "list")
    assert (notice["kind"], notice["subject"]) == ("cleanup.erased", "clean-up: 1 contact erased")
    assert book.json("trash", "list") == [] and living(book) == [1, 2, 3, 4]


def test_it_is_told_also_while_a_reader_holds_it_up(impatient: None, book: CommandLine, data_dir: Path) -> None:
    with contextlib.closing(sqlite3.connect(data_dir / "sharedbook.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM contacts").fetchone()
        book("cleanup", "--trashed", "--to", "erase", "--yes", code=3)
    assert [each["kind"] for each in book.json("notice", "list")] == ["cleanup.erased"]


def test_for_good_in_the_background(book: CommandLine) -> None:
    command = ("cleanup", "--trashed", "--to", "erase", "--background")
    assert "--yes" in book(*command, code=2).err
    started = book.json(*command, "--yes")
    assert started["notes"] == [f"follow it: sharedbook job watch {started['job']}"]
    watched = book.json("job", "watch", started["job"])
    assert (watched["state"], watched["counts"]) == ("done", {"erased": 1})
    (erased,) = book.json("erase", "list")
    assert erased["certificate"]["scan"]["found"] == {} and not erased["pending"]
    (notice,) = book.json("notice", "list")
    assert notice["subject"] == "clean-up: 1 contact erased"
    assert "gone for good" in book("job", "undo", started["job"], "--yes", code=5).err
    assert "job" in book("cleanup", "--trashed", "--to", "erase", "--background", "--yes", "--json").json


REFUSED = {
    ("--to", "trash"): 2,
    ("--no-owner",): 2,
    ("--trashed", "--to", "trash"): 2,
    ("--no-owner", "--group", "nowhere", "--to", "trash", "--yes"): 4,
}


def test_what_it_refuses(book: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, code in REFUSED.items():
        book("cleanup", *arguments, code=code)
    monkeypatch.setenv("SHAREDBOOK_DELETION", "immediate")
    assert "no trash" in book("cleanup", "--no-owner", "--to", "trash", "--yes", code=2).err
    monkeypatch.delenv("SHAREDBOOK_DELETION")
    book("--as", "alice", "cleanup", "--no-owner", "--to", "trash", "--yes", code=5)
    assert living(book) == [1, 2, 3, 4]
