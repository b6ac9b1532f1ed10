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
from sharedbook.formats.entries import incoming
from sharedbook.formats.files import sources


def senders(data: bytes, name: str, recipients: int = 0) -> list[tuple[str, ...]]:
    reading = incoming.Reading("KR", Limits(), recipients=recipients)
    source = sources.open_source(io.BytesIO(data), name, None, reading)
    found = list(source.rows())
    assert source.size == len(found)
    assert [row.line for row in found] == list(range(1, len(found) + 1))
    assert {len(row.cells) for row in found} == {len(source.columns)}
    return [row.cells[: 1 + max(place for place, cell in enumerate(row.cells) if cell)] for row in found]


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


def test_recipients_come_where_they_are_asked_for_and_are_no_mailing(tmp_path: Path) -> None:
    ours = "Sales <sales@example.com>"
    to, cc = '"Kim, M." <minji@example.com>, undisclosed-recipients:;', "김민지 <Minji@example.com>, ada@example.com"
    letter = message(ours, To=to, Cc=cc)
    box = mailbox.mbox(tmp_path / "sent.mbox")
    for each in (letter, message("민지 <minji@example.com>", To=ours), message("Ada <ada@example.com>")):
        box.add(each)
    for count in (200, 1_000):
        box.add(message(ours, To=", ".join(f"p{number}@example.com" for number in range(count))))
    box.close()
    data = (tmp_path / "sent.mbox").read_bytes()
    sent, minji, ada = ("Sales", "sales@example.com"), ("민지", "minji@example.com"), ("Ada", "ada@example.com")
    assert senders(data, "sent.mbox") == [sent, minji, ada]
    assert senders(data, "sent.mbox", 3) == [sent, minji, ada]
    named = [("Kim, M.", "minji@example.com"), ("", "ada@example.com")]
    assert [senders(letter.as_bytes(), "a.eml", most) for most in (3, 2, 0)] == [[sent, *named], [sent], [sent]]
    assert len(senders(data, "sent.mbox", 200)) == 3 + 200
    source = sources.open_source(io.BytesIO(data), "sent.mbox", None, incoming.Reading("KR", Limits(), recipients=3))
    assert len(list(source.rows())) == 3
    (warning,) = source.warnings
    assert (warning.line, warning.code, warning.message[-3:]) == (0, "many-recipients", ": 2")


SIGNATURE = """Hello

--\x20
김민지 | Example Corporation
Tel: +82 2-1234-5678 / M. : 010-1234-5678, Fax: 02 1
Mail: minji@example.com, kim.minji@example.org; info@example.com
Assistant: joerg@example.com, Room: 12345678901

On Monday somebody wrote:
> Tel: +82 2-9999-9999
"""


def signed(sender: str, text: str, **more: str) -> bytes:
    made = message(sender)
    made.set_content(text)
    for name, value in more.items():
        made[name.replace("_", "-")] = value
    return made.as_bytes()


def test_a_signature_says_where_else_its_sender_is() -> None:
    one, ada = signed("Minji <minji@example.com>", SIGNATURE), signed("Jörg <joerg@example.com>", "No\n--\nx@a.example")
    both = b"".join(
        b"From x\n" + data + b"\n" for data in (signed("minji@example.com", "-- \nT: 1234567"), one, ada, one)
    )
    minji = ("Minji", "minji@example.com", "kim.minji@example.org", "", "+82 2-1234-5678", "010-1234-5678")
    assert senders(both, "in.mbox") == [minji, ("Jörg", "joerg@example.com", "x@a.example")]
    html = MIMEMultipart("alternative")
    html["From"] = "Minji <minji@example.com>"
    html.attach(MIMEText("<p>-- </p>", "html"))
    html.attach(MIMEText(SIGNATURE, "plain", "euc-kr"))
    outer = MIMEMultipart()
    outer["From"] = html["From"]
    outer.attach(html)
    for each in (html, outer):
        assert senders(each.as_bytes(), "a.eml") == [("Minji", *minji[1:3], "joerg@example.com", *minji[4:])]


@pytest.mark.parametrize(("text", "more"), [
    ("Tel: +82 2-1234-5678\n", {}),
    ("> -- \n> Tel: +82 2-1234-5678\n", {}),
    ("-- \n> Tel: +82 2-1234-5678\n", {}),
    ("-------- Forwarded Message --------\n-- \nTel: +82 2-1234-5678\n", {}),
    ("From: x@example.com\n\n-- \nTel: +82 2-1234-5678\n", {}),
    ("-- \n" + "\n" * 20 + "Tel: +82 2-1234-5678\n", {}),
    ("-- \nTel +82 2-1234-5678, Account: 12345678, Hotel: 12345678, Tel: 1/2\n", {}),
    ("-- \nunsubscribe@lists.example.com a@b a@@example.com\n", {}),
    (SIGNATURE, {"List_Id": "<all.example.com>"}),
    (SIGNATURE, {"Auto_Submitted": "auto-replied"}),
    (SIGNATURE, {"Content_Disposition": "attachment"}),
])  # fmt: skip
def test_what_is_surely_no_signature_of_the_sender(text: str, more: dict[str, str]) -> None:
    assert senders(signed("a@example.com", text, **more), "a.eml") == [("", "a@example.com")]


def test_what_is_too_deep_to_be_read_is_left_out() -> None:
    assert senders(b"From: " + b"(" * 5_000 + b"\nSender: a@example.com\n\n", "a.eml") == [("", "a@example.com")]
    assert senders(b"From: a:" + b"<," * 100_000 + b"\nSender: a@example.com\n\n", "a.eml") == [("", "a@example.com")]
    kind = b"Content-Type: text/plain; " + b'"' * 200_000  # which would take Python minutes
    data = b"From: a@example.com\n" + kind + b"\n\n-- \nT: +82 2 1234567"
    assert senders(data, "a.eml") == [("", "a@example.com")]


def test_bodies_are_not_opened_deeply() -> None:
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
