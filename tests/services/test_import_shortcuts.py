"""What an import tells at a glance, by hashes, is what it finds when it looks at each contact that a row may be."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sharedbook.app import App
from sharedbook.domain.model import Progress
from sharedbook.services.books import groups
from sharedbook.services.imports import importing, matching, ready
from sharedbook.services.imports.matching import Matcher
from sharedbook.services.imports.transfer import Duplicates
from tests.services.transfers import counts, run, table
from tests.support.sites import as_console, new_site

HEADER = ["uid", "external_id", "name", "email", "phone.mobile", "note"]
ROW = st.tuples(
    st.sampled_from(["", "", "", "u-1", "U-1"]),
    st.sampled_from(["", "", "x-1", "x-2"]),
    st.sampled_from(["김민지", "Ann Example", "ann example", "Bob", "Cid"]),
    st.sampled_from(["", "a@example.com", "A@example.com", "b@example.com", "c@example.com"]),
    st.sampled_from(["", "+82 10 1234 5678", "010-1234-5678", "+82 10 8765 4321", "1234"]),
    st.sampled_from(["", "", "a note"]),
)
ROWS = st.lists(ROW, min_size=1, max_size=12)
THERE = [
    ("", "", "김민지", "a@example.com", "+82 10 1234 5678", ""),
    ("", "x-1", "김민지", "", "", ""),
    ("u-1", "", "Ann Example", "b@example.com", "+82 10 8765 4321", "a note"),
    ("", "", "Ann Example", "", "1234", ""),
    ("", "", "Bob", "", "", "a note"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A group with some people, which no test changes."""
    app = new_site(Path(tmp_path_factory.mktemp("site")))
    with as_console(app) as tx:
        groups.add(tx, "People")
    run(app, table(HEADER, THERE))
    yield app
    app.close()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = new_site(Path(tmp_path_factory.mktemp("fresh")))
    yield app
    app.close()


NAMESAKE = [("", "", "김민지", "c@example.com", "+82 10 1234 5678", "")]
HAS_THE_NUMBER_BY_THEN = [
    ("", "x-1", "Bob", "", "+82 10 8765 4321", ""),
    ("", "", "김민지", "c@example.com", "+82 10 8765 4321", ""),
]
TWO_OF_A_NUMBER = [
    ("", "", "Cid", "c@example.com", "+82 10 8765 4321", ""),
    ("", "", "Cid", "d@example.com", "+82 10 8765 4321", ""),
]
THE_FIRST_IS_ADDED = [
    ("", "", "Cid", "", "+82 10 8765 4321", ""),
    ("", "", "Cid", "d@example.com", "+82 10 8765 4321", ""),
    ("", "", "Cid", "d@example.com", "", ""),
]
ALL_ARE_THERE = [
    ("", "", "Bob", "", "", "a note"),
    ("", "", "김민지", "a@example.com", "+82 10 8765 4321", ""),
    ("u-1", "", "Bob", "c@example.com", "", ""),
    ("u-1", "", "Cid", "d@example.com", "", ""),
]


@settings(max_examples=60)
@given(rows=ROWS, duplicates=st.sampled_from([Duplicates.SKIP, *Duplicates]), chunk=st.sampled_from([1, 3, 500]))
@example(rows=NAMESAKE, duplicates=Duplicates.SKIP, chunk=1)
@example(rows=TWO_OF_A_NUMBER, duplicates=Duplicates.SKIP, chunk=500)
@example(rows=THE_FIRST_IS_ADDED, duplicates=Duplicates.SKIP, chunk=2)
@example(rows=TWO_OF_A_NUMBER, duplicates=Duplicates.SKIP, chunk=1)
@example(rows=ALL_ARE_THERE, duplicates=Duplicates.SKIP, chunk=1)
@example(rows=HAS_THE_NUMBER_BY_THEN, duplicates=Duplicates.UPDATE, chunk=1)
def test_no_shortcut_changes_what_a_row_becomes(
    site: App, rows: list[tuple[str, ...]], duplicates: Duplicates, chunk: int
) -> None:
    data = table(HEADER, rows)
    with pytest.MonkeyPatch.context() as patch:
        for rows_of in ("CHUNK_ROWS", "CHANGING_ROWS"):
            patch.setattr(ready, rows_of, chunk)
        quick = run(site, data, duplicates=duplicates, dry_run=True)
        for rows_of in ("CHUNK_ROWS", "CHANGING_ROWS"):  # no row has to be found in what was set aside
            patch.setattr(ready, rows_of, 500)
        patch.setattr(importing, "strangers", lambda *_: [])
        patch.setattr(Matcher, "_is_new", lambda *_: False)
        patch.setattr(matching, "_has_one", lambda *_: False)
        slow = run(site, data, duplicates=duplicates, dry_run=True)
    assert (quick.counts, quick.problems) == (slow.counts, slow.problems)


