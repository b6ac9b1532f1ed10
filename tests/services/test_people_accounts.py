"""Logins: who gets in, what a login costs, and what ends it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sharedbook.app import App
from sharedbook.domain.errors import Busy, InvalidValue, LoginFailed, Throttled
from sharedbook.domain.model import Right
from sharedbook.services.members import grants, members
from sharedbook.services.people import accounts, passwords
from sharedbook.services.people.accounts import Door, authenticate
from sharedbook.services.people.passwords import LONGEST, SHORTEST, Slots
from sharedbook.store.app_passwords import AppPassword
from sharedbook.store.schema import app_passwords
from tests.services.people import PASSWORD, add_members
from tests.support.sites import as_console

BOTH = frozenset({"carddav", "ldap"})
WRONG = "wrong horse"


@dataclass
class Hashes:
    """The real argon2id, counted."""

    real: Any
    count: int = 0

    def hash(self, secret: bytes) -> str:
        """A new hash."""
        self.count += 1
        return str(self.real.hash(secret))

    def verify(self, secret: bytes, stored: str) -> bool:
        """One more hash, compared."""
        self.count += 1
        return bool(self.real.verify(secret, stored))

    def taken(self) -> int:
        """The count since it was last asked."""
        count, self.count = self.count, 0
        return count


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Hashes:
    """Counts the hashes from here on."""
    counter = Hashes(passwords._argon2id)
    monkeypatch.setattr(passwords, "_argon2id", counter)
    return counter


def app_password(app: App, *doors: Door, write: bool = True, login: str = "alice", label: str = "phone") -> str:
    """A fresh app password."""
    with as_console(app) as tx:
        return members.app_password_add(tx, login, label, doors=frozenset(doors), write=write)


def stored(app: App, login: str = "alice") -> list[AppPassword]:
    """A member's app passwords, after what was to be noted of them has been."""
    accounts._writer.submit(lambda: None).result()
    with as_console(app, write=False) as tx:
        return members.app_password_list(tx, login)


# ---- who gets in


def test_a_login_in_any_case_or_a_mail_address(app: App) -> None:
    add_members(app, "alice", email="Alice@Example.com", password=PASSWORD)
    with as_console(app) as tx:
        grants.grant(tx, "contacts", "everyone", Right.EDIT)
    for login in ("alice", "ALICE", " Ａlice ", "alice@EXAMPLE.com"):
        found = authenticate(app, login, PASSWORD, "carddav")
        assert (found.viewer.name, found.app_password) == ("alice", None)
        assert list(found.viewer.rights.values()) == [Right.VIEW | Right.EDIT]


def test_a_mail_address_that_two_have_is_nobodys(app: App) -> None:
    add_members(app, "alice", "bob", email="both@example.com", password=PASSWORD)
    with pytest.raises(LoginFailed):
        authenticate(app, "both@example.com", PASSWORD, "ldap")
    with as_console(app) as tx:
        members.delete(tx, "bob", give_to=None)
    assert authenticate(app, "both@example.com", PASSWORD, "ldap").viewer.name == "alice"


def test_a_login_goes_before_anothers_mail_address(app: App) -> None:
    add_members(app, "bob@example.com", password=PASSWORD)
    add_members(app, "alice", email="bob@example.com", password="another horse")
    assert authenticate(app, "bob@example.com", PASSWORD, "carddav").viewer.name == "bob@example.com"
    with pytest.raises(LoginFailed):
        authenticate(app, "bob@example.com", "another horse", "carddav")


def test_what_fails_costs_one_hash_and_says_the_same(app: App, hashes: Hashes) -> None:
    add_members(app, "alice", "dora", "dead", password=PASSWORD)
    add_members(app, "fresh")
    with as_console(app) as tx:
        members.disable(tx, "dora")
        members.delete(tx, "dead", give_to=None)
    said = set()
    hashes.taken()
    for login, password in [
        ("alice", WRONG),
        ("alice", ""),
        ("alice", PASSWORD + "x" * LONGEST),
        ("alice", "\udcff"),
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("\udcff@example.com", PASSWORD),
        ("ali\x00ce/", PASSWORD),
        ("everyone", PASSWORD),
        ("dora", PASSWORD),
        ("dead", PASSWORD),
        ("fresh", PASSWORD),
    ]:
        with pytest.raises(LoginFailed) as raised:
            authenticate(app, login, password, "carddav")
        assert hashes.taken() == 1, login
        said.add(str(raised.value))
    assert len(said) == 1


def test_the_dummy_hash_costs_what_a_real_one_does() -> None:
    parameters = "$argon2id$v=19$m=19456,t=2,p=1$"
    assert passwords.make_hash(PASSWORD).startswith(parameters)
    assert passwords._DUMMY.startswith(parameters)
    assert len(passwords._DUMMY) == len(passwords.make_hash(PASSWORD))


# ---- remembered successes


