"""Sends the notices that wait, outside of any transaction, and keeps how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sharedbook.domain.errors import Unavailable
from sharedbook.domain.model import Client
from sharedbook.services.notices import couriers
from sharedbook.services.tx import Console, Site, Tx, begin
from sharedbook.store import notices, subjects
from sharedbook.store.notices import Notice

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=2)
_ACTOR = Console("notices")
_CLIENT = Client("housekeeping")


def unsent(tx: Tx) -> int:
    """How many could not be sent by a way that is set."""
    ways = couriers.ways(tx.site.settings)
    return notices.unsent(tx.db, ways) if ways else 0


def recipients(tx: Tx) -> dict[int, str]:
    """Mail addresses of the postmasters who can log in, by their ids."""
    found = subjects.members(tx.db)
    return {each.id: each.email for each in found if each.postmaster and not each.disabled and each.email}


def deliver(site: Site) -> int:
    """Sends what waits; returns how many went out by every way that is set. Raises Busy, Unavailable.

    A way that has failed is left alone for the rest of this call: one that does not answer costs one timeout.
    """
    left = set(couriers.ways(site.settings))
    with begin(site, _ACTOR, _CLIENT) as tx:
        waiting = notices.due(tx.db, left, tx.now, tx.now - GIVE_UP_AFTER) if left else []
        to = recipients(tx) if waiting else {}
    done = 0
    for notice in waiting:
        ways = [way for way in left if notice.sent[way] is None]
        if ways and _claim(site, notice):
            errors = _send(site, notice, ways, to)
            left -= errors.keys()
            done += not errors
    return done


def test(site: Site) -> dict[str, str]:
    """Sends a test by each way that is set, now; returns what went wrong by way, "" for nothing. Raises Unavailable."""
    ways = couriers.ways(site.settings)
    if not ways:
        raise Unavailable("notices are sent nowhere", hint="set mail.server and mail.sender, or webhook.url")
    with begin(site, _ACTOR, _CLIENT) as tx:
        to = recipients(tx)
        notice = Notice(0, tx.now, "test", "a test", "sharedbook can send its notices here.", {}, {}, 0, "")
    return {way: str(_try(site, notice, way, to) or "") for way in ways}


def _claim(site: Site, notice: Notice) -> bool:
    """Sets the time of the next try, unless another node was faster: a crash in this one is only a pause."""
    pause = min(FIRST_PAUSE * 2**notice.tries, LONGEST_PAUSE)
    with begin(site, _ACTOR, _CLIENT, write=True) as tx:
        return notices.claim(tx.db, notice.id, tries=notice.tries, next_try=tx.now + pause)


def _send(site: Site, notice: Notice, ways: Sequence[str], to: Mapping[int, str]) -> dict[str, str]:
    """Tries these ways and keeps how it went; returns what went wrong, by way."""
    failed = {way: error for way in ways if (error := _try(site, notice, way, to))}
    refused = frozenset[str]().union(*(error.refused for error in failed.values()))
    errors = {way: str(error) for way, error in failed.items()}
    with begin(site, _ACTOR, _CLIENT, write=True) as tx:
        sent = {way: tx.now for way in ways if way not in errors}
        notices.change(tx.db, notice.id, error="; ".join(errors.values()), **sent)
        if refused:
            taken = {each for each, address in to.items() if address not in refused}
            notices.take(tx.db, notice.id, notice.taken | taken)
    return errors


def _try(site: Site, notice: Notice, way: str, to: Mapping[int, str]) -> couriers.NotSent | None:
    waiting = [address for each, address in to.items() if each not in notice.taken]
    try:
        if waiting or not notice.taken or way != "mailed":
            couriers.send(site, notice, way, waiting)
    except couriers.NotSent as error:
        return error
    return None
