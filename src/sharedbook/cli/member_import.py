"""``sharedbook member import``: members out of an existing directory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.confirm import asking, carry_out
from sharedbook.cli.terminal.errors import IN_PART
from sharedbook.cli.terminal.ldap_options import ldap_options, query
from sharedbook.cli.terminal.output import Output, cell, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import InvalidValue
from sharedbook.services.members import member_import
from sharedbook.services.members.member_import import Outcome, Result
from sharedbook.services.tx import Tx


@click.command("import")
@ldap_options(required=True)
@click.option(
    "--map",
    "pairs",
    metavar="FIELD=ATTRIBUTE,...",
    default="",
    help="Attributes to use instead of login=uid,email=mail,name=cn.",
)
@click.option("--disable-gone", is_flag=True, help="Disable members who are gone from the directory.")
@asking
@json_option
@pass_site
def import_command(
    site: Site,
    out: Output,
    ldap: str,
    base: str,
    filter_: str,
    bind: str,
    password_stdin: bool,
    password_file: Path | None,
    ca: Path | None,
    pairs: str,
    disable_gone: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Import members from an existing directory (LDAP).

    Importing again changes only what has changed there. With login.ldap_uri and the settings next to it, they log in
    with their password in the directory. Only members imported from the same directory and base are changed. Exit code
    3 if entries were refused.

    \b
    Examples:
      sharedbook member import --ldap ldaps://dir.example.com --ca corp.pem \\
        --base dc=example,dc=com --dry-run
      sharedbook member import --ldap ldaps://dir.example.com \\
        --base dc=example,dc=com \\
        --bind cn=reader,dc=example,dc=com --password-file reader.txt \\
        --filter "(mail=*)" --map login=uid,name=displayName --disable-gone --yes
      echo "$PASSWORD" | sharedbook member import --password-stdin \\
        --bind cn=reader,dc=example,dc=com \\
        --ldap ldaps://dir.example.com --base dc=example,dc=com
    """
    fields = member_import.mapping(dict(_pair(text) for text in pairs.split(",") if text))
    asked = query(ldap, base, filter_, bind, password_stdin, password_file, ca)
    source, entries = asked.source_name, member_import.read(asked, fields)

    def work(tx: Tx) -> json_keys.Object:
        return _record(source, member_import.run(tx, source, entries, disable_gone=disable_gone))

    def question(planned: json_keys.Object) -> str | None:
        count = planned["counts"][Result.DISABLED]
        return f"{many(count, 'member')} would be disabled. Continue?" if count else None

    record = carry_out(site, work, question, dry_run=dry_run, yes=yes)
    _tell(out, record)
    if record["counts"][Result.ERROR]:
        raise SystemExit(IN_PART)


def _pair(text: str) -> tuple[str, str]:
    field, equals, attribute = text.partition("=")
    if not equals or not attribute.strip():
        raise InvalidValue(f"{text!r} is not FIELD=ATTRIBUTE", field="map", hint="write such as login=sAMAccountName")
    return field.strip(), attribute.strip()


def _record(source: str, outcomes: list[Outcome]) -> json_keys.Object:
    counts = Counter(each.result for each in outcomes)
    return {
        "source": source,
        "dry_run": False,
        "counts": {result.value: counts[result] for result in Result},
        "members": [
            {"login": each.login, "dn": each.dn, "result": each.result, "code": each.code, "message": each.message}
            for each in outcomes
            if each.result is not Result.UNCHANGED or each.code
        ],
    }


def _tell(out: Output, record: json_keys.Object) -> None:
    if out.as_json:
        out.record(record)
        return
    counts = cell(record["counts"]) or "the filter finds nobody"
    click.echo(f"Dry run, nothing is changed. {counts}" if record["dry_run"] else counts)
    for each in record["members"]:
        if each["message"]:
            out.note(f"{each['login'] or each['dn']}: {each['message']}")
