"""What a large file takes in memory: a few times the largest card, whatever it holds and however large it is."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
import weakref
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats.entries import incoming
from sharedbook.formats.entries.incoming import Incoming
from sharedbook.formats.files import mail_rows, sheet_write, sources, vcf_rows
from sharedbook.services.imports import blocks
from sharedbook.services.imports.blocks import Ready

CARD = 128 * 1024
LIMITS = Limits(card_bytes=CARD)


def rows(data: bytes, name: str) -> list[Incoming]:
    return list(sources.open_source(io.BytesIO(data), name, None, incoming.Reading("KR", LIMITS)).rows())


def peak(work: Callable[[], object]) -> int:
    """Octets that it takes at most, beside what was there before: modules that it needs should be."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def short_lines(size: int, version: str) -> bytes:
    lines = "X-A:b\r\n" * (size // 7)
    return f"BEGIN:VCARD\r\nVERSION:{version}\r\nFN:x\r\n{lines}END:VCARD\r\n".encode()


@pytest.mark.parametrize("version", ["3.0", "2.1"])
@pytest.mark.parametrize("size", [CARD - 1000, 2 * CARD])
def test_a_card_of_many_lines(version: str, size: int) -> None:
    data = short_lines(size, version) + b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:y\r\nEND:VCARD\r\n"
    assert [bool(row.problems) for row in rows(data, "a.vcf")] == [True, False]
    assert peak(lambda: rows(data, "a.vcf")) < 10 * CARD


def test_a_2_1_value_of_many_lines() -> None:
    note = "=C3=A4=\r\n" * (CARD // 10)
    data = f"BEGIN:VCARD\r\nVERSION:2.1\r\nN:A\r\nNOTE;ENCODING=QUOTED-PRINTABLE:{note}\r\nEND:VCARD\r\n".encode()
    assert rows(data, "a.vcf")[0].problems[0].code == "invalid-card"
    assert peak(lambda: rows(data, "a.vcf")) < 8 * CARD


def test_of_a_card_over_the_limit_the_beginning_comes_back() -> None:
    [row] = rows(short_lines(2 * CARD, "3.0"), "a.vcf")
    assert (row.line, row.problems[0].code) == (1, "card-too-large")
    target = io.BytesIO()
    vcf_rows.write_refused(target, [(row.cells[0], row.problems[0].message)])
    assert target.getvalue().startswith(b"BEGIN:VCARD\r\nX-SHAREDBOOK-IMPORT-ERROR:") and len(target.getvalue()) < CARD
    assert rows(target.getvalue(), "b.vcf")[0].problems[0].code == "invalid-card"


@pytest.mark.parametrize("lines", [b"#\n", b"mail: x\n", b"x: y\n"])
def test_a_record_of_many_lines(lines: bytes) -> None:
    data = b"dn: uid=a\ncn: A\n" + lines * (2 * CARD // len(lines)) + b"\n\ndn: uid=b\ncn: B\n\n"
    assert [[each.code for each in row.problems] for row in rows(data, "a.ldif")] == [["card-too-large"], []]
    assert peak(lambda: rows(data, "a.ldif")) < 4 * CARD


def test_a_record_just_under_the_limit_with_many_values() -> None:
    data = b"dn: uid=a\ncn: A\n" + b"mail: x\n" * (CARD // 8 - 10) + b"\n"
    assert "more than 10,000 values" in rows(data, "a.ldif")[0].problems[0].message
    assert peak(lambda: rows(data, "a.ldif")) < 8 * CARD


def test_a_group_over_the_limit_is_left_out() -> None:
    group = b"dn: cn=g\nobjectClass: groupOfNames\n" + b"member: uid=a,dc=example\n" * (CARD // 10)
    found = rows(group + b"\ndn: uid=b\nobjectClass: person\ncn: B\n", "a.ldif")
    assert [row.entry.single["name"] for row in found] == ["B"]


def test_an_object_over_the_limit() -> None:
    data = b'[{"name": "A", "note": "' + b"x" * 4 * CARD + b'"}]'

    def read() -> None:
        with pytest.raises(InvalidFile, match="an object is larger than"):
            rows(data, "a.json")

    read()
    assert peak(read) < 8 * CARD


def test_rows_are_not_kept_while_the_next_is_read() -> None:
    class Cell(str):
        """Of which one can tell whether it is gone."""

    gone: list[bool] = []

    def made() -> Iterator[Ready]:
        for number in range(3):
            cell = Cell("x" * 1_000_001)
            known = weakref.ref(cell)
            yield Ready(number, (cell,))
            del cell
            gone.append(known() is None)

    deque(map(type, blocks.cut(made(), 500)), maxlen=0)
    assert gone == [True] * 3


def test_senders_are_not_kept() -> None:
    letters = "".join(
        f"From x\nFrom: P {n} <person{n}@example.com>\n\nhi\n-- \nTel: +82 2 123 {n:04d}\n\n" for n in range(900)
    )
    file = io.BytesIO(letters.encode())
    tracemalloc.start()
    table = mail_rows.open_table(file, is_box=True)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 300_000
    assert [row.cells[5:] for row in table.rows()][-1] == ("", "") and table.size == len(list(table.rows())) == 900


def test_a_sheet_is_written_row_by_row() -> None:
    def write() -> None:
        found = ([f"cell {number} {place}" for place in range(5)] for number in range(2_000))
        assert sheet_write.write(io.BytesIO(), list("abcde"), found) == 2_000

    write()
    assert peak(write) < 2_000_000


_FREED = """
import sys
from pathlib import Path
from sharedbook.formats.files import heap
if sys.argv[1] == "yes":
    heap.give_back()
def anonymous():
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0])
before = anonymous()
largest = bytes(b"x") * 30_000_000
del largest  # from now on the C library would take less than this from its heap
large = bytes(b"x") * 25_000_000
last = [bytes(100_000) for _ in range(5)]
del large
print(anonymous() - before)
"""


def test_what_is_gone_is_given_back() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", _FREED, how], check=True, capture_output=True).stdout)
        for how in ("no", "yes")
    )
    assert given_back < 5_000 < kept