def test_a_success_is_remembered_until_the_password_changes(app: App, hashes: Hashes) -> None:
    add_members(app, "alice", password=PASSWORD)
    hashes.taken()
    authenticate(app, "alice", PASSWORD, "carddav")
    assert hashes.taken() == 1
    authenticate(app, "ALICE", PASSWORD, "carddav")
    authenticate(app, "alice", PASSWORD, "ldap")
    assert hashes.taken() == 0
    with pytest.raises(LoginFailed):
        authenticate(app, "alice", WRONG, "carddav")
    assert hashes.taken() == 1
    with as_console(app) as tx:
        members.set_password(tx, "alice", "another horse")
    hashes.taken()
    with pytest.raises(LoginFailed):
        authenticate(app, "alice", PASSWORD, "carddav")
    assert hashes.taken() == 1
    authenticate(app, "alice", "another horse", "carddav")
    assert hashes.taken() == 1


def test_a_remembered_success_ends_with_the_member(app: App) -> None:
    add_members(app, "alice", password=PASSWORD)
    authenticate(app, "alice", PASSWORD, "carddav")
    with as_console(app) as tx:
        members.disable(tx, "alice")
    with pytest.raises(LoginFailed):
        authenticate(app, "alice", PASSWORD, "carddav")
    with as_console(app) as tx:
        members.enable(tx, "alice")
    authenticate(app, "alice", PASSWORD, "carddav")