def test_the_memory_of_a_dry_run_does_not_grow_with_the_file(site: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 500)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})  # rows are made ready in this process

    def peak(count: int) -> int:
        numbers = (f"+82 10-{each:04}-{each:04}" for each in range(count))
        people = [("", "", f"Name {each}", f"p{each}@example.com", phone, "") for each, phone in enumerate(numbers)]
        data = table(HEADER, people)
        tracemalloc.start()
        assert counts(run(site, data, dry_run=True)) == {"added": count}
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1_000)  # so that what is learned once counts for neither
    assert peak(4_000) - peak(1_000) < 3_000 * 300


NAMESAKES = st.lists(
    st.tuples(
        st.just(""),
        st.just(""),
        st.sampled_from(["Bob", "bob", "김민지", "Cid"]),
        st.sampled_from(["", *(f"{letter}@example.com" for letter in "abcdefgh")]),
        st.sampled_from(["", "+82 10 1234 5678", "010-1234-5678", "1234", "821012345678", "+49 30 123456"]),
        st.sampled_from(["", "a note"]),
    ),
    min_size=2,
    max_size=12,
)

ONE_WITHOUT_AN_ADDRESS = [
    ("", "", "Bob", "a@example.com", "+82 10 1234 5678", ""),
    ("", "", "Bob", "", "+49 30 123456", ""),
    ("", "", "Bob", "b@example.com", "+49 30 123456", ""),
]


@settings(max_examples=25)
@given(rows=NAMESAKES, chunk=st.sampled_from([1, 2, 500]), batch=st.sampled_from([1, 3, 5000]))
@example(rows=ONE_WITHOUT_AN_ADDRESS, chunk=1, batch=5000)
def test_numbers_that_are_remembered_tell_what_those_in_the_database_tell(
    fresh: App, rows: list[tuple[str, ...]], chunk: int, batch: int
) -> None:
    found = []
    for remember in (True, False):
        with as_console(fresh) as tx:
            group = groups.add(tx, f"People {uuid4()}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ready, "CHUNK_ROWS", chunk)
            patch.setattr(importing, "BATCH_ROWS", batch)
            if not remember:
                patch.setattr(matching.Namesakes, "added", lambda *_: None)
            found.append(counts(run(fresh, table(HEADER, rows), group.slug)))
    assert found[0] == found[1]


def test_what_another_writes_is_seen_by_the_next_batch(fresh: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "CHUNK_ROWS", 1)
    monkeypatch.setattr(importing, "BATCH_ROWS", 1)
    with as_console(fresh) as tx:
        groups.add(tx, "Others")
    rows = [("", "", "Eve", f"{at}@example.com", f"+82 10 0000 000{at}", "") for at in range(3)]

    def write(progress: Progress) -> None:
        if progress.done == 1:
            run(fresh, table(HEADER, [("", "", "Eve", "", "+82 10 0000 0002", "")]), "others")

    assert counts(run(fresh, table(HEADER, rows), "others", progress=write)) == {"added": 2, "skipped_duplicate": 1}


def test_another_form_of_a_name_is_that_name(fresh: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "CHUNK_ROWS", 1)
    with as_console(fresh) as tx:
        groups.add(tx, "Forms")
    names, numbers = ("홍길동", "홍 길동", "홍길동"), ("+82 10 1111 2222", "+49 30 654321", "+49 30 654321")
    rows = [("", "", name, f"form{at}@example.com", numbers[at], "") for at, name in enumerate(names)]
    assert counts(run(fresh, table(HEADER, rows), "forms")) == {"added": 2, "skipped_duplicate": 1}
