"""What a bind claims (RFC 4513 section 5, RFC 4422 appendix A, RFC 4616), and whether what was proved still holds."""

from __future__ import annotations

import hmac
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ldap_gateway import messages as m
from ldap_gateway.directory import Directory
from ldap_gateway.errors import Refused
from ldap_gateway.messages import Code
from sharedbook.services.feed import FeedAppPassword, FeedMember
from sharedbook.services.keys.secrets import Secrets
from sharedbook.services.people import accounts, passwords
from sharedbook.services.people.subjects import fold_name

NOTED_SECONDS = 3600

PeerCertificate = Mapping[str, Any] | None
"""A client's certificate, as ``ssl.SSLSocket.getpeercert`` gives one that it has verified."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A member who has proved who he is; ``proof`` as ``accounts.Login`` has it, or the end of his certificate."""

    member_id: int
    login: str
    subjects: frozenset[int]
    proof: int | str | datetime


@dataclass(frozen=True, slots=True)
class Verify:
    """A password to be compared, and the login that was given with it."""

    login: str
    password: str


def credentials(request: m.Bind) -> tuple[str, str] | None:
    """Name and password; None for an anonymous bind. Raises Refused for what cannot be a login."""
    if request.version not in (2, 3):
        raise Refused(Code.PROTOCOL_ERROR, "only LDAP version 3 is supported")
    if request.mechanism is None:
        name, password = _text(request.name), _text(request.credentials)
        if not name and not password:
            return None
    elif request.mechanism.upper() == "PLAIN":
        name, password = _plain(request.credentials)
    else:
        raise Refused(Code.AUTH_METHOD_NOT_SUPPORTED, "bind with a login and a password, or a certificate")
    if not name or not password:
        raise Refused(Code.UNWILLING_TO_PERFORM, "a login needs a name and a password")
    return name, password


def is_external(request: m.Bind) -> bool:
    """Whether a bind claims what the connection itself has proved (SASL EXTERNAL)."""
    return request.mechanism is not None and request.mechanism.upper() == "EXTERNAL"


def certified(request: m.Bind, certificate: Mapping[str, Any], part: str, directory: Directory) -> Bound:
    """The one member whom a certificate names, by login or mail address.

    ``part``: ``cn`` of its subject, or ``mail`` among its alternative names. Raises Refused,
    also for one who wants to act as another.
    """
    named = {
        member.id: member
        for name in _names(certificate, part)
        if (member := directory.member_named(fold_name(name))) is not None and not member.disabled
    }
    if len(named) != 1:
        raise Refused(Code.INVALID_CREDENTIALS, "the certificate names no member, or more than one")
    [member] = named.values()
    identity = _text(request.credentials)
    if identity.startswith("dn:"):
        identity = f"u:{directory.login_of(identity.removeprefix('dn:'))}"
    if identity not in ("", f"u:{member.login}"):
        raise Refused(Code.INSUFFICIENT_ACCESS_RIGHTS, "nobody may act as another member")
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    return Bound(member.id, member.login, member.subjects, until)


def _names(certificate: Mapping[str, Any], part: str) -> list[str]:
    if part == "mail":
        return [value for kind, value in certificate.get("subjectAltName", ()) if kind == "email"]
    return [value for rdn in certificate["subject"] for kind, value in rdn if kind == "commonName"]


def _text(value: bytes) -> str:
    """A name or password; what is not UTF-8 is nobody's."""
    return value.decode(errors="replace")


def _plain(credentials: bytes) -> tuple[str, str]:
    """Login and password of SASL PLAIN (RFC 4616). Raises Refused, also for one who wants to act as another."""
    parts = _text(credentials).split("\0")
    if len(parts) != 3:
        raise Refused(Code.PROTOCOL_ERROR, "PLAIN sends an empty identity, the login and the password")
    identity, login, password = parts
    if identity not in ("", login, f"u:{login}"):
        raise Refused(Code.INSUFFICIENT_ACCESS_RIGHTS, "nobody may act as another member")
    return login, password


def proves(member: FeedMember, proof: int | str | datetime) -> bool:
    """Whether a proof still holds for a member: he may log in, and it is still his."""
    if member.disabled:
        return False
    if isinstance(proof, datetime):
        return proof > datetime.now(UTC)
    if isinstance(proof, str):
        return member.password == proof
    return any(each.id == proof and is_open(each) for each in member.app_passwords)


def is_open(key: FeedAppPassword) -> bool:
    """Whether an app password is for this door, and has not expired."""
    return "ldap" in key.doors and (key.expires is None or key.expires > datetime.now(UTC))


HEARSAY_SECONDS = 5.0
"""How long a bind is believed that the directory cannot confirm: it hears of changes within a fraction of a second."""


@dataclass(slots=True)
class Identity:
    """Who is bound. Until the directory has heard of this member and his proof, the bind's own view of him counts."""

    bound: Bound
    since: float
    known: bool = False

    def subjects(self, members: Mapping[int, FeedMember], clock: Callable[[], float]) -> frozenset[int] | None:
        """Whom he counts as at this moment; None when he may not log in any more."""
        member = members.get(self.bound.member_id)
        if member is not None and proves(member, self.bound.proof):
            self.known = True
            return member.subjects
        gone = self.known or (member is not None and member.disabled)
        if gone or clock() - self.since > HEARSAY_SECONDS:
            return None
        return (member or self.bound).subjects


class Known:
    """Binds that need no database: by what the directory knows of members, which follows every change.

    An app password is recognised once the database was asked for it within the hour, which notes that it is in use.
    """

    def __init__(self, directory: Directory, secrets: Secrets, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._secrets = secrets
        self._clock = clock
        self._noted: dict[int, float] = {}

    def recognise(self, claimed: Verify) -> Bound | None:
        """Who this is, if no password must be hashed to tell."""
        member = self._directory.member_named(fold_name(claimed.login))
        if member is None or member.disabled:
            return None
        proof = self._proof(member, claimed.password)
        return None if proof is None else Bound(member.id, member.login, member.subjects, proof)

    def _proof(self, member: FeedMember, password: str) -> int | str | None:
        mac = passwords.app_password_mac(self._secrets, password) if member.app_passwords else None
        if mac is not None:
            for key in member.app_passwords:
                if hmac.compare_digest(key.hmac, mac) and is_open(key):
                    noted = self._noted.get(key.id)
                    return key.id if noted is not None and self._clock() - noted < NOTED_SECONDS else None
        stored = member.password
        seconds = accounts.REMEMBER_SECONDS["ldap"]
        return stored if passwords.remembered(member.login, password, stored, seconds=seconds) else None

    def note(self, bound: Bound) -> None:
        """Remembers a login that the database confirmed."""
        if isinstance(bound.proof, int):
            self._noted[bound.proof] = self._clock()
