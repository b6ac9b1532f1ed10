"""`contact mail`: what was exchanged with a contact, out of a real mailbox, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from sharedbook.cli.terminal import json_keys
from tests.cli.conftest import CommandLine
from tests.support import dovecot
from tests.support.dovecot import message
from tests.support.ports import free_port

US = "Sales <sales@ours.example>"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[int, IMAPClient]]:
    with dovecot.served() as (port, client):
        client.create_folder("Sent")
        for subject, sender, attachment in (
            ("Offer", "Minji <Minji@example.com>", "Angebot für Köln.pdf"),
            ("Somebody else's", "kim-minji@example.com", ""),
            ("견적서", "minji@second.example", ""),
        ):
            client.append("INBOX", message(subject, sender=sender, to=US, attachment=attachment))
        client.append("Sent", message("Re: Offer", sender=US, to="Minji <minji@example.com>"))
        yield port, client


@pytest.fixture
def site(sharedbook: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    sharedbook("member", "add", "bob")
    sharedbook("contact", "add", "--name", "Minji", "--email", "minji@example.com", "--email", "minji@second.example")
    (tmp_path / "secret").write_text(f"{dovecot.PASSWORD}\n")
    monkeypatch.setenv("SHAREDBOOK_IMAP_LOGIN", dovecot.LOGIN)
    monkeypatch.setenv("SHAREDBOOK_IMAP_SECURITY", "none")
    monkeypatch.setenv("SHAREDBOOK_IMAP_PASSWORD_FILE", str(tmp_path / "secret"))
    return sharedbook


@pytest.mark.needs("dovecot")
def test_topics_and_attachments(
    site: CommandLine, mailbox: tuple[int, IMAPClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, client = mailbox
    monkeypatch.setenv("SHAREDBOOK_IMAP_SERVER", f"127.0.0.1:{port}")
    found = site.json("contact", "mail", "1")
    assert {(each["subject"], each["direction"], each["folder"], *each["attachments"]) for each in found} == {
        ("Offer", "from", "INBOX", "Angebot für Köln.pdf"),
        ("견적서", "from", "INBOX"),
        ("Re: Offer", "to", "Sent"),
    }
    assert all(sorted(each) == sorted(json_keys.KEYS["letter"]) for each in found)
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)
    assert len(site.json("contact", "mail", "1", "--limit", "2")) == 2
    assert "견적서" in site("contact", "mail", "minji@example.com").out
    client.select_folder("INBOX")
    assert client.search(["SEEN"]) == []  # reading topics marks nothing as read
    told = [each for each in site.json("audit", "list") if each["action"] == "contact.mail"]
    assert len(told) == 3 and told[0]["ids"] == {"contacts": [1]}


@pytest.mark.needs("dovecot")
def test_a_wrong_password_and_a_folder_that_is_not_there(
    site: CommandLine, mailbox: tuple[int, IMAPClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREDBOOK_IMAP_SERVER", f"127.0.0.1:{mailbox[0]}")
    monkeypatch.setenv("SHAREDBOOK_IMAP_FOLDERS", "Nowhere")
    assert "imap.folders" in site("contact", "mail", "1", code=1).err
    (tmp_path / "secret").write_text("wrong")
    answer = site("contact", "mail", "1", code=1)
    assert "imap.login" in answer.err and "Traceback" not in answer.err


def test_it_is_off_by_default_and_for_postmasters(site: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no mailbox is set" in site("contact", "mail", "1", code=1).err
    monkeypatch.setenv("SHAREDBOOK_IMAP_SERVER", f"127.0.0.1:{free_port()}")
    assert "refused" in site("contact", "mail", "1", code=1).err
    site("--as", "bob", "contact", "mail", "1", code=5)
    site("contact", "add", "--name", "No mail")
    assert "no mail address" in site("contact", "mail", "2", code=2).err
    monkeypatch.setenv("SHAREDBOOK_IMAP_SERVER", "mail.example.com:143")
    assert "clear text" in site("contact", "mail", "1", code=1).err
