"""The mail exchanged with a contact: topics and names of attachments, read at the moment out of one mailbox over IMAP.

Off unless the site names a mailbox (``imap.server``). Nothing of it is stored, no message is opened or marked as read;
the audit notes who asked about whom.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import collapse_rfc2231_value, decode_params
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidValue, Unavailable
from sharedbook.formats.vcards import fields, vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.tx import Tx
from sharedbook.settings import Settings

SECONDS = 15
_DEEPEST = 20
_ASKED = ("ENVELOPE", "INTERNALDATE", "BODYSTRUCTURE")


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, ``sent`` to the contact or received from him. ``address``: which of his addresses it names."""

    at: datetime
    folder: str
    sent: bool
    address: str
    subject: str
    attachments: tuple[str, ...]


def addresses(tx: Tx, ref: str) -> list[str]:
    """The mail addresses of a contact, for ``read``; told in the audit. Postmasters only.

    Raises Forbidden, ContactNotFound, Ambiguous, InvalidValue (he has none), Unavailable (no mailbox is set).
    """
    access.require_manage(tx.viewer, "read the correspondence")
    if tx.site.settings.imap_server is None:
        raise Unavailable("no mailbox is set", hint="set imap.server, imap.login and imap.password_file")
    contact = contacts.resolve(tx, ref)
    found = [each.value for each in fields.read(vcard.load(contact.vcard)).emails]
    if not found:
        raise InvalidValue(
            f"contact {contact.id} has no mail address",
            field="email",
            hint=f"give it one: sharedbook contact set {contact.id} email=ADDRESS",
        )
    tx.audit("contact.mail", contacts=[contact.id])
    return found


def read(settings: Settings, wanted: Collection[str], *, most: int) -> list[Letter]:
    """The newest messages from and to these addresses, the newest first. Raises Unavailable."""
    try:
        with _connected(settings) as client:
            found = [
                letter
                for folder in settings.imap_folders
                for letter in _of_folder(client, folder, {each.casefold() for each in wanted}, most)
            ]
            return sorted(found, key=lambda letter: letter.at, reverse=True)[:most]
    except (OSError, IMAPClientError, UnicodeError) as error:
        raise Unavailable(
            f"the mailbox could not be read: {error}", hint="check imap.server, imap.login and imap.folders"
        ) from None


def _connected(settings: Settings) -> IMAPClient:
    address, secret = settings.imap_server, settings.imap_password_file
    if address is None or not settings.imap_login or secret is None:
        raise Unavailable("no mailbox is set", hint="set imap.server, imap.login and imap.password_file")
    if settings.imap_security == "none" and not address.loopback:
        raise Unavailable("imap.login would be sent in clear text", hint="set imap.security")
    context = ssl.create_default_context()
    tls = settings.imap_security == "tls"
    client = IMAPClient(address.host, address.port, ssl=tls, ssl_context=context if tls else None, timeout=SECONDS)
    if settings.imap_security == "starttls":
        client.starttls(context)
    client.normalise_times = False
    client.login(settings.imap_login, secret.read_text(encoding="utf-8").strip())
    return client


def _of_folder(client: IMAPClient, folder: str, wanted: Collection[str], most: int) -> Iterator[Letter]:
    """IMAP finds pieces of addresses (RFC 3501 section 6.4.4): only whole ones count here."""
    client.select_folder(folder, readonly=True)
    numbers: set[int] = set()
    for address in wanted:
        for field in ("FROM", "TO", "CC"):
            numbers.update(client.search([field, address]))
    for data in client.fetch(sorted(numbers)[-most:], _ASKED).values():
        envelope = data[b"ENVELOPE"]
        writers = [each for each in _addresses(envelope.from_) if each in wanted]
        readers = [each for each in _addresses((*(envelope.to or ()), *(envelope.cc or ()))) if each in wanted]
        if writers or readers:
            yield Letter(
                at=data[b"INTERNALDATE"].astimezone(UTC),
                folder=folder,
                sent=not writers,
                address=(writers or readers)[0],
                subject=_text(envelope.subject),
                attachments=tuple(_attachments(data[b"BODYSTRUCTURE"])),
            )


def _addresses(found: Sequence[Any] | None) -> list[str]:
    return [
        f"{each.mailbox.decode(errors='replace')}@{each.host.decode(errors='replace')}".casefold()
        for each in found or ()
        if each.mailbox and each.host
    ]


def _text(raw: bytes | None) -> str:
    try:
        return str(make_header(decode_header((raw or b"").decode(errors="replace"))))
    except (LookupError, UnicodeError, ValueError):
        return (raw or b"").decode(errors="replace")


def _attachments(part: Sequence[Any], depth: int = 0) -> Iterator[str]:
    """Names of the parts that are attachments (RFC 3501 section 7.4.2, BODYSTRUCTURE)."""
    if depth > _DEEPEST:
        return
    if isinstance(part[0], list):
        for each in part[0]:
            yield from _attachments(each, depth + 1)
        return
    for each in part:
        if isinstance(each, tuple) and len(each) == 2 and each[0] and bytes(each[0]).lower() == b"attachment":
            yield _name(each[1]) or _name(part[2]) or "?"


def _name(parameters: Sequence[bytes] | None) -> str:
    """The file name among parameters, also in pieces and in another charset (RFC 2231)."""
    words = [each.decode(errors="replace") for each in parameters or ()]
    pairs = [("", ""), *zip((word.lower() for word in words[::2]), words[1::2], strict=False)]
    named = {name: value for name, value in decode_params(pairs) if name in ("filename", "name")}
    value = named.get("filename") or named.get("name", "")
    return _text(collapse_rfc2231_value(value).strip('"').encode())
