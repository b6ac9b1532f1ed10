"""``sharedbook member``: those who log in, and their passwords."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from sharedbook.cli import member_import
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.as_job import How, Task, as_job, carry_out
from sharedbook.cli.terminal.names import MEMBER
from sharedbook.cli.terminal.output import Output, json_option, rfc3339
from sharedbook.cli.terminal.passwords import obtain, password_options, require
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue
from sharedbook.services.jobs.actions import DeleteMember
from sharedbook.services.members import members, onboarding, password_links
from sharedbook.services.tx import Tx

COLUMNS = {
    "Login": "login",
    "Name": "display_name",
    "Mail": "email",
    "Postmaster": "postmaster",
    "Disabled": "disabled",
    "Merged book": "merged_book",
}
SWITCHES = {"postmaster": "yes or no", "merged_book": "on or off"}
WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@click.group("member")
def member_command() -> None:
    """Members: the people who log in, and their passwords."""


@member_command.command("add")
@click.argument("login")
@click.option("--display-name", default="", help="The member's name.")
@click.option("--email", default="", help="The member's own mail address, which also works as a login.")
@click.option("--postmaster", is_flag=True, help="Allow everything on the command line.")
@password_options
@json_option
@pass_site
def add(
    site: Site,
    out: Output,
    login: str,
    display_name: str,
    email: str,
    postmaster: bool,
    from_stdin: bool,
    generate: bool,
) -> None:
    """Add a member. A login consists of a-z 0-9 . _ @ - and never changes.

    \b
    Examples:
      sharedbook member add dana --display-name "Dana Kim" --postmaster --generate
      echo "$PASSWORD" | sharedbook member add eva --password-stdin \\
        --email eva@example.com
    """
    password = obtain(login, from_stdin=from_stdin, generate=generate)
    with site.begin(write=True) as tx:
        found = members.add(tx, login, display_name=display_name, email=email, postmaster=postmaster, password=password)
    _say_with_password(out, json_keys.member(found), f"member {found.login} added", password if generate else None)
    if password is None:
        out.note(f"{found.login} cannot log in yet; next: sharedbook member link {found.login}, or: member password")


def _say_with_password(out: Output, record: json_keys.Object, sentence: str, password: str | None) -> None:
    if password is None:
        out.done(record, sentence)
    else:
        out.done({**record, "password": password}, f"{sentence}\npassword (shown this once): {password}")


@member_command.command("list")
@json_option
@pass_site
def list_members(site: Site, out: Output) -> None:
    """List the members.

    \b
    Example:  sharedbook member list
    """
    with site.begin() as tx:
        records = [json_keys.member(found) for found in members.list_members(tx)]
    out.rows(records, COLUMNS, empty="There is no member yet; next: sharedbook member add LOGIN --postmaster")


@member_command.command("set")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.argument("changes", metavar="K=V...", nargs=-1, required=True)
@json_option
@pass_site
def set_(site: Site, out: Output, login: str, changes: tuple[str, ...]) -> None:
    """Change a member.

    K is display-name, email, postmaster (yes or no) or merged-book (on or off).

    With merged-book=on the member's mail clients see one address book with the contacts of all groups, instead of one
    for each group. Members may switch it themselves: sharedbook --as MEMBER member set MEMBER merged-book=on

    \b
    Examples:  sharedbook member set bob email=bob@example.com postmaster=yes
               sharedbook member set bob merged-book=on
    """
    values = dict(_change(change) for change in changes)
    with site.begin(write=True) as tx:
        record = json_keys.member(members.change(tx, login, **values))  # type: ignore[arg-type]
    out.done(record, f"member {record['login']} changed")


def _change(text: str) -> tuple[str, str | bool]:
    key, equals, value = text.partition("=")
    name = key.replace("-", "_")
    if not equals or name not in ("display_name", "email", *SWITCHES):
        raise InvalidValue(
            f"{text!r} is not K=V of a member",
            field=key,
            hint="K is one of: display-name, email, postmaster, merged-book",
        )
    if name not in SWITCHES:
        return name, value
    if value.lower() not in WORDS:
        raise InvalidValue(
            f"{key} is {SWITCHES[name]}, not {value!r}", field=key, hint=f"write {key}={SWITCHES[name].split()[0]}"
        )
    return name, WORDS[value.lower()]


@member_command.command("password")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@password_options
@json_option
@pass_site
def password(site: Site, out: Output, login: str, from_stdin: bool, generate: bool) -> None:
    """Set a member's password; the old one stops working at once.

    \b
    Examples:  sharedbook member password alice --generate
               echo "$PASSWORD" | sharedbook member password bob --password-stdin
    """
    given = require(login, from_stdin=from_stdin, generate=generate)
    with site.begin(write=True) as tx:
        members.set_password(tx, login, given)
        record = json_keys.member(members.get(tx, login))
    _say_with_password(out, record, f"password of {record['login']} changed", given if generate else None)


@member_command.command("link")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.option(
    "--hours", default=48, show_default=True, type=click.IntRange(1, 24 * 30), help="How long it works if not used."
)
@json_option
@pass_site
def link(site: Site, out: Output, login: str, hours: int) -> None:
    """Print a link with which a member sets a password, once.

    The link stops working as soon as the password is changed. Whoever has the link can set the password: send it to
    that member only.

    \b
    Examples:  sharedbook member link bob
               sharedbook member link bob --hours 4
    """
    with site.begin(write=True) as tx:
        token, until = password_links.make(tx, login, timedelta(hours=hours))
        name = members.get(tx, login).login
    url = f"{onboarding.carddav_url(site.settings)}{password_links.FOLDER}/{token}"
    out.done(json_keys.link(name, url, until), f"{url}\nfor {name}, until {rfc3339(until)}")


@member_command.command("disable")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@json_option
@pass_site
def disable(site: Site, out: Output, login: str) -> None:
    """Refuse a member's logins from now on; nothing is lost.

    \b
    Example:  sharedbook member disable bob
    """
    with site.begin(write=True) as tx:
        members.disable(tx, login)
        record = json_keys.member(members.get(tx, login))
    out.done(record, f"member {record['login']} disabled")


@member_command.command("enable")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@json_option
@pass_site
def enable(site: Site, out: Output, login: str) -> None:
    """Let a disabled member log in again.

    \b
    Example:  sharedbook member enable bob
    """
    with site.begin(write=True) as tx:
        members.enable(tx, login)
        record = json_keys.member(members.get(tx, login))
    out.done(record, f"member {record['login']} enabled")


@member_command.command("delete")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.option("--give-to", type=MEMBER, metavar="MEMBER", help="Who owns the member's contacts from now on.")
@click.option("--unowned", is_flag=True, help="Leave the member's contacts without an owner.")
@as_job
@json_option
@pass_site
def delete(site: Site, out: Output, login: str, give_to: str | None, unowned: bool, how: How) -> None:
    """Delete a member. No contact is deleted: choose who owns the member's contacts.

    Undo brings the member back with teams and grants, but without name, mail address and passwords.

    \b
    Examples:  sharedbook member delete bob --give-to alice
               sharedbook member delete bob --unowned --yes
    """
    if bool(give_to) == unowned:
        raise click.UsageError("Say who owns the member's contacts: --give-to MEMBER or --unowned.")

    def task_of(tx: Tx) -> Task:
        member, heir = members.plan_deletion(tx, login, give_to=give_to)
        past = members.past_of(tx, member.id)
        action = DeleteMember(member.login, member.id, heir.login if heir else None, past.teams, past.grants)
        ids = members.contacts_of(tx, member)
        note = f"contacts of his own pass to {heir.login if heir else 'nobody'}"
        question = f"Delete the member {member.login}?"
        return Task(action, ids, notes=[note], items=[member.login], question=question)

    carry_out(site, out, f"delete member {login}", task_of, how, ask=True)


member_command.add_command(member_import.import_command)


@member_command.group("app-password")
def app_password() -> None:
    """Passwords for single devices, revocable one by one."""


@app_password.command("add")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.argument("label")
@click.option(
    "--scope",
    default="carddav,ldap,write",
    show_default=True,
    metavar="WORD,...",
    help="Where it works (carddav, ldap) and for what (read or write).",
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it works (UTC).")
@json_option
@pass_site
def app_password_add(site: Site, out: Output, login: str, label: str, scope: str, expires: datetime | None) -> None:
    """Make a password for one device and print it once.

    \b
    Examples:
      sharedbook member app-password add alice "iPhone" --scope carddav,write
      sharedbook member app-password add bob "Door phone" --scope ldap,read \\
        --expires 2030-12-31
    """
    doors, write = _scope(scope)
    until = expires.replace(hour=23, minute=59, second=59, tzinfo=UTC) if expires else None
    with site.begin(write=True) as tx:
        secret = members.app_password_add(tx, login, label, doors=doors, write=write, expires=until)
        found = next(each for each in members.app_password_list(tx, login) if each.label == label)
        record = json_keys.app_password(members.get(tx, login).login, found)
    _say_with_password(out, record, f"app password {label!r} of {record['login']} added", secret)


def _scope(text: str) -> tuple[frozenset[str], bool]:
    words = {word.strip() for word in text.split(",")} - {""}
    unknown = words - {"carddav", "ldap", "read", "write"}
    doors = frozenset(words & {"carddav", "ldap"}) or frozenset({"carddav", "ldap"})
    if unknown or not words or {"read", "write"} <= words:
        raise InvalidValue(f"{text!r} is not a scope", field="scope", hint="write such as: carddav,write or ldap,read")
    return doors, "write" in words


@app_password.command("list")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@json_option
@pass_site
def app_password_list(site: Site, out: Output, login: str) -> None:
    """List a member's app passwords, without the secrets.

    \b
    Example:  sharedbook member app-password list alice
    """
    with site.begin() as tx:
        name = members.get(tx, login).login
        records = [json_keys.app_password(name, found) for found in members.app_password_list(tx, login)]
    columns = {"Label": "label", "Doors": "doors", "Write": "write", "Expires": "expires", "Last used": "last_used"}
    out.rows(records, columns, empty=f"{name} has no app password.")


@app_password.command("revoke")
@click.argument("login", type=MEMBER, metavar="MEMBER")
@click.argument("label")
@json_option
@pass_site
def app_password_revoke(site: Site, out: Output, login: str, label: str) -> None:
    """Revoke an app password; the next request with it is refused.

    \b
    Example:  sharedbook member app-password revoke alice "Desk phone"
    """
    with site.begin(write=True) as tx:
        members.app_password_revoke(tx, login, label)
    out.outcome(json_keys.result("revoke app password", [label]), f"app password {label!r} of {login} ended")
