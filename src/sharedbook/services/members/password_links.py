"""Links by which a member sets his password himself: nobody has to think one up and send it.

Nothing is stored. A link is signed over the member, its end, and the password that it replaces (or that there is none):
so it works once, and ends with any other change of the password, with the member, and with a restored backup.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sharedbook.domain import access
from sharedbook.domain.errors import Conflict, NotFound
from sharedbook.domain.model import Client
from sharedbook.services.members import members
from sharedbook.services.people import subjects
from sharedbook.services.tx import App, MemberActor, Service, Tx
from sharedbook.store import identity
from sharedbook.store.identity import Identity

FOLDER = ".password"
"""Where the page is at CardDAV's address: no login begins with a full stop."""

LABEL = "password-link"
_TOKEN = re.compile(r"([0-9]{1,12})-([0-9]{1,12})-[0-9a-f]{64}")


def make(tx: Tx, login: str, lasts: timedelta) -> tuple[str, datetime]:
    """The token of a link for a member, and when it ends. Raises SubjectNotFound, Forbidden, Conflict (disabled)."""
    access.require_manage(tx.viewer, "make links for members")
    found = subjects.member(tx, login)
    member = identity.load(tx.db, found.id, departure_days=0)
    if member is None or member.disabled:
        raise Conflict(f"{found.login} is disabled", hint=f"sharedbook member enable {found.login}")
    until = (tx.now + lasts).replace(microsecond=0)
    tx.audit("member.link", member=found.id)
    return _token(tx, member, int(until.timestamp())), until


def holder(app: App, token: str) -> str:
    """The login of whom this link is for. Raises NotFound when it was used, has ended or is not whole."""
    with app.begin(Service(LABEL), Client("carddav")) as tx:
        return _holder(tx, token)


def redeem(app: App, token: str, password: str) -> str:
    """Sets the password of the link's member; returns his login. Raises NotFound, InvalidValue, Busy."""
    with app.begin(MemberActor(holder(app, token)), Client("carddav"), write=True) as tx:
        login = _holder(tx, token)  # again, under the lock: of two at once only one is the first
        members.set_password(tx, login, password)
        return login


def _holder(tx: Tx, token: str) -> str:
    found = _TOKEN.fullmatch(token)
    if found and tx.now.timestamp() < int(found[2]):
        member = identity.load(tx.db, int(found[1]), departure_days=0)
        if member and not member.disabled and tx.site.secrets.same(token, _token(tx, member, int(found[2]))):
            return member.viewer.name
    raise NotFound("this link has been used, has expired, or is incomplete", hint="ask a postmaster for a new one")


def _token(tx: Tx, member: Identity, end: int) -> str:
    number = member.viewer.member_id
    signature = tx.site.secrets.mac(LABEL, f"{number} {end} {tx.site.epoch} {member.password or ''}".encode())
    return f"{number}-{end}-{signature.hex()}"
