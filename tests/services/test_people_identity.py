"""Who someone is and what he holds, read by one statement, against a computation over plain sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharedbook.app import App
from sharedbook.domain.access import Viewer
from sharedbook.domain.errors import Conflict, NotFound
from sharedbook.domain.model import ALL_RIGHTS, NO_RIGHTS, Right
from sharedbook.services.books import groups
from sharedbook.services.members import grants, members
from sharedbook.services.people import teams
from sharedbook.services.tx import Tx
from sharedbook.store import changes
from tests.services.people import viewer
from tests.support.sites import CLIENT, CONSOLE

LOGINS = ("alice", "bob", "carol")
TEAMS = ("@sales", "@support")
GROUPS = ("contacts", "clients", "partners")
SUBJECTS = (*LOGINS, *TEAMS, "postmasters", "everyone")

login = st.sampled_from(LOGINS)
team = st.sampled_from(TEAMS)
group = st.sampled_from(GROUPS)
subject = st.sampled_from(SUBJECTS)
rights = st.integers(1, int(ALL_RIGHTS)).map(Right)
step = st.one_of(
    st.tuples(st.just("grant"), group, subject, rights),
    st.tuples(st.just("grant"), group, subject, rights),
    st.tuples(st.just("revoke"), group, subject, st.just(NO_RIGHTS)),
    st.tuples(st.sampled_from(["join", "leave"]), team, login, st.just(NO_RIGHTS)),
    st.tuples(st.sampled_from(["promote", "demote", "renew", "delete-member"]), login, st.just(NO_RIGHTS)),
    st.tuples(st.just("delete-team"), team, st.just(NO_RIGHTS)),
)


@dataclass
class Model:
    """Each fact with the seq at which it began; ``viewed`` is all that a member ever viewed."""

    born: dict[str, int]
    teams: set[str] = field(default_factory=lambda: set(TEAMS))
    joined: dict[tuple[str, str], int] = field(default_factory=dict)
    granted: dict[tuple[str, str], tuple[Right, int]] = field(default_factory=dict)
    viewed: set[tuple[str, str]] = field(default_factory=set)

    def since(self, login: str) -> dict[str, int]:
        """What a member answers to, and since when."""
        teams = {team: seq for (team, member), seq in self.joined.items() if member == login}
        return {login: self.born[login], "everyone": self.born[login], **teams}

    def rights(self, login: str, group: str) -> Right:
        """The union of what a member's subjects were granted."""
        found = NO_RIGHTS
        for subject in self.since(login):
            found |= self.granted.get((group, subject), (NO_RIGHTS, 0))[0]
        return found | Right.VIEW if found else found

    def view_since(self, login: str, group: str) -> int:
        """The earliest seq at which one of the ways to view a group began."""
        since = self.since(login)
        return min(
            max(seq, since[subject])
            for (where, subject), (_, seq) in self.granted.items()
            if where == group and subject in since
        )

    def refuses(self, action: str, *names: str) -> bool:
        """Whether a step names what is not there, or would leave the site without a postmaster."""
        known = {*self.born, *self.teams, *GROUPS, "postmasters", "everyone"}
        if not known.issuperset(names):
            return True
        if action in ("demote", "renew", "delete-member"):
            return [member for team, member in self.joined if team == "postmasters"] == list(names)
        return (action == "revoke" and names not in self.granted) or (action == "leave" and names not in self.joined)

    def after(self, seq: int, action: str, *names: str, rights: Right = NO_RIGHTS) -> None:
        """Takes a step that is not refused; then everybody looks at every group."""
        getattr(self, action.replace("-", "_"))(seq, *names, **({"rights": rights} if rights else {}))
        self.viewed |= {(login, group) for login in self.born for group in GROUPS if self.rights(login, group)}

    def grant(self, seq: int, *key: str, rights: Right) -> None:
        group, subject = key
        self.granted[group, subject] = (rights, self.granted.get((group, subject), (rights, seq))[1])

    def revoke(self, _: int, group: str, subject: str) -> None:
        del self.granted[group, subject]

    def join(self, seq: int, team: str, login: str) -> None:
        self.joined.setdefault((team, login), seq)

    def leave(self, _: int, team: str, login: str) -> None:
        del self.joined[team, login]

    def promote(self, seq: int, login: str) -> None:
        self.join(seq, "postmasters", login)

    def demote(self, _: int, login: str) -> None:
        self.joined.pop(("postmasters", login), None)

    def renew(self, seq: int, login: str) -> None:
        self.born[login] = seq

    def delete_member(self, _: int, login: str) -> None:
        del self.born[login]
        self._drop(login)

    def delete_team(self, _: int, team: str) -> None:
        self.teams.discard(team)
        self._drop(team)

    def _drop(self, subject: str) -> None:
        self.granted = {key: value for key, value in self.granted.items() if key[1] != subject}
        self.joined = {key: value for key, value in self.joined.items() if subject not in key}


