"""Senders of the messages in an eml or mbox file, each once, with what their latest signature says.

Recipients (To and Cc) come only where they are asked for, and not those of a message with many: a mailing's are no
acquaintances.
Heads and bodies are bounded; no attachment, however deep it lies, is opened.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from typing import IO, BinaryIO

from sharedbook.domain.errors import InvalidFile
from sharedbook.formats.files import mail_signature
from sharedbook.formats.files.mail_signature import NO_SIGNATURE, Signature
from sharedbook.formats.rows.csv_rows import Row

HEADER = ("name", "email", "email.2", "email.3", "phone.work", "phone.mobile", "phone.work_fax")
MOST = 100_000
"""Senders of a file."""

_LONGEST_HEAD = 256 * 1024
_LONGEST_LINE = 64 * 1024
_LONGEST_NAME = 1_000
_LONGEST_FIELD = 10_000
_MOST_COMMENTS = 50
"""In one field of addresses. Python's parser calls itself for each, and takes minutes for a field that is very long."""

_SENDERS = ("From", "Reply-To", "Sender")
_RECIPIENTS = ("To", "Cc")
_MOST_SENDERS = 100
"""Of one message; more are no people."""


@dataclass(slots=True)
class _Sender:
    """Or a recipient. ``himself``: the name is as he writes it."""

    name: str
    address: str
    himself: bool
    signature: Signature = NO_SIGNATURE

    def cells(self, is_his: Callable[[str], bool]) -> list[str]:
        """By HEADER. ``is_his``: whether an address of the signature is nobody else's, too."""
        others = [each for each in self.signature.addresses if is_his(each)]
        cells = {"name": self.name, "email": self.address, **self.signature.phones}
        cells |= zip(("email.2", "email.3"), others, strict=False)
        return [cells.get(name, "") for name in HEADER]


@dataclass(frozen=True, slots=True)
class MailTable:
    """The senders of a file as a table, as ``csv_rows.Table``; ``lines``: their cells, in an unnamed temporary file.

    ``mailings``: how many messages named more recipients than are taken.
    """

    size: int
    lines: IO[str]
    mailings: int
    samples: tuple[str, ...]
    header: tuple[str, ...] = HEADER
    encoding: str = ""
    delimiter: str = ""

    def rows(self) -> Iterator[Row]:
        """Every sender; what stands for his line is his number."""
        self.lines.seek(0)
        return (Row(number, tuple(json.loads(line))) for number, line in enumerate(self.lines, 1))


def open_table(source: BinaryIO, *, is_box: bool, recipients: int = 0) -> MailTable:
    """Reads a seekable file to its end: one message, or a mbox file of several.

    ``recipients``: how many a message may name that are taken, too. Raises InvalidFile: more than 100,000 senders, a
    head over 256 KiB.
    """
    known: dict[str, _Sender] = {}
    mailings = 0
    for head, body in _messages(source, is_box):
        message = BytesHeaderParser(policy=compat32).parsebytes(head)
        for place, (name, address) in enumerate(_addresses(message, _SENDERS)[:_MOST_SENDERS]):
            found = _met(known, name, address, himself=True)
            if place == 0 and any(signature := mail_signature.read(message, body)):
                found.signature = signature
        named = _recipients(message, recipients)
        mailings += named is None
        for name, address in named or ():
            _met(known, name, address, himself=False)
        if len(known) > MOST:
            raise InvalidFile(f"it has more than {MOST} senders", hint="split it")
    samples = [sender.name for sender in known.values() if not sender.name.isascii()][:3]
    return MailTable(len(known), _set_aside(known), mailings, tuple(samples))


def _set_aside(known: Mapping[str, _Sender]) -> IO[str]:
    """The cells of each sender as a line of JSON: there they need no memory while they are imported."""
    shared = Counter(known.keys())
    for sender in known.values():
        shared.update({each.casefold() for each in sender.signature.addresses})

    def is_his(address: str) -> bool:
        return shared[address.casefold()] == 1

    lines = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the table keeps it
    for sender in known.values():
        lines.write(json.dumps(sender.cells(is_his)) + "\n")
    lines.flush()  # another process may read them
    return lines


def _met(known: dict[str, _Sender], name: str, address: str, *, himself: bool) -> _Sender:
    """Whoever has this address, by the name that he gives himself, else by the first that others give him."""
    found = known.setdefault(address.casefold(), _Sender(name, address, himself))
    if name and (not found.name or (himself and not found.himself)):
        found.name, found.himself = name, himself
    return found


def _recipients(message: Message, most: int) -> list[tuple[str, str]] | None:
    """Names and addresses of whom it was sent to; None where they are more."""
    if not most:
        return []
    sound = all(_is_sound(str(message[name])) for name in _RECIPIENTS if name in message)
    found = _addresses(message, _RECIPIENTS)
    return found if sound and len(found) <= most else None


def _is_sound(field: str) -> bool:
    return len(field) <= _LONGEST_FIELD and field.count("(") <= _MOST_COMMENTS


def _addresses(message: Message, names: Sequence[str]) -> list[tuple[str, str]]:
    """Names and addresses in the first field of each of these names."""
    fields = [str(message[name]) for name in names if name in message]
    found = [pair for field in filter(_is_sound, fields) for pair in getaddresses([field])]
    return [(_decoded(name)[:_LONGEST_NAME], address) for name, address in found if "@" in address]


def _decoded(name: str) -> str:
    """A name as people read it; as it stands where it is encoded in a way that nobody knows."""
    try:
        return " ".join(str(make_header(decode_header(name))).split())
    except (MessageError, LookupError, ValueError):
        return name


def _messages(source: BinaryIO, is_box: bool) -> Iterator[tuple[bytes, bytes]]:
    """Head and body of every message; a mbox file parts them by lines that begin with ``From``."""
    source.seek(0)
    head, body = list[bytes](), list[bytes]()
    size, in_head, after_blank = 0, True, True
    for number, line in enumerate(iter(lambda: source.readline(_LONGEST_LINE), b""), 1):
        is_blank = not line.strip(b"\r\n")
        if after_blank and line.startswith(b"From ") and (is_box or number == 1):
            yield b"".join(head), b"".join(body)
            head, body, size, in_head = [], [], 0, True
        elif in_head and is_blank:
            in_head, size = not head, 0
        elif in_head:
            head.append(line)
            size += len(line)
            if size > _LONGEST_HEAD:
                raise InvalidFile(f"line {number}: a message's head is larger than 256 KiB", line=number)
        elif size < mail_signature.LONGEST_BODY:
            body.append(line)
            size += len(line)
        after_blank = is_blank
    yield b"".join(head), b"".join(body)
