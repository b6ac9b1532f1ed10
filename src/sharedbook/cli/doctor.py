"""``sharedbook doctor``: looks at everything that a site needs; each failed check names the next step."""

from __future__ import annotations

import http.client
import os
import platform
import re
import shutil
import sqlite3
import ssl
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from sharedbook import __version__, settings
from sharedbook.cli.serve import Listener, listeners
from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.errors import FAILED, next_step
from sharedbook.cli.terminal.output import Output, json_option, many
from sharedbook.cli.terminal.site_context import Site, pass_site
from sharedbook.domain.errors import SharedbookError
from sharedbook.services.erasing import erasure, ledger
from sharedbook.services.keys import certificate
from sharedbook.services.notices import couriers, delivery
from sharedbook.services.people import directory_login
from sharedbook.services.refused import holds

TIMEOUT = 5
LOW_SPACE = 200 * 1024 * 1024
RUNS_OUT_SOON = timedelta(days=14)


class _Failed(Exception):
    """What a check found wrong, and the next step."""


Check = Callable[[Site], str]


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Do not check whether the servers answer.")
@json_option
@pass_site
def doctor_command(site: Site, out: Output, offline: bool) -> None:
    """Check settings, database, key, permissions, disk, clock, versions, certificate and running servers.

    Exit code 1 if a check failed; each failed check names the next step.

    \b
    Examples:  sharedbook doctor
               sharedbook doctor --offline
    """
    site.refuse_as("doctor")
    records = [_record(name, check, site) for name, check in _checks(site, offline=offline)]
    if out.as_json:
        out.rows(records, {}, empty="")
    else:
        for record in records:
            click.echo(f"{'ok' if record['ok'] else 'FAILED':6}  {record['name']}: {record['message']}")
            if record["next"]:
                click.echo(f"        next: {next_step(record['next'])}")
    if not all(record["ok"] for record in records):
        raise SystemExit(FAILED)


def _record(name: str, check: Check, site: Site) -> json_keys.Object:
    try:
        return {"name": name, "ok": True, "message": check(site), "next": None}
    except SharedbookError as error:
        return {"name": name, "ok": False, "message": error.message, "next": error.hint}
    except _Failed as failed:
        message, step = failed.args
        return {"name": name, "ok": False, "message": message, "next": step}


def _checks(site: Site, *, offline: bool) -> Iterator[tuple[str, Check]]:
    yield "versions", _versions
    yield "settings", _settings
    try:
        found = site.settings
    except SharedbookError:
        return
    yield "data folder", _data_folder
    yield "database and key", _database
    yield "clock", _clock
    yield "erasures", _erasures
    yield "holds", _holds
    yield "notices", _notices
    yield "certificate", _tls
    if not offline:
        if found.login_ldap_uri:
            yield found.login_ldap_uri, _login_directory
        if found.ldap_metrics_listen:
            yield f"http://{found.ldap_metrics_listen}/metrics", _counters
        for listener in listeners(found):
            yield listener.url, lambda _site, at=listener: _answers(at, found)  # type: ignore[misc]


def _versions(_site: Site) -> str:
    try:
        dead = version("passlib")
    except PackageNotFoundError:
        dead = ""
    if dead:
        raise _Failed(
            f"passlib {dead} is installed beside libpass",
            "run: pip uninstall passlib; pip install --force-reinstall libpass",
        )
    return (
        f"sharedbook {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" Radicale {version('radicale')}"
    )


def _settings(site: Site) -> str:
    found = site.settings
    if unknown := settings.unknown_variables():
        raise _Failed(f"{', '.join(unknown)} in the environment is not a setting", "see: sharedbook settings")
    return f"read from {found.config}" if found.config else "no file; defaults and environment"


def _data_folder(site: Site) -> str:
    folder = site.settings.data_dir
    if not folder.is_dir():
        raise _Failed(f"there is no folder {folder}", "run: sharedbook init")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _Failed(f"{folder} may not be written by this user", f"run: chown {os.getuid()} {folder}")
    exposed = [path.name for path in folder.iterdir() if path.suffix != ".crt" and _readable_by_others(path)]
    if exposed:
        raise _Failed(f"others may read {', '.join(sorted(exposed))} in {folder}", f"run: chmod -R go= {folder}")
    free = shutil.disk_usage(folder).free
    if free < LOW_SPACE:
        raise _Failed(f"only {free // 1024**2} MiB are free in {folder}", "free space: writes fail when it is full")
    return f"{folder}, {free // 1024**3} GiB free"


def _readable_by_others(path: Path) -> bool:
    return path.is_file() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _database(site: Site) -> str:
    with site.begin() as tx:
        assert tx.viewer
    return site.settings.shown_database_url()


