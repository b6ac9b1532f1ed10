"""``sharedbook contact copy`` and the other commands that may concern many contacts at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from sharedbook.cli.erasing import certificate_option, erase_contacts
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.confirm import asking
from sharedbook.cli.terminal.minus_words import MinusWords
from sharedbook.cli.terminal.names import GROUP, MEMBER
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.refs import chosen, where_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.cli.terminal.visibility import VisibilityChange
from sharedbook.domain import access
from sharedbook.services.books import groups
from sharedbook.services.jobs import actions
from sharedbook.services.jobs.actions import Action
from sharedbook.services.people import subjects
from sharedbook.services.tx import Tx


def add_to(group: click.Group) -> None:
    """Adds the commands of this file to ``sharedbook contact``."""
    for each in (copy, move, delete, erase, tag, visibility, share, owner, assign, detach):
        group.add_command(each)


def _many(
    site: Site,
    out: Output,
    label: str,
    action_of: Callable[[Tx], Action],
    refs: tuple[str, ...],
    where: str | None,
    how: How,
    *,
    warning: str = "",
) -> None:
    """Does it to the contacts named; asks when they are more than one, or when there is a ``warning``."""
    named = chosen(refs, where)

    def task_of(tx: Tx) -> Task:
        found = named.contacts(tx)
        names = [f"{contact.id} {contact.name}" for contact in found]
        return Task(action_of(tx), [contact.id for contact in found], names, [warning] if warning else [])

    carry_out(site, out, label, task_of, how, ask=bool(warning))


@click.command("copy")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@click.option("--to", required=True, type=GROUP, metavar="GROUP", help="The group to add them to.")
@as_job
@json_option
@pass_site
def copy(site: Site, out: Output, refs: tuple[str, ...], where: str | None, to: str, how: How) -> None:
    """Add contacts to another group as well.

    They stay the same contacts: an edit shows in both groups.

    \b
    Examples:  sharedbook contact copy minji@example.com --to press
               sharedbook contact copy --where tag:vip --to press --yes
    """

    _many(site, out, f"copy to {to}", lambda tx: actions.Copy(groups.get(tx, to).id), refs, where, how)


@click.command("move")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@click.option("--from", "source", required=True, type=GROUP, metavar="GROUP", help="The group they leave.")
@click.option("--to", required=True, type=GROUP, metavar="GROUP", help="The group they move to.")
@as_job
@json_option
@pass_site
def move(site: Site, out: Output, refs: tuple[str, ...], where: str | None, source: str, to: str, how: How) -> None:
    """Move contacts from one group to another.

    \b
    Examples:
      sharedbook contact move 12 --from customers --to partners
      sharedbook contact move - --from customers --to press --yes < ids.txt
    """

    def action_of(tx: Tx) -> Action:
        return actions.Move(groups.get(tx, source).id, groups.get(tx, to).id)

    _many(site, out, f"move from {source} to {to}", action_of, refs, where, how)


@click.command("delete")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@as_job
@json_option
@pass_site
def delete(site: Site, out: Output, refs: tuple[str, ...], where: str | None, how: How) -> None:
    """Delete contacts.

    They go to the trash, from where `trash restore` brings them back. A site without a trash deletes them for good.

    \b
    Examples:  sharedbook contact delete minji@example.com
               sharedbook contact delete --where "tag:obsolete" --dry-run
               sharedbook contact delete --where "tag:obsolete" --yes --background
    """
    warning = "this site has no trash: they are gone for good" if site.settings.deletion == "immediate" else ""

    _many(site, out, "delete", lambda tx: actions.Delete(), refs, where, how, warning=warning)


@click.command("erase")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@certificate_option
@asking
@json_option
@pass_site
def erase(
    site: Site,
    out: Output,
    refs: tuple[str, ...],
    where: str | None,
    certificate: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Erase contacts for good, and prove it.

    Card, history, index and names go; nothing brings them back. It asks you to type the name, unless --yes is given.

    \b
    Example:  sharedbook contact erase minji@example.com --certificate erased.json
    """
    named = chosen(refs, where)
    with site.begin() as tx:
        access.require_manage(tx.viewer, "erase contacts")
        found = named.contacts(tx, in_trash=True)
    erase_contacts(site, out, found, certificate=certificate, dry_run=dry_run, yes=yes)


@click.command("tag", cls=MinusWords)
@click.argument("refs_and_tags", metavar="REF... +TAG -TAG", nargs=-1, required=True)
@where_option
@as_job
@json_option
@pass_site
def tag(site: Site, out: Output, refs_and_tags: tuple[str, ...], where: str | None, how: How) -> None:
    """Add tags to contacts (+TAG) and remove tags (-TAG).

    \b
    Examples:  sharedbook contact tag minji@example.com +vip -"new customer"
               sharedbook contact tag --where company:acme +partner --dry-run
    """
    changes = [text for text in refs_and_tags if text[0:1] in ("+", "-") and text != "-"]
    add, remove = ([text[1:].strip() for text in changes if text[0] == sign] for sign in "+-")
    if not changes or "" in (*add, *remove) or {*add} & {*remove}:
        raise click.UsageError("Say which tags: +TAG puts one on, -TAG takes one off.")
    refs = tuple(text for text in refs_and_tags if text not in changes)

    _many(site, out, f"tag {' '.join(changes)}", lambda tx: actions.Tag(tuple(add), tuple(remove)), refs, where, how)


