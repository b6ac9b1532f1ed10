"""Members out of an existing directory: added, renamed, and reported when they are gone from it.

A source is one place in one directory. An import touches only members of its source: one who was added here, or comes
from elsewhere, keeps his login, and the entry that wants it is refused. Postmasters are never disabled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sharedbook.domain import access
from sharedbook.domain.errors import InvalidValue, NameTaken, SharedbookError, Unavailable
from sharedbook.domain.model import Member
from sharedbook.services.members import members
from sharedbook.services.people import directory_login, ldap_source, subjects
from sharedbook.services.tx import Tx
from sharedbook.store import subjects as rows

FIELDS = {"login": "uid", "email": "mail", "name": "cn"}
"""What is read of an entry, and from which attribute unless a mapping says otherwise."""


class Result(StrEnum):
    """What became of an entry, or of a member without one (GONE, DISABLED)."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    GONE = "gone"
    DISABLED = "disabled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says of a member."""

    dn: str
    login: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one; ``code`` and ``message`` say why one was refused, or needs a look."""

    login: str
    dn: str
    result: Result
    code: str = ""
    message: str = ""


def mapping(pairs: Mapping[str, str]) -> dict[str, str]:
    """Field -> attribute, the given ones in place of ``FIELDS``. Raises InvalidValue."""
    if unknown := pairs.keys() - FIELDS.keys():
        raise InvalidValue(f"{min(unknown)!r} is not a field of a member", field="map", hint="login, email or name")
    return {**FIELDS, **pairs}


def read(query: ldap_source.Query, fields: Mapping[str, str]) -> list[Entry]:
    """Every entry of the directory, before any transaction. Raises InvalidValue, Unavailable (nothing, or not all)."""
    found = ldap_source.entries(query, list(fields.values()))
    return [Entry(each.dn, *(each.first(fields[name]) for name in ("login", "email", "name"))) for each in found]


def run(tx: Tx, source: str, entries: Sequence[Entry], *, disable_gone: bool) -> list[Outcome]:
    """Makes the members of a source what its entries say. Refused entries stop no other."""
    access.require_manage(tx.viewer, "import members")
    known = rows.sources(tx.db)
    times = Counter(subjects.fold_name(entry.login) for entry in entries)
    outcomes = [_entry(tx, source, entry, known, times) for entry in entries]
    for login, origin in known.items():
        if origin == source and login not in times:
            outcomes.append(_gone(tx, login, disable=disable_gone))
    counts = Counter(each.result for each in outcomes)
    tx.audit("member.import", added=counts[Result.ADDED], updated=counts[Result.UPDATED], gone=counts[Result.DISABLED])
    return outcomes


def _entry(tx: Tx, source: str, entry: Entry, known: Mapping[str, str | None], times: Mapping[str, int]) -> Outcome:
    login = subjects.fold_name(entry.login)
    try:
        with tx.savepoint():
            if times[login] > 1 and login:
                raise NameTaken(f"{times[login]} entries have the login {login}", hint="narrow the filter or the base")
            if login not in known:
                return Outcome(_add(tx, source, entry), entry.dn, Result.ADDED)
            if known[login] != source:
                whose = "was added here" if known[login] is None else f"comes from {known[login]}"
                raise NameTaken(f"{login} {whose}", hint="delete that member, or leave the entry out by the filter")
            return _update(tx, entry, subjects.member(tx, login))
    except Unavailable:
        raise
    except SharedbookError as error:
        return Outcome(login, entry.dn, Result.ERROR, error.code, str(error))


def _add(tx: Tx, source: str, entry: Entry) -> str:
    added = members.add(tx, entry.login, display_name=entry.name, email=entry.email)
    rows.change(tx.db, added.id, source=source, password=directory_login.mark(source))
    return added.login


def _update(tx: Tx, entry: Entry, member: Member) -> Outcome:
    name, email = members.clean(tx, entry.name, entry.email)
    result = Result.UNCHANGED
    if (name, email) != (member.display_name, member.email):
        members.change(tx, member.login, display_name=name, email=email)
        result = Result.UPDATED
    if member.disabled:
        told = f"{member.login} is disabled; to let him in: sharedbook member enable {member.login}"
        return Outcome(member.login, entry.dn, result, "disabled", told)
    return Outcome(member.login, entry.dn, result)


def _gone(tx: Tx, login: str, *, disable: bool) -> Outcome:
    member = subjects.member(tx, login)
    if member.disabled or not disable:
        return Outcome(login, "", Result.GONE, "gone", "the directory has no such entry any more")
    if member.postmaster:
        return Outcome(login, "", Result.GONE, "protected", "is a postmaster: an import disables none")
    members.disable(tx, login)
    return Outcome(login, "", Result.DISABLED)