def _clock(_site: Site) -> str:
    now = datetime.now(UTC)
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if now < made - timedelta(days=1):
        raise _Failed(f"the clock says {now:%Y-%m-%d}, before this program was installed", "set the clock (NTP)")
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _erasures(site: Site) -> str:
    with site.begin() as tx:
        if erasure.pending(tx):
            raise _Failed("an erasure is not complete: a reader still held the file", "run: sharedbook erase resume")
    path = erasure.ledger_path(site.app.site)
    if (line := ledger.broken(site.app.secrets, path)) is not None:
        raise _Failed(
            f"line {line} of {path} is not what was written: a restore could bring back what was erased",
            f"put the {path.name} of the newest backup in its place, then run: sharedbook erase resume",
        )
    if missing := erasure.unlisted(site.app.site, path):
        raise _Failed(f"{path} lacks {many(len(missing), 'contact')}", "run: sharedbook erase resume")
    return "none is pending, the ledger is intact"


def _holds(site: Site) -> str:
    with site.begin() as tx:
        if count := holds.waiting(tx):
            raise _Failed(
                f"{many(count, 'mail client')} may delete no more until you decide", "see: sharedbook hold list"
            )
    return "no mail client is held back"


def _notices(site: Site) -> str:
    ways = couriers.ways(site.settings)
    with site.begin() as tx:
        if count := delivery.unsent(tx):
            raise _Failed(f"{many(count, 'notice')} could not be sent", "run: sharedbook notice test")
    return (
        f"are {' and '.join(ways)}"
        if ways
        else "are sent nowhere (mail.server, webhook.url); see: sharedbook notice list"
    )


def _tls(site: Site) -> str:
    cert = site.settings.tls_cert
    if cert is None:
        return "self-signed, made by serve"
    certificate.context(cert, site.settings.tls_key)
    end = certificate.expires(cert)
    if end - datetime.now(UTC) < RUNS_OUT_SOON:
        raise _Failed(f"{cert} runs out on {end:%Y-%m-%d}", "renew the certificate, then restart the servers")
    return f"{cert}, valid until {end:%Y-%m-%d}"


def _answers(listener: Listener, found: settings.Settings) -> str:
    try:
        return _ask_carddav(listener) if listener.server == "carddav" else _ask_ldap(listener, found.ldap_base)
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(f"no answer: {getattr(error, 'strerror', None) or error}", "run: sharedbook serve") from None


def _login_directory(site: Site) -> str:
    directory_login.check(site.settings)
    return "answers logins"


def _counters(site: Site) -> str:
    """What the LDAP gateway says of itself."""
    address = site.settings.ldap_metrics_listen
    assert address is not None
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(f"no answer: {getattr(error, 'strerror', None) or error}", "run: sharedbook serve") from None
    finally:
        connection.close()
    return _summary(re.findall(r'^sharedbook_ldap_(\w+)\{worker="(\d+)",?(.*)\} (\S+)$', answer, re.MULTILINE))


def _summary(samples: list[tuple[str, str, str, str]]) -> str:
    """Counters in words; each sample is name, worker, labels and value."""

    def every(name: str, labels: str = "") -> list[float]:
        return [float(value) for each, _, given, value in samples if each == name and labels in given]

    workers = len(every("contacts"))
    if not workers:
        raise _Failed("no LDAP gateway answers there", "another program may hold the port")
    if 0 in every("database_answers"):
        raise _Failed("a worker cannot read changes from the database: it serves old ones", "see the server's log")
    good, bad, throttled = (sum(every("requests_total", f'kind="bind",result="{code}"')) for code in (0, 49, 51))
    state = "indexed" if 0 not in every("indexed") else "being indexed: it answers, but slower"
    return (
        f"{many(workers, 'worker')}, {many(int(min(every('contacts'))), 'contact')} {state},"
        f" {many(int(sum(every('connections'))), 'connection')} open; logins {good:.0f} good, {bad:.0f} wrong,"
        f" {throttled:.0f} held off; the last change took {max(every('catch_up_seconds')) * 1000:.0f} ms"
    )


def _unverified() -> ssl.SSLContext:
    """Whether a server answers is asked here, not whose certificate it has."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask_carddav(listener: Listener) -> str:
    host, port = listener.address
    if listener.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT, context=_unverified()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("OPTIONS", "/")
        answer = connection.getresponse()
        if "addressbook" not in (answer.getheader("DAV") or ""):
            raise _Failed(f"it answers {answer.status}, but not as CardDAV", "another program may hold the port")
        return "answers as CardDAV"
    finally:
        connection.close()


def _ask_ldap(listener: Listener, base: str) -> str:
    import ldap3
    from ldap3.core.exceptions import LDAPException

    host, port = listener.address
    server = ldap3.Server(host, port, use_ssl=listener.scheme == "ldaps", connect_timeout=TIMEOUT, get_info=ldap3.DSA)
    try:
        with ldap3.Connection(server, receive_timeout=TIMEOUT):
            contexts = server.info.naming_contexts if server.info else []
    except LDAPException as error:
        words = re.findall(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
        raise _Failed(f"no answer: {words[-1] if words else error}", "run: sharedbook serve") from None
    if base not in contexts:
        raise _Failed(f"it serves {', '.join(contexts) or 'nothing'}, not {base}", "another program may hold the port")
    return f"answers for {base}"
