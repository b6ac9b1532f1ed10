"""Senders of the messages in an eml or mbox file, each once. Only the heads of messages are read, never their bodies.

A head is bounded and parsed without its body: no attachment, however deep it lies, is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from typing import BinaryIO

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.csv_rows import Row

HEADER = ("name", "email")
_LONGEST_HEAD = 256 * 1024
_LONGEST_LINE = 64 * 1024
_SENDERS = ("From", "Reply-To", "Sender")
_MOST_SENDERS = 100
"""Of one message; more are no people."""


@dataclass(frozen=True, slots=True)
class MailTable:
    """The senders of a file as a table, as ``csv_rows.Table``."""

    source: BinaryIO
    is_box: bool
    size: int
    samples: tuple[str, ...]
    header: tuple[str, ...] = HEADER
    encoding: str = ""
    delimiter: str = ""

    def rows(self) -> Iterator[Row]:
        """Every sender; what stands for his line is his number."""
        return _senders(self.source, self.is_box)


def open_table(source: BinaryIO, *, is_box: bool) -> MailTable:
    """Reads a seekable file to its end: one message, or a mbox file of several.

    Raises InvalidFile: no message with a sender, a head over 256 KiB.
    """
    size, samples = 0, list[str]()
    for row in _senders(source, is_box):
        size += 1
        samples += [cell for cell in row.cells if not cell.isascii()][: 3 - len(samples)]
    if not size:
        raise InvalidFile("the file has no message with a sender", hint="is it an eml or mbox file?")
    return MailTable(source, is_box, size, tuple(samples))


def _senders(source: BinaryIO, is_box: bool) -> Iterator[Row]:
    known: set[str] = set()
    for head in _heads(source, is_box):
        message = BytesHeaderParser(policy=compat32).parsebytes(head)
        fields = [str(value) for name in _SENDERS for value in message.get_all(name, [])]
        for name, address in getaddresses(fields)[:_MOST_SENDERS]:
            if "@" in address and address.casefold() not in known:
                known.add(address.casefold())
                yield Row(len(known), (_decoded(name), address))


def _decoded(name: str) -> str:
    """A name as people read it; as it stands where it is encoded in a way that nobody knows."""
    try:
        return " ".join(str(make_header(decode_header(name))).split())
    except (MessageError, LookupError, ValueError):
        return name


def _heads(source: BinaryIO, is_box: bool) -> Iterator[bytes]:
    """The head of every message; a mbox file parts them by lines that begin with ``From``."""
    source.seek(0)
    head: list[bytes] = []
    size, in_head, after_blank = 0, True, True
    for number, line in enumerate(iter(lambda: source.readline(_LONGEST_LINE), b""), 1):
        is_blank = not line.strip(b"\r\n")
        if after_blank and line.startswith(b"From ") and (is_box or number == 1):
            yield b"".join(head)
            head, size, in_head = [], 0, True
        elif in_head and is_blank:
            in_head = not head
        elif in_head:
            head.append(line)
            size += len(line)
            if size > _LONGEST_HEAD:
                raise InvalidFile(f"line {number}: a message's head is larger than 256 KiB", line=number)
        after_blank = is_blank
    yield b"".join(head)
