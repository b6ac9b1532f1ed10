"""The byte scan, against a plain search: it misses no piece in any form, at any place, and finds none that is not."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

from sharedbook.services.erasing import residue

VALUE = "Mézeskalács 홍길동 & Co"


def scanned(folder: Path, data: bytes, *values: str, living: bytes = b"") -> int:
    path = folder / "file"
    path.write_bytes(data)
    found = residue.scan([path], residue.pieces_of(values), lambda: [living])
    return found[0].pieces if found else 0


@pytest.mark.parametrize("place", [0, 1, residue.CHUNK - 11, residue.CHUNK - 7, residue.CHUNK - 3, residue.CHUNK])
@pytest.mark.parametrize("form", ["utf-8", "utf-16-le", "utf-16-be", "base64"])
def test_one_piece_is_found_at_every_place(tmp_path: Path, place: int, form: str) -> None:
    piece = base64.b64encode(VALUE.encode()[3:9]) if form == "base64" else VALUE[3:9].encode(form)
    noise = random.Random(place).randbytes(2 * residue.CHUNK)
    assert not scanned(tmp_path, noise, VALUE)
    assert scanned(tmp_path, noise[:place] + piece + noise[place:], VALUE)
    assert scanned(tmp_path, noise[:place] + piece, VALUE), "at the end of the file"


def test_it_finds_what_a_plain_search_finds(tmp_path: Path) -> None:
    source = random.Random(4)
    values = ["".join(source.choices("abc", k=source.randint(0, 30))) for _ in range(200)]
    data = "".join(source.choices("abc", k=3000)).encode()
    pieces = {value[at : at + 6].encode() for value in values for at in range(len(value) - 5)}
    expected = sum(piece in data for piece in pieces)
    assert 0 < expected < len(pieces)
    assert scanned(tmp_path, data, *values) == expected


def test_what_lives_explains(tmp_path: Path) -> None:
    assert scanned(tmp_path, b"see Wyvern Kft here", "Wyvern Kft", living=b"Wyvern Kft") == 0
    assert scanned(tmp_path, b"see Wyvern Kft here", "Wyvern Kft", living=b"Wyvern Kf") == 1
    assert scanned(tmp_path, b"short", "short", "", "x") == 0