def renew(tx: Tx, login: str) -> None:
    """Out and in again."""
    members.disable(tx, login)
    members.enable(tx, login)


SERVICES: dict[str, Callable[..., object]] = {
    "grant": grants.grant,
    "revoke": grants.revoke,
    "join": teams.join,
    "leave": teams.leave,
    "promote": lambda tx, login: members.change(tx, login, postmaster=True),
    "demote": lambda tx, login: members.change(tx, login, postmaster=False),
    "renew": renew,
    "delete-member": lambda tx, login: members.delete(tx, login, give_to=None),
    "delete-team": teams.delete,
}


def take(tx: Tx, model: Model, action: str, *names: str, rights: Right = NO_RIGHTS) -> None:
    """Takes a step with the services and with the model, unless the model says that it must be refused."""
    arguments = (*names, rights) if rights else names
    if model.refuses(action, *names):
        with pytest.raises((NotFound, Conflict)), tx.savepoint():
            SERVICES[action](tx, *arguments)
        return
    SERVICES[action](tx, *arguments)
    model.after(changes.position(tx.db), action, *names, rights=rights)


def expected(model: Model, login: str, ids: dict[str, int], subjects: dict[str, int]) -> Viewer:
    """The viewer that the model says; ``ids``: group slug -> id."""
    rights = {ids[group]: model.rights(login, group) for group in GROUPS if model.rights(login, group)}
    since = {subjects[subject]: seq for subject, seq in model.since(login).items()}
    return Viewer(
        member_id=subjects[login],
        name=login,
        subjects=frozenset(since),
        rights=rights,
        view_since={ids[group]: model.view_since(login, group) for group in GROUPS if ids[group] in rights},
        subject_since=since,
        lost=frozenset(ids[group] for group in GROUPS if (login, group) in model.viewed) - rights.keys(),
        postmaster="postmasters" in model.since(login),
    )


@pytest.fixture
def transaction(app: App) -> Iterator[Tx]:
    """A transaction that is rolled back at the end; each example is, too."""
    with app.begin(CONSOLE, CLIENT, write=True) as tx:
        yield tx
        tx.rollback()


@settings(max_examples=60)
@given(steps=st.lists(step, min_size=10, max_size=40))
def test_a_viewer_is_what_teams_and_grants_make_him(transaction: Tx, steps: list[tuple[Any, ...]]) -> None:
    tx = transaction
    nested = tx.db.begin_nested()
    try:
        subjects = {"everyone": 1, "postmasters": 2}
        ids = {"contacts": groups.default(tx).id} | {name: groups.add(tx, name).id for name in GROUPS[1:]}
        model = Model({})
        for login in LOGINS:
            subjects[login] = members.add(tx, login).id
            model.born[login] = changes.position(tx.db)
        subjects |= {name: teams.add(tx, name).id for name in TEAMS}
        for action, *names, rights in steps:
            take(tx, model, action, *names, rights=rights)
            for login in model.born:
                assert viewer(tx, login) == expected(model, login, ids, subjects)
    finally:
        nested.rollback()
