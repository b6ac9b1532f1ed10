"""Damaged import files: rows, or the errors that are defined, in bounded memory; nothing else, whatever is in them.

In `make test` for a moment, in `make soak` for as many as docs/reliability.md says; the seed is printed.
"""

from __future__ import annotations

import io
import random
import tempfile
import time
import tracemalloc
import zipfile

import pytest

from sharedbook.domain.errors import SharedbookError
from sharedbook.domain.model import Limits
from sharedbook.formats import incoming, sources
from sharedbook.services.ready import Make
from tests.formats.sheets import xlsx, zipped

SECONDS = 2.0
SOAK_TABLES, SHEETS, SOAK_SHEETS = 200_000, 8, 5_000
MOST_MEMORY = 50 * 1024 * 1024
LIMITS = Limits()

TABLE = (
    "name,email,phone.mobile,birthday,note,custom.size,address.work.city\r\n"
    '김민지,minji@example.com,+82 10-1234-5678,1985-04-23,"two\nlines, ""quoted""",41,서울\r\n'
    "Jörg Müller,joerg@example.com ::: j@example.org,030 123456,--04-23,'=SUM(A1),,Köln\r\n"
    "#sharedbook,,,,,,\r\n"
    "Ann Example,,,23.04.1985,,7,\r\n"
)
TABLES = [
    TABLE.encode(),
    TABLE.encode("utf-16"),
    TABLE.replace(",", ";").encode("cp949", "ignore"),
    ("sep=\t\r\n" + TABLE.replace(",", "\t")).encode("utf-8-sig"),
]
INTERESTING = [b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\0", b"'", b"=", b"\xff", b"\xef\xbb\xbf", b"1e9", b"-"]


def damaged(chance: random.Random, data: bytes) -> bytes:
    """A file with a few pieces changed, taken out, doubled, or put in; or cut off."""
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(mutable) + 1)
        match chance.randrange(6):
            case 0:
                mutable[at:at] = chance.choice(INTERESTING)
            case 1 if at < len(mutable):
                mutable[at] ^= 1 << chance.randrange(8)
            case 2:
                del mutable[at : at + chance.randint(1, 30)]
            case 3:
                mutable[at:at] = mutable[at : at + chance.randint(1, 80)]
            case 4:
                mutable[at:at] = chance.choice(INTERESTING) * chance.choice((2, 70, 40_000))
            case _:
                del mutable[at:]
    return bytes(mutable)


def understood(data: bytes, name: str) -> bool:
    """Reads a file as an import does; whether it could be read. Raises what is no defined error."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        try:
            source = sources.open_source(file, name, name.rpartition(".")[2], incoming.Reading("KR", LIMITS))
            for row in Make("KR", LIMITS, whole=True).rows(source):
                assert (row.problem is None) == (row.said is not None)
                assert row.problem is not None or (row.kept is None) == (row.refusal is not None)
        except SharedbookError as error:
            assert error.message
            return False
    return True


@pytest.mark.soak
def test_damaged_csv_files(soak: bool) -> None:
    seed = random.randrange(2**32)
    chance, count, good = random.Random(seed), 0, 0
    end = time.monotonic() + SECONDS
    tracemalloc.start()
    while count < SOAK_TABLES if soak else time.monotonic() < end:
        data = damaged(chance, chance.choice(TABLES))
        try:
            good += understood(data, "damaged.csv")
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {count}: {data[:2000]!r}") from error
        count += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"seed {seed}: {count} files, {good} of them read, at most {peak // 1024} KB")
    assert 0 < good < count and peak < MOST_MEMORY


@pytest.mark.soak
def test_damaged_sheets(soak: bool) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    rows = [line.split(",") for line in TABLE.split("\r\n")[:2]]
    whole = xlsx({"People": [rows[0], [1, 2.5, "+82 10", ("=1+1", ""), "x", "", "y"]]})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for number in range(SOAK_SHEETS if soak else SHEETS):
        if number % 2:
            part = chance.choice(sorted(parts))
            data = zipped(parts | {part: damaged(chance, parts[part])})
        else:
            data = damaged(chance, whole)
        try:
            understood(data, "damaged.xlsx")
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {number}: {data.hex()}") from error
