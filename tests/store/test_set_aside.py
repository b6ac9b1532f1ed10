"""What a dry run sets aside is found by its hashes on its shelf, and changed in its place."""

from __future__ import annotations

import pytest

from sharedbook.domain.errors import Unavailable
from sharedbook.store.set_aside import SetAside


def test_what_is_put_is_found_on_its_shelf_in_order() -> None:
    aside = SetAside()
    aside.put(1, [7, -(2**63)], b"first")
    aside.put(2, [7], b"on another shelf")
    aside.put(1, [7, 2**63 - 1], b"second")
    assert aside.known([7, 8, -(2**63), 2**63 - 1]) == {7, -(2**63), 2**63 - 1}
    [(place, octets), second] = aside.having(1, [7])
    assert (octets, second[1]) == (b"first", b"second")
    aside.put(1, [7, 9], b"changed", place)
    assert aside.having(1, [7]) == [(place, b"changed"), second]
    assert aside.having(1, [9, -(2**63)]) == [(place, b"changed")]
    assert aside.having(2, [9]) == []


def test_no_room_is_said() -> None:
    aside = SetAside()
    aside._database.execute("PRAGMA max_page_count = 10")
    with pytest.raises(Unavailable) as raised:
        for each in range(100):
            aside.put(1, [each], bytes(1_000))
    assert "full" in str(raised.value)
    assert "TMPDIR" in raised.value.hint
