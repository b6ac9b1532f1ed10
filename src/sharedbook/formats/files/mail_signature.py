"""The signature of a mail: other addresses of its sender, and numbers that are called a number. Nothing is guessed.

A signature is what follows the first line ``-- `` (RFC 3676, 4.3) of a text that the sender wrote himself; quoted and
forwarded text, mail of lists and of machines has none. Bodies are bounded, and no attachment is opened.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import NamedTuple

from sharedbook.formats.vcards.phones import digits

LONGEST_BODY = 256 * 1024
"""Octets of a message that are looked at."""

_KINDS = ("Content-Type", "Content-Disposition")
_LONGEST_KIND = 1_000
_DEEPEST = 4
_LINES = 12
_WIDTH = 200
_BLANK = re.compile(rb"\r?\n\r?\n")
_FOREIGN = re.compile(r"-{3,}[^-].*-{3,}|(?:From|Von|De|보낸 ?사람|发件人|差出人): .*", re.IGNORECASE)
_MACHINES = ("List-Id", "List-Post", "List-Unsubscribe", "Auto-Submitted", "Precedence")

ADDRESS = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w@])")
_SHARED = {
    "abuse", "admin", "contact", "help", "hello", "hr", "info", "jobs", "mail", "marketing", "noreply", "no-reply",
    "office", "postmaster", "press", "privacy", "sales", "security", "service", "support", "team", "unsubscribe",
    "webmaster",
}  # fmt: skip
_LABELS = {
    "phone.work": "t tel telephone telefon phone office direct p 전화 직통 电话 電話",
    "phone.mobile": "m mobile mob mobil cell handy hp 휴대폰 휴대전화 핸드폰 手机 手機 携帯",
    "phone.work_fax": "f fax telefax 팩스 传真 傳真 ファックス",
}
COLUMN_OF_LABEL = {label: column for column, labels in _LABELS.items() for label in labels.split()}
_NUMBER = re.compile(r"(?<!\w)([^\W\d_]{1,9})\.?\s{0,3}[:：]\s{0,3}(\+?\(?\d[\d ()./-]{5,25}\d)(?![\w@])")


class Signature(NamedTuple):
    """Mail addresses, and phone numbers by column (the first of each kind)."""

    addresses: tuple[str, ...]
    phones: Mapping[str, str]


NO_SIGNATURE = Signature((), {})


def read(head: Message, body: bytes) -> Signature:
    """The signature of a message, one without anything if there is none that is surely its sender's."""
    if any(name in head for name in _MACHINES):
        return NO_SIGNATURE
    addresses: dict[str, None] = {}
    numbers: dict[str, str] = {}
    for line in _lines(next(_texts(head, body, 0), "")):
        found = (each.group() for each in ADDRESS.finditer(line))
        addresses |= dict.fromkeys(each for each in found if each.partition("@")[0].casefold() not in _SHARED)
        for label, number in _NUMBER.findall(line):
            column = COLUMN_OF_LABEL.get(label.casefold())
            if column and 7 <= len(digits(number)) <= 15:
                numbers.setdefault(column, number)
    return Signature(tuple(addresses), numbers)


def _lines(text: str) -> Sequence[str]:
    """The lines of the signature in a text."""
    lines = [line[:_WIDTH] for line in text.splitlines()]
    start = next((place for place, line in enumerate(lines, 1) if line in ("-- ", "--")), len(lines))
    if any(map(_FOREIGN.fullmatch, lines[:start])):
        return ()
    block: list[str] = []
    for line in lines[start : start + _LINES]:
        if line.startswith((">", "-- ", "___")) or line == "--" or _FOREIGN.fullmatch(line):
            break
        block.append(line)
    return block


def _texts(head: Message, body: bytes, depth: int) -> Iterator[str]:
    """The plain texts of a message or a part, in their order; none below a head that Python takes minutes to read."""
    if any(len(str(value)) > _LONGEST_KIND for name in _KINDS for value in head.get_all(name, [])):
        return
    kind = head.get_content_type()
    if kind == "text/plain" and head.get_content_disposition() != "attachment":
        yield _decoded(head, body)
    elif kind.startswith("multipart/") and depth < _DEEPEST:
        boundary = head.get_boundary()
        pieces = re.split(rb"\r?\n--" + re.escape(boundary.encode(errors="replace")), b"\n" + body) if boundary else []
        for piece in pieces[1:]:
            if blank := _BLANK.search(piece):
                part = BytesHeaderParser(policy=compat32).parsebytes(piece[: blank.start()].lstrip(b"\r\n"))
                yield from _texts(part, piece[blank.end() :], depth + 1)


def _decoded(head: Message, body: bytes) -> str:
    how = str(head.get("Content-Transfer-Encoding", "")).strip().lower()
    try:
        if how == "quoted-printable":
            body = quopri.decodestring(body)
        elif how == "base64":
            body = binascii.a2b_base64(body[: len(body) // 4 * 4])
        return body.decode(head.get_content_charset("utf-8"), errors="replace")
    except (binascii.Error, LookupError, ValueError):
        return ""
