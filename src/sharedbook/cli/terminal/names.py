"""Arguments that name something of the site, so that a shell completes them; who may not see it is not told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from sharedbook.domain.errors import SharedbookError

if TYPE_CHECKING:
    from sharedbook.services.tx import Tx


class _Name(click.ParamType[Any]):
    """Text, completed from ``known``: each name with a word on it."""

    name = "text"

    def __init__(self, known: Callable[[Tx], Iterable[tuple[str, str]]]) -> None:
        self._known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What begins with what is typed; nothing where there is no site or it cannot be opened."""
        from sharedbook.cli.terminal.site_context import Site

        asked = ctx.find_root().params
        try:
            with Site(login=asked.get("login"), config=asked.get("config")) as site, site.begin() as tx:
                known = list(self._known(tx))
        except (SharedbookError, OSError):
            return []
        return [CompletionItem(name, help=word or None) for name, word in known if name.startswith(incomplete)]


class _Number(_Name):
    """A whole number, completed likewise."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click.BadParameter."""
        if not str(value).isdecimal():
            self.fail(f"{str(value)!r} is not a job number (see: sharedbook job list).", param, ctx)
        return int(value)


def _groups(tx: Tx) -> Iterable[tuple[str, str]]:
    from sharedbook.services.books import groups

    return ((info.group.slug, info.group.name) for info in groups.list_groups(tx))


def _members(tx: Tx) -> Iterable[tuple[str, str]]:
    from sharedbook.services.members import members

    return ((member.login, member.display_name) for member in members.list_members(tx))


def _teams(tx: Tx) -> Iterable[tuple[str, str]]:
    from sharedbook.services.people import teams

    return ((info.team.name, ", ".join(member.login for member in info.members)) for info in teams.list_teams(tx))


def _subjects(tx: Tx) -> Iterable[tuple[str, str]]:
    yield from (("everyone", ""), ("postmasters", ""))
    yield from ((f"@{name}", word) for name, word in _teams(tx))
    yield from _members(tx)


def _jobs(tx: Tx) -> Iterable[tuple[str, str]]:
    from sharedbook.services.jobs import jobs

    return ((str(job.id), f"{job.kind} {job.state}") for job in jobs.list_jobs(tx))


GROUP = _Name(_groups)
MEMBER = _Name(_members)
TEAM = _Name(_teams)
SUBJECT = _Name(_subjects)
JOB = _Number(_jobs)