@click.command("visibility", cls=MinusWords)
@click.argument("refs_and_change", metavar="REF... all|private|+SUBJECT,-SUBJECT", nargs=-1, required=True)
@where_option
@as_job
@json_option
@pass_site
def visibility(site: Site, out: Output, refs_and_change: tuple[str, ...], where: str | None, how: How) -> None:
    """Choose who sees contacts.

    all: everyone who may view a group that holds the contact. private: its owner and the postmasters. +alice,+@sales:
    only its owner and a list; -@sales takes a team off the list again. Who is still on the list through another entry
    keeps seeing it.

    \b
    Examples:  sharedbook contact visibility minji@example.com +@sales,+carol
               sharedbook contact visibility minji@example.com all
    """
    *refs, text = refs_and_change
    change = VisibilityChange.parse(text)
    _many(site, out, f"visibility {text}", change.action, tuple(refs), where, how)


@click.command("share")
@click.argument("refs_and_word", metavar="REF... on|off", nargs=-1, required=True)
@where_option
@as_job
@json_option
@pass_site
def share(site: Site, out: Output, refs_and_word: tuple[str, ...], where: str | None, how: How) -> None:
    """Hide contacts (off), or share them again (on).

    off makes them private; on shows them again to those who saw them before.

    \b
    Examples:  sharedbook contact share minji@example.com off
               sharedbook contact share minji@example.com on
    """
    *refs, word = refs_and_word
    if word not in ("on", "off"):
        raise click.UsageError("The last word is on or off.")

    _many(site, out, f"share {word}", lambda tx: actions.Share(word == "on"), tuple(refs), where, how)


@click.group("owner")
def owner() -> None:
    """Owners of contacts: an owner may edit, delete and hide them."""


@owner.command("set")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@click.option("--to", type=MEMBER, metavar="MEMBER", help="The new owner.")
@click.option("--unowned", is_flag=True, help="Leave them without an owner.")
@as_job
@json_option
@pass_site
def owner_set(
    site: Site,
    out: Output,
    refs: tuple[str, ...],
    where: str | None,
    to: str | None,
    unowned: bool,
    how: How,
) -> None:
    """Give contacts another owner, or none.

    \b
    Examples:  sharedbook contact owner set minji@example.com --to bob
               sharedbook contact owner set --where company:acme --unowned --yes
    """
    if bool(to) == unowned:
        raise click.UsageError("Say who owns them: --to MEMBER or --unowned.")

    _many(
        site,
        out,
        f"owner {to or 'nobody'}",
        lambda tx: actions.Owner(subjects.member(tx, to).id if to else None),
        refs,
        where,
        how,
    )


@click.command("assign")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@click.option("--to", type=MEMBER, metavar="MEMBER", help="The member who looks after them.")
@click.option("--nobody", is_flag=True, help="Nobody looks after them.")
@as_job
@json_option
@pass_site
def assign(
    site: Site,
    out: Output,
    refs: tuple[str, ...],
    where: str | None,
    to: str | None,
    nobody: bool,
    how: How,
) -> None:
    """Assign contacts to the member who looks after them.

    This gives the member no rights; whoever may edit a contact may assign it. It is stored in the custom field
    Assigned, so `contact set`, `contact why` and csv files know it as custom:Assigned, and searches as assigned:bob
    (-assigned:* finds contacts that nobody looks after).

    \b
    Examples:  sharedbook contact assign minji@example.com --to bob
               sharedbook contact assign --where company:acme --nobody --dry-run
    """
    if bool(to) == nobody:
        raise click.UsageError("Say who looks after them: --to MEMBER or --nobody.")

    _many(
        site,
        out,
        f"assign to {to or 'nobody'}",
        lambda tx: actions.Assign(subjects.member(tx, to).login if to else None),
        refs,
        where,
        how,
    )


@click.command("detach")
@click.argument("refs", metavar="REF...", nargs=-1)
@where_option
@as_job
@json_option
@pass_site
def detach(site: Site, out: Output, refs: tuple[str, ...], where: str | None, how: How) -> None:
    """Cut contacts loose from the directory that keeps them.

    From then on they are edited here, and the next import from the directory leaves them alone.

    \b
    Example:  sharedbook contact detach kim@hanbit.example
    """

    _many(site, out, "detach", lambda tx: actions.Detach(), refs, where, how)
