"""How a notice leaves the house: by mail over the site's server, or as a signed JSON POST. No database here.

Every step has a timeout, certificates are verified, and a webhook is followed nowhere: what answers anything but 2xx
has not taken the notice.
"""

from __future__ import annotations

import hmac
import http.client
import json
import smtplib
import ssl
import urllib.request
from collections.abc import Collection, Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any
from urllib.parse import urlsplit

from sharedbook import __version__
from sharedbook.services.tx import Site
from sharedbook.settings import Address, Settings
from sharedbook.store.notices import Notice

SECONDS = 10
SIGNATURE = "Sharedbook-Signature"
KEY = "webhook"
"""Label of the key that signs what is posted."""

LONGEST_ERROR = 300


class NotSent(Exception):
    """A notice was not taken; the message says by whom and why. ``refused``: these addresses, where others took it."""

    def __init__(self, message: str, refused: Collection[str] = ()) -> None:
        super().__init__(message[:LONGEST_ERROR])
        self.refused = frozenset(refused)


def ways(settings: Settings) -> list[str]:
    """By which ways this site sends."""
    set_ = {"mailed": settings.mail_server is not None, "posted": bool(settings.webhook_url)}
    return [way for way, is_set in set_.items() if is_set]


def send(site: Site, notice: Notice, way: str, to: Sequence[str]) -> None:
    """Sends a notice by one of ``ways``; ``to``: mail addresses. Raises NotSent, also where some took it."""
    settings = site.settings
    try:
        if way == "mailed" and settings.mail_server:
            _mail(settings, settings.mail_server, notice, to)
        elif way == "posted":
            _post(settings.webhook_url, _body(notice), site.secrets.key(KEY))
    except (OSError, http.client.HTTPException, ValueError) as error:
        name = "mail" if way == "mailed" else "webhook"
        raise NotSent(f"{name}: {error or type(error).__name__}") from error


def webhook_key(site: Site) -> str:
    """What a webhook checks signatures with, in hexadecimal digits."""
    return site.secrets.key(KEY).hex()


# ---- mail


def _mail(settings: Settings, address: Address, notice: Notice, to: Sequence[str]) -> None:
    _refuse_unsendable(settings, address, to)
    message = EmailMessage()
    message["Subject"] = f"sharedbook: {notice.subject}"
    message["From"] = settings.mail_sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = make_msgid(domain=settings.mail_sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    with _connected(settings, address) as server:
        if settings.mail_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.mail_login and settings.mail_password_file:
            server.login(settings.mail_login, settings.mail_password_file.read_text(encoding="utf-8").strip())
        refused = server.send_message(message)
    if refused:
        (code, reason), count = next(iter(refused.values())), f"{len(refused)} of {len(to)}"
        raise NotSent(f"mail: refused for {count} addresses: {code} {reason.decode(errors='replace')}", refused)


def _refuse_unsendable(settings: Settings, address: Address, to: Sequence[str]) -> None:
    """Raises ValueError for what could not work, or would give the password away."""
    if "@" not in settings.mail_sender:
        raise ValueError("mail.sender is not a mail address; set it")
    if not to:
        raise ValueError("no postmaster has a mail address; give one: sharedbook member set LOGIN email=ADDRESS")
    if settings.mail_login and settings.mail_password_file is None:
        raise ValueError("mail.login needs mail.password_file; set it")
    if settings.mail_login and settings.mail_security == "none" and not address.loopback:
        raise ValueError("mail.login would be sent in clear text; set mail.security")


def _connected(settings: Settings, address: Address) -> smtplib.SMTP:
    if settings.mail_security == "tls":
        return smtplib.SMTP_SSL(*address, timeout=SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(*address, timeout=SECONDS)


# ---- webhook


def _body(notice: Notice) -> bytes:
    """The notice as JSON; a receiver knows by its id one that came twice."""
    document = {
        "id": notice.id,
        "at": notice.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kind": notice.kind,
        "subject": notice.subject,
        "text": notice.text,
        "ids": dict(notice.ids),
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _post(url: str, body: bytes, key: bytes) -> None:
    where = urlsplit(url)
    if where.scheme != "https" and not (where.scheme == "http" and Address(where.hostname or "", 0).loopback):
        raise ValueError("webhook.url is neither https nor http on this machine; change it")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": f"sharedbook/{__version__}",
        SIGNATURE: f"sha256={hmac.digest(key, body, 'sha256').hex()}",
    }
    _opener.open(urllib.request.Request(url, body, headers, method="POST"), timeout=SECONDS).close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error like any other: what is signed for one place is told to no other."""

    def redirect_request(self, *_args: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
