"""BER elements (X.690 as RFC 4511 section 5.1 restricts it): cut from octets, and made.

Nothing here trusts a length: every value is cut from the element that holds it. Lengths may be longer than needed
(Windows writes ``84 00 00 00 xx``); integers are signed and short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
MAX_ID = 2**31 - 1


def cut(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag of the element at ``at``, and where its contents start and end, before ``end``. Raises ValueError."""
    if at + 2 > end:
        raise ValueError("an element is missing")
    tag, size, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("tags over 30 are not used here")
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 8 or start + count > end:
            raise ValueError("a length is wrong")
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    stop = start + size
    if stop > end:
        raise ValueError("a value is longer than what holds it")
    return tag, start, stop


class Reader:
    """Walks the elements of one constructed value. Every method raises ValueError where the octets do not fit."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._at = start
        self._end = len(data) if end is None else end

    def more(self) -> bool:
        """Whether an element follows."""
        return self._at < self._end

    def peek(self) -> int:
        """The tag of the next element; -1 at the end."""
        return self._data[self._at] if self._at < self._end else -1

    def place(self) -> tuple[int, int, int]:
        """Tag of the next element, and where in the octets its contents start and end."""
        tag, start, self._at = cut(self._data, self._at, self._end)
        return tag, start, self._at

    def octets(self, tag: int = OCTETS) -> bytes:
        """The contents of the next element, which must have this tag."""
        found, start, end = self.place()
        if found != tag:
            raise ValueError(f"tag {found:#04x} where {tag:#04x} belongs")
        return self._data[start:end]

    def any(self) -> tuple[int, bytes]:
        """Tag and contents of the next element."""
        tag, start, end = self.place()
        return tag, self._data[start:end]

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """A reader of the elements inside the next element, which must have this tag."""
        found, start, end = self.place()
        if found != tag:
            raise ValueError(f"tag {found:#04x} where {tag:#04x} belongs")
        return Reader(self._data, start, end)

    def integer(self, tag: int = INTEGER) -> int:
        """A signed integer of at most 8 octets."""
        octets = self.octets(tag)
        if not 1 <= len(octets) <= 8:
            raise ValueError("an integer needs 1 to 8 octets")
        return int.from_bytes(octets, "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """A boolean: anything but 0 is true (X.690 section 8.2)."""
        octets = self.octets(tag)
        if len(octets) != 1:
            raise ValueError("a boolean has one octet")
        return octets != b"\x00"

    def text(self, tag: int = OCTETS) -> str:
        """UTF-8 text (UnicodeDecodeError is a ValueError)."""
        return self.octets(tag).decode()

    def count(self, tag: int = INTEGER) -> int:
        """An integer of 0 to maxInt."""
        number = self.integer(tag)
        if not 0 <= number <= MAX_ID:
            raise ValueError("a number is out of range")
        return number


def attributes(data: bytes, at: int = 0) -> dict[str, bytes]:
    """The attributes from ``at`` on, name -> encoded values. Only of octets that were made here."""
    found, end = {}, len(data)
    while at < end:
        size, start = data[at + 1], at + 2
        if size > 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        at = start + size
        values = start + 2 + data[start + 1]
        found[data[start + 2 : values].decode()] = data[values:at]
    return found


def chosen(data: bytes, at: int, names: Sequence[bytes]) -> bytes:
    """Those attributes from ``at`` on that have these names, in the order of the names. As ``attributes``."""
    found, end = dict.fromkeys(names, b""), len(data)
    while at < end:
        size, start = data[at + 1], at + 2
        if size > 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        name = data[start + 2 : start + 2 + data[start + 1]]
        if name in found:
            found[name] = data[at : start + size]
        at = start + size
    return b"".join(found.values())


# ---- writing


@lru_cache(maxsize=8192)
def length(size: int) -> bytes:
    """The shortest definite length."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def element(tag: int, contents: bytes) -> bytes:
    """One element."""
    size = len(contents)
    return bytes((tag, size)) + contents if size < 0x80 else bytes((tag,)) + length(size) + contents


def octets(value: bytes | str, tag: int = OCTETS) -> bytes:
    """An OCTET STRING; text as UTF-8."""
    return element(tag, value.encode() if isinstance(value, str) else value)


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A minimal signed INTEGER or, by its tag, ENUMERATED."""
    return element(tag, value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True))


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    """A constructed element."""
    return element(tag, b"".join(parts))


def values(contents: Iterable[bytes]) -> bytes:
    """The SET OF values of an attribute."""
    return element(SET, b"".join(map(octets, contents)))
