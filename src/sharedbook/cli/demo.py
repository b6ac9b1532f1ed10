"""``sharedbook demo``: fills an empty site with the demo organisation, and says what to type into a mail client."""

from __future__ import annotations

import click

from sharedbook.cli.serve import listeners
from sharedbook.cli.terminal.output import Output, json_option, progress
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.services.demo import site as demo_site
from sharedbook.services.demo.people import MEMBERS
from sharedbook.settings import Settings


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="Do nothing if the site already has members or contacts.")
@json_option
@pass_site
def demo_command(site: Site, out: Output, if_empty: bool) -> None:
    """Fill a new site with a demo organisation: 300 people from many countries, members, teams and rights.

    Its passwords are public: never do this on a site that others can reach.

    \b
    Examples:  SHAREDBOOK_DATA_DIR=./try sharedbook demo
               sharedbook demo --if-empty
    """
    site.refuse_as("demo")
    site.create()
    with site.begin() as tx:
        skip = if_empty and not demo_site.is_empty(tx)
        ours = skip and demo_site.is_there(tx)
    count = 0
    if not skip:
        with progress("contacts") as show, site.begin(write=True) as tx:
            count = demo_site.fill(tx, show)
    members = [{"login": each.login, "password": each.password, "role": each.role} for each in MEMBERS]
    if out.as_json:
        out.record({"contacts": count, "members": [] if skip else members})
    elif skip and not ours:
        click.echo("The site has members or contacts of its own; nothing is added.")
    else:
        click.echo(f"The demo organisation is in {site.settings.data_dir}.")
        click.echo("Logins, for demonstrations only (everybody knows these passwords):\n")
        out.rows(members, {"Login": "login", "Password": "password", "Who": "role"}, empty="")
        click.echo("\n".join(instructions(site.settings)))


def instructions(settings: Settings) -> list[str]:
    """What to type into mail clients, as lines."""
    urls = {each.setting: each.url for each in listeners(settings)}
    carddav = [urls[name] for name in ("carddav.listen", "carddav.tls_listen") if name in urls]
    ldap = [urls[name] for name in ("ldap.listen", "ldaps.listen") if name in urls]
    member = MEMBERS[0]
    dn = f"uid={member.login},ou=members,{settings.ldap_base}"
    lines = []
    if carddav:
        lines += [
            "",
            "CardDAV  (Thunderbird: Address Book > New > Add CardDAV Address Book; phones: a CardDAV account)",
            f"  address   {'  or  '.join(carddav)}",
            f"  user      {member.login}",
            f"  password  {member.password}",
        ]
    if ldap:
        lines += [
            "",
            "LDAP  (Thunderbird: Address Book > New > Add LDAP Directory)",
            f"  server    {'  or  '.join(ldap)}",
            f"  base DN   {settings.ldap_base}",
            f"  bind DN   {dn}",
            f"  password  {member.password}",
            "",
            f"Try:  ldapsearch -LLL -H {ldap[0]} -x -D {dn} \\",
            f"        -w {member.password} -b {settings.ldap_base} '(|(cn=*kim*)(mail=*kim*))' cn mail",
        ]
    return lines
