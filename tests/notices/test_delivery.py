"""Notices go out by mail and webhook, once each; what fails is tried again, and told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from sharedbook import app
from sharedbook.app import App
from sharedbook.cli import serve
from sharedbook.cli.terminal.site_context import Site
from sharedbook.domain.errors import Unavailable
from sharedbook.services.books import groups
from sharedbook.services.members import members
from sharedbook.services.notices import couriers, delivery, notices
from sharedbook.services.notices.notices import Notice
from sharedbook.services.upkeep import housekeeping
from sharedbook.settings import Address, Settings
from sharedbook.store.schema import notices as rows
from tests.notices.receivers import MailServer, Post, WebServer, mail_server
from tests.support.eventually import eventually
from tests.support.sites import as_console, new_site

Open = Callable[..., App]


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as made:
        yield made


@pytest.fixture
def web() -> Iterator[WebServer]:
    made = WebServer()
    yield made
    made.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Open]:
    """Opens a site of two postmasters and others, with one notice, and with these settings."""
    made = new_site(tmp_path / "site")
    with as_console(made) as tx:
        members.add(tx, "alice", email="alice@example.com", postmaster=True)
        members.add(tx, "bob", email="bob@example.com", postmaster=True)
        members.add(tx, "carol", email="carol@example.com")
        members.add(tx, "dave", postmaster=True)
        members.add(tx, "erin", email="erin@example.com", postmaster=True)
        members.disable(tx, "erin")
        notices.add(tx, "hold.raised", "김 is held back", "Two lines:\n  sharedbook hold show 7\n", hold=7, group=3)
    made.close()
    opened: list[App] = []

    def open_(**settings: Any) -> App:
        opened.append(app.open(Settings(data_dir=tmp_path / "site", **settings)))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def mailing(mail: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings that reach the mail server, whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mail.cert))
    (tmp_path / "password").write_text("mail secret\n")
    return {
        "mail_server": mail.address,
        "mail_sender": "sharedbook@example.com",
        "mail_login": "sharedbook",
        "mail_password_file": tmp_path / "password",
    }


def only(site: App) -> Notice:
    with as_console(site, write=False) as tx:
        (notice,) = notices.list_notices(tx)
        return notice


def unsent(site: App) -> int:
    with as_console(site, write=False) as tx:
        return delivery.unsent(tx)


def age(site: App, **by: float) -> None:
    """Makes all notices older, as if the clock had moved."""
    with as_console(site) as tx:
        for key, at, next_try in tx.db.execute(select(rows.c.id, rows.c.at, rows.c.next_try)).all():
            moved = {"at": at - timedelta(**by), "next_try": next_try - timedelta(**by)}
            tx.db.execute(update(rows).where(rows.c.id == key).values(**moved))


def test_a_notice_is_mailed_to_the_postmasters_once(site: Open, mail: MailServer, mailing: dict[str, Any]) -> None:
    opened = site(**mailing)
    assert delivery.deliver(opened.site) == 1
    to, message = mail.next()
    assert to == ["alice@example.com", "bob@example.com"]
    assert (message["Subject"], message["From"]) == ("sharedbook: 김 is held back", "sharedbook@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == ["Two lines:", "  sharedbook hold show 7"]
    assert only(opened).sent["mailed"] is not None and only(opened).error == ""
    age(opened, hours=5)
    assert delivery.deliver(opened.site) == 0 and mail.mails.empty()


def test_who_was_refused_is_tried_again_alone(site: Open, mail: MailServer, mailing: dict[str, Any]) -> None:
    opened = site(**mailing)
    mail.refused.add("bob@example.com")
    assert delivery.deliver(opened.site) == 0 and unsent(opened) == 1
    assert mail.next()[0] == ["alice@example.com"]
    assert "1 of 2 addresses: 550" in only(opened).error and only(opened).sent["mailed"] is None
    age(opened, minutes=2)
    assert delivery.deliver(opened.site) == 0 and mail.mails.empty()
    mail.refused.clear()
    age(opened, minutes=3)
    assert delivery.deliver(opened.site) == 1 and unsent(opened) == 0
    assert mail.next()[0] == ["bob@example.com"]


def test_who_was_refused_and_is_no_postmaster_any_more_is_waited_for_no_longer(
    site: Open, mail: MailServer, mailing: dict[str, Any]
) -> None:
    opened = site(**mailing)
    mail.refused.add("bob@example.com")
    assert delivery.deliver(opened.site) == 0
    assert mail.next()[0] == ["alice@example.com"]
    mail.refused.clear()
    with as_console(opened) as tx:
        members.change(tx, "bob", postmaster=False)
    age(opened, minutes=2)
    assert delivery.deliver(opened.site) == 1 and mail.mails.empty() and unsent(opened) == 0


def test_a_notice_is_posted_and_signed(site: Open, web: WebServer) -> None:
    opened = site(webhook_url=web.url)
    assert delivery.deliver(opened.site) == 1
    (post,) = web.posts
    document = json.loads(post.body)
    assert {key: document[key] for key in ("id", "kind", "subject", "ids")} == {
        "id": 1, "kind": "hold.raised", "subject": "김 is held back", "ids": {"hold": 7, "group": 3},
    }  # fmt: skip
    key = bytes.fromhex(couriers.webhook_key(opened.site))
    signature = hmac.new(key, post.body, hashlib.sha256).hexdigest()
    assert post.headers[couriers.SIGNATURE] == f"sha256={signature}"
    assert delivery.deliver(opened.site) == 0 and len(web.posts) == 1


def test_what_fails_is_tried_again_ever_less_often_and_given_up_after_two_days(site: Open, web: WebServer) -> None:
    opened = site(webhook_url=web.url)
    web.answer = lambda _post: 500
    delivery.deliver(opened.site)
    for tries, pause in enumerate((1, 2, 4, 8), start=1):
        age(opened, minutes=pause - 0.5)
        assert delivery.deliver(opened.site) == 0 and len(web.posts) == tries
        age(opened, minutes=0.5)
        assert delivery.deliver(opened.site) == 0 and len(web.posts) == tries + 1
    assert "webhook: HTTP Error 500" in only(opened).error and unsent(opened) == 1
    age(opened, hours=4)
    web.answer = lambda _post: 200
    assert delivery.deliver(opened.site) == 1
    assert (only(opened).error, unsent(opened)) == ("", 0)


def test_what_failed_for_two_days_is_left_and_still_told(site: Open, web: WebServer) -> None:
    opened = site(webhook_url=web.url)
    web.answer = lambda _post: 503
    delivery.deliver(opened.site)
    age(opened, days=2)
    assert delivery.deliver(opened.site) == 0 and len(web.posts) == 1
    assert unsent(opened) == 1
    age(opened, days=60)
    assert housekeeping.run(opened.site).notices == 1 and unsent(opened) == 0


def test_a_redirect_is_not_followed(site: Open, web: WebServer) -> None:
    opened = site(webhook_url=web.url)
    for status in (301, 302, 303, 307, 308):
        web.answer = lambda _post, status=status: status  # type: ignore[misc]
        delivery.deliver(opened.site)
        assert f"{status}" in only(opened).error
        age(opened, hours=4)
    assert {post.path for post in web.posts} == {"/hook"}


def test_who_does_not_answer_is_not_waited_for_long(
    site: Open, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "SECONDS", 0.1)
    released = threading.Event()
    web.answer = lambda _post: 200 if released.wait(60) else 500
    opened = site(webhook_url=web.url)
    with as_console(opened) as tx:
        notices.add(tx, "hold.raised", "another", "another")
    assert delivery.deliver(opened.site) == 0
    eventually(lambda: len(web.posts), 1)
    released.set()
    with as_console(opened, write=False) as tx:
        second, first = notices.list_notices(tx)
    assert "timed out" in first.error
    assert second.error == "", "it was not tried at a place that does not answer"


def test_each_way_is_counted_by_itself(site: Open, web: WebServer, mail: MailServer, mailing: dict[str, Any]) -> None:
    opened = site(webhook_url=web.url, **mailing)
    web.answer = lambda _post: 500
    assert delivery.deliver(opened.site) == 0
    assert mail.next()[1]["Subject"] == "sharedbook: 김 is held back"
    age(opened, minutes=2)
    web.answer = lambda _post: 200
    assert delivery.deliver(opened.site) == 1
    assert mail.mails.empty() and len(web.posts) == 2


def test_two_nodes_send_it_once(site: Open, web: WebServer) -> None:
    nodes = [site(webhook_url=web.url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(lambda node: delivery.deliver(node.site), nodes)) == 1
    assert len(web.posts) == 1


def test_others_write_while_it_is_sent(site: Open, web: WebServer) -> None:
    opened = site(webhook_url=web.url)

    def write(_post: Post) -> int:
        with as_console(opened) as tx:
            groups.add(tx, "Meanwhile")
        return 200

    web.answer = write
    assert delivery.deliver(opened.site) == 1


def test_what_cannot_be_sent_says_what_to_set(
    site: Open, tmp_path: Path, mail: MailServer, mailing: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Address("mail.example.com", 25)
    opened = site(**mailing)
    for settings, words in (
        ({"mail_sender": "nobody"}, "mail.sender"),
        ({"mail_password_file": None}, "mail.password_file"),
        ({"mail_password_file": tmp_path / "missing"}, "missing"),
        ({"mail_server": elsewhere, "mail_security": "none"}, "clear text"),
        ({"mail_security": "none"}, "AUTH"),
        ({"mail_server": None, "webhook_url": "http://chat.example.com/hook"}, "webhook.url"),
        ({"mail_server": None, "webhook_url": "ftp://127.0.0.1/hook"}, "webhook.url"),
        ({"mail_server": None, "webhook_url": "file:///etc/passwd"}, "webhook.url"),
    ):
        changed = replace(opened.site, settings=replace(opened.settings, **settings))
        (error,) = delivery.test(changed).values()
        assert words in error, (settings, error)
    (tmp_path / "password").write_text("wrong")
    assert "535" in delivery.test(opened.site)["mailed"]
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in delivery.test(opened.site)["mailed"]
    assert mail.mails.empty()


def test_no_postmaster_with_an_address(site: Open, mail: MailServer, mailing: dict[str, Any]) -> None:
    opened = site(**mailing)
    with as_console(opened) as tx:
        for login in ("alice", "bob"):
            members.change(tx, login, email="")
    assert delivery.deliver(opened.site) == 0
    assert "sharedbook member set LOGIN email=" in only(opened).error and unsent(opened) == 1


def test_a_site_that_sends_nowhere_keeps_them(site: Open) -> None:
    opened = site()
    assert delivery.deliver(opened.site) == 0
    assert (only(opened).error, unsent(opened)) == ("", 0)
    with pytest.raises(Unavailable, match="nowhere"):
        delivery.test(opened.site)


def test_serve_sends_within_a_minute(
    site: Open, web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site().close()
    monkeypatch.setattr(serve, "MINUTE", 0.01)
    monkeypatch.setenv("SHAREDBOOK_DATA_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("SHAREDBOOK_WEBHOOK_URL", web.url)
    servers = serve._Servers(Site(login=None, config=None), [], {})
    web.answer = lambda _post: [servers._events.put("ended"), 200][1]  # type: ignore[func-returns-value,return-value]
    assert servers._wait() == "ended"
    assert len(web.posts) == 1
