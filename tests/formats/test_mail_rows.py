"""Senders of mail: each once, with the name that he writes, whatever lies in the message."""

from __future__ import annotations

import io
import mailbox
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from sharedbook.domain.errors import InvalidFile
from sharedbook.domain.model import Limits
from sharedbook.formats import incoming, sources


def senders(data: bytes, name: str) -> list[tuple[str, ...]]:
    source = sources.open_source(io.BytesIO(data), name, None, incoming.Reading("KR", Limits()))
    found = list(source.rows())
    assert source.size == len(found)
    assert [row.line for row in found] == list(range(1, len(found) + 1))
    return [row.cells for row in found]


def message(sender: str, **more: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = sender
    for name, value in more.items():
        made[name.replace("_", "-")] = value
    made.set_content("Hello\n\nFrom here on I speak.\n\nFrom: nobody@example.com\n")
    return made


def test_a_message() -> None:
    data = message("김민지 <minji@example.com>", Reply_To="Sales <sales@example.com>").as_bytes()
    assert b"=?utf-8?" in data
    assert senders(data, "a.eml") == [("김민지", "minji@example.com"), ("Sales", "sales@example.com")]
    assert senders(data.replace(b"\n", b"\r\n"), "a.eml") == senders(data, "a.eml")


@pytest.mark.parametrize(("head", "found"), [
    (b"From: =?euc-kr?B?sei5zsH2?= <a@example.com>", ("김민지", "a@example.com")),
    (b"From: =?klingon?B?sei5zsH2?= <a@example.com>", ("=?klingon?B?sei5zsH2?=", "a@example.com")),
    (b'From: "Kim, Minji"\n <a@example.com>', ("Kim, Minji", "a@example.com")),
    (b"From: a@example.com", ("", "a@example.com")),
])  # fmt: skip
def test_heads_as_others_write_them(head: bytes, found: tuple[str, str]) -> None:
    assert senders(head + b"\nSubject: x\n\nbody\n", "a.eml") == [found]


def test_a_mailbox(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "in.mbox")
    for sender in ("Minji <minji@example.com>", "wang@example.com", "MINJI@example.com"):
        box.add(message(sender))
    box.close()
    data = (tmp_path / "in.mbox").read_bytes()
    assert senders(data, "in.mbox") == [("Minji", "minji@example.com"), ("", "wang@example.com")]


def test_bodies_are_not_opened() -> None:
    deep: MIMEMultipart | MIMEText = MIMEText("x")
    for _ in range(60):
        outer = MIMEMultipart()
        outer.attach(deep)
        deep = outer
    assert senders(b"From: a@example.com\n" + deep.as_bytes(), "a.eml") == [("", "a@example.com")]


@pytest.mark.parametrize(("data", "says"), [
    (b"Subject: x\n\nbody\n", "no message"), (b"", "no message"), (b"X: y\n" * 60_000, "256 KiB"),
])  # fmt: skip
def test_what_is_no_mail(data: bytes, says: str) -> None:
    with pytest.raises(InvalidFile, match=says):
        senders(data, "a.eml")