def test_ldap_remembers_for_a_minute_carddav_for_five(
    app: App, hashes: Hashes, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_members(app, "alice", password=PASSWORD)
    clock = [1000.0]
    monkeypatch.setattr(passwords, "monotonic", lambda: clock[-1])
    hashes.taken()
    authenticate(app, "alice", PASSWORD, "carddav")
    assert hashes.taken() == 1
    expected: list[tuple[float, Door, int]] = [
        (1060, "ldap", 0),
        (1061, "ldap", 1),
        (1361, "carddav", 0),
        (1362, "carddav", 1),
    ]
    for now, door, count in expected:
        clock.append(now)
        authenticate(app, "alice", PASSWORD, door)
        assert hashes.taken() == count


def test_only_so_many_successes_are_remembered() -> None:
    kept = passwords.Remembered(2)
    for key in (b"a", b"b", b"a", b"c"):
        kept.add(key)
    assert [kept.has(key, 60) for key in (b"a", b"b", b"c")] == [True, False, True]


def test_rights_are_read_anew_at_each_login(app: App) -> None:
    add_members(app, "alice", password=PASSWORD)
    assert authenticate(app, "alice", PASSWORD, "carddav").viewer.rights == {}
    with as_console(app) as tx:
        grants.grant(tx, "contacts", "alice", Right.VIEW)
    assert list(authenticate(app, "alice", PASSWORD, "carddav").viewer.rights.values()) == [Right.VIEW]


# ---- app passwords


def test_an_app_password_costs_no_hash(app: App, hashes: Hashes) -> None:
    add_members(app, "alice", email="alice@example.com")
    secret = app_password(app, "carddav", "ldap")
    for text in (secret, secret.replace("-", ""), secret.upper(), secret.replace("-", " ")):
        found = authenticate(app, "Alice@example.com", text, "ldap")
        assert (found.viewer.name, found.app_password, found.viewer.read_only) == ("alice", "phone", False)
    assert hashes.taken() == 0


def test_an_app_password_has_160_random_bits() -> None:
    made = {passwords.new_app_password() for _ in range(50)}
    assert len(made) == 50
    for text in made:
        groups = text.split("-")
        assert [len(group) for group in groups] == [4] * 8
        assert set("".join(groups)) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_an_app_password_opens_its_doors_only(app: App, hashes: Hashes) -> None:
    add_members(app, "alice", "bob", password=PASSWORD)
    secret = app_password(app, "carddav", write=False)
    hashes.taken()
    assert authenticate(app, "alice", secret, "carddav").viewer.read_only
    refused: list[tuple[str, Door]] = [("alice", "ldap"), ("bob", "carddav"), ("nobody", "carddav")]
    for login, door in refused:
        with pytest.raises(LoginFailed):
            authenticate(app, login, secret, door)
        assert hashes.taken() == 1
    assert not authenticate(app, "alice", PASSWORD, "carddav").viewer.read_only


ENDS: list[Callable[[App], object]] = []


def _ends(step: Callable[[App], object]) -> Callable[[App], object]:
    ENDS.append(step)
    return step


@_ends
def revoked(app: App) -> None:
    with as_console(app) as tx:
        members.app_password_revoke(tx, "alice", "phone")


@_ends
def expired(app: App) -> None:
    with as_console(app) as tx:
        past = datetime.now(UTC) - timedelta(seconds=1)
        tx.db.execute(update(app_passwords).values(expires=past))


@_ends
def disabled(app: App) -> None:
    with as_console(app) as tx:
        members.disable(tx, "alice")


@_ends
def deleted(app: App) -> None:
    with as_console(app) as tx:
        members.delete(tx, "alice", give_to=None)
        members.add(tx, "alice", password=PASSWORD)


@pytest.mark.parametrize("end", ENDS)
def test_an_app_password_ends_at_once(app: App, end: Callable[[App], object]) -> None:
    add_members(app, "alice")
    secret = app_password(app, "carddav")
    authenticate(app, "alice", secret, "carddav")
    end(app)
    with pytest.raises(LoginFailed):
        authenticate(app, "alice", secret, "carddav")


def test_an_app_password_does_not_end_with_the_password(app: App) -> None:
    add_members(app, "alice", password=PASSWORD)
    secret = app_password(app, "carddav")
    with as_console(app) as tx:
        members.set_password(tx, "alice", "another horse")
    authenticate(app, "alice", secret, "carddav")


def test_the_last_use_is_noted_once_an_hour(app: App) -> None:
    add_members(app, "alice")
    secret = app_password(app, "carddav")
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    authenticate(app, "alice", secret, "carddav")
    (first,) = stored(app)
    assert first.last_used is not None and before <= first.last_used <= datetime.now(UTC)
    authenticate(app, "alice", secret, "carddav")
    assert stored(app) == [first]
    with as_console(app) as tx:
        tx.db.execute(update(app_passwords).values(last_used=datetime.now(UTC) - timedelta(minutes=61)))
    authenticate(app, "alice", secret, "carddav")
    (again,) = stored(app)
    assert again.last_used is not None and again.last_used >= first.last_used


def test_a_login_does_not_wait_for_a_writer(app: App) -> None:
    add_members(app, "alice")
    secret = app_password(app, "carddav")
    with as_console(app) as tx:
        members.list_members(tx)  # the write lock is held from the first statement on
        assert authenticate(app, "alice", secret, "carddav").app_password == "phone"
    assert stored(app)[0].last_used is not None


# ---- how many at once


def test_whoever_needs_a_hash_is_admitted_first(app: App, hashes: Hashes) -> None:
    add_members(app, "alice", password=PASSWORD)
    secret = app_password(app, "carddav")
    authenticate(app, "alice", PASSWORD, "carddav")
    hashes.taken()

    def refuse() -> None:
        raise Throttled("too many failed logins", retry_after=60)

    authenticate(app, "alice", PASSWORD, "carddav", admit=refuse)
    authenticate(app, "alice", secret, "carddav", admit=refuse)
    for login in ("alice", "nobody"):
        with pytest.raises(Throttled):
            authenticate(app, login, WRONG, "carddav", admit=refuse)
    assert hashes.taken() == 0


class Announcing(threading.Semaphore):
    """Says when somebody got past it."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.passed = threading.Semaphore(0)

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """As ever."""
        got = super().acquire(blocking, timeout)
        if got:
            self.passed.release()
        return got


def test_slots_run_some_queue_some_and_refuse_the_rest() -> None:
    slots, admitted = Slots(1, 1), Announcing(2)
    slots._admitted = admitted
    order: list[str] = []

    def second() -> None:
        with slots.one():
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with slots.one():
            assert admitted.passed.acquire(timeout=60)
            waiting = pool.submit(second)
            assert admitted.passed.acquire(timeout=60)
            with pytest.raises(Busy), slots.one():
                order.append("third")
            order.append("first")
        waiting.result(60)
    with slots.one():
        order.append("fourth")
    assert order == ["first", "second", "fourth"]


def test_a_full_queue_is_busy_not_wrong(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    add_members(app, "alice", password=PASSWORD)
    full = Slots(1, 0)
    monkeypatch.setattr(passwords, "_slots", full)
    with full.one():
        for login in ("alice", "nobody"):
            with pytest.raises(Busy):
                authenticate(app, login, PASSWORD, "carddav")
    authenticate(app, "alice", PASSWORD, "carddav")


# ---- what a password is


def test_a_password_is_the_same_from_every_keyboard(app: App) -> None:
    add_members(app, "alice", password="schöne Grüße")
    for text in ("sch\u00f6ne Gr\u00fc\u00dfe", "scho\u0308ne Gru\u0308\u00dfe"):
        assert authenticate(app, "alice", text, "carddav")
    with pytest.raises(LoginFailed):
        authenticate(app, "alice", "schone Grusse", "carddav")


@pytest.mark.parametrize("password", ["", "x" * (SHORTEST - 1), "x" * (LONGEST + 1), "correct \udcff horse"])
def test_what_cannot_be_a_password(password: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        passwords.make_hash(password)
    assert raised.value.field == "password"


def test_a_long_password_is_compared_whole(app: App) -> None:
    add_members(app, "alice", password="x" * LONGEST)
    assert authenticate(app, "alice", "x" * LONGEST, "carddav")
    for wrong in ("x" * (LONGEST - 1), "x" * (LONGEST + 1)):
        with pytest.raises(LoginFailed):
            authenticate(app, "alice", wrong, "carddav")
