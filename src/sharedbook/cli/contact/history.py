"""``sharedbook contact history``, ``why`` and ``revert``: what happened to a contact, by whom, and the way back."""

from __future__ import annotations

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.contacts_shown import columns_of, detail
from sharedbook.cli.terminal.output import Output, json_option
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.model import Event
from sharedbook.formats.entries.card_diff import Difference
from sharedbook.services.contacts import contacts
from sharedbook.services.contacts import history as service

LONGEST = 200
"""Characters of a value that a person is shown; --json has all of it."""


def add_to(group: click.Group) -> None:
    """Adds the commands of this file to ``sharedbook contact``."""
    for each in (history, revert, why):
        group.add_command(each)


@click.command("history")
@click.argument("ref")
@click.option("--initial", is_flag=True, help="Show the details with which it was added instead.")
@json_option
@pass_site
def history(site: Site, out: Output, ref: str, initial: bool) -> None:
    """Show a contact's history, the oldest step first.

    Each step has the time, what happened, who did it, through which program, and which fields changed. Steps are kept
    for `history_days` days; the details with which the contact was added are always kept.

    \b
    Examples:  sharedbook contact history minji@example.com
               sharedbook contact history 12 --initial
    """
    with site.begin() as tx:
        found = contacts.resolve(tx, ref)
        steps = service.steps(tx, found.id)
    if initial:
        fields = columns_of(next((each.before for each in steps if each.before is not None), found.vcard))
        out.record({"id": found.id, "fields": fields} if out.as_json else fields)
        return
    names = {"Id": "id", "When": "at", "What": "event", "Who": "actor", "Through": "client", "Changes": "changes"}
    records = [json_keys.revision_detail(each) for each in steps]
    shown = [{**record, "changes": _changes(each)} for record, each in zip(records, steps, strict=True)]
    out.rows(records if out.as_json else shown, names, empty="No history is kept.")


def _changes(step: service.Step) -> str:
    """What a step changed, a line each; not the many lines of *added*, which --initial shows."""
    if step.revision.event is Event.ADDED:
        return ""
    if not step.known:
        return "(erased)"
    forgotten = [] if step.whole else ["(includes later steps that are no longer kept)"]
    return "\n".join([*map(difference_line, step.by_field), *forgotten])


def difference_line(found: Difference) -> str:
    """One field's change, for people."""
    return f"{found.name}: {_short(found.before)} -> {_short(found.after)}"


def _short(text: str | None) -> str:
    if text is None:
        return "(none)"
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


@click.command("revert")
@click.argument("ref")
@click.argument("revision", type=int)
@json_option
@pass_site
def revert(site: Site, out: Output, ref: str, revision: int) -> None:
    """Give a contact back the card that it had after a REVISION.

    REVISION is an id in `contact history`. The change is a new step and can be reverted too. Groups, owner and
    visibility stay as they are now.

    \b
    Example:  sharedbook contact revert minji@example.com 98
    """
    with site.begin(write=True) as tx:
        found = service.revert(tx, contacts.resolve(tx, ref).id, revision)
        record = {**detail(tx, found.contact), "notes": found.notes}
    verb = "is back at" if found.changed else "is unchanged: it already has the card of"
    sentence = f"contact {record['id']} {verb} revision {revision}: {record['name']} (version {record['version']})"
    out.done(record, "\n".join([sentence, *(f"  {note}" for note in found.notes)]))


@click.command("why")
@click.argument("ref")
@click.argument("field")
@json_option
@pass_site
def why(site: Site, out: Output, ref: str, field: str) -> None:
    """Show who last changed a field of a contact, and when.

    It also shows the program and the value before. FIELD is a column as `contact show` names it, photo, or a property
    of the card such as X-SKYPE.

    \b
    Examples:  sharedbook contact why minji@example.com title
               sharedbook contact why 12 email.2
    """
    with site.begin() as tx:
        found = service.why(tx, contacts.resolve(tx, ref).id, field)
    record = json_keys.origin(found)
    shown = {**record, **record["revision"], "revision": found.revision.id}
    shown["certain"] = None if found.certain else "no: it may have been an earlier step that is no longer kept"
    out.record(record if out.as_json else {key: value for key, value in shown.items() if key != "id"})
