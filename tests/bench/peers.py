"""The servers that ours is measured beside, each with one book of one member, filled with the same people.

What a peer needs and where it comes from: docs/bench.md. A peer that is not here is left out, and that is said.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from imaplib import IMAP4
from pathlib import Path

from tests.bench.book import people
from tests.bench.client import Connection
from tests.carddav.served import RADICALE
from tests.support.ports import free_port
from tests.support.processes import Server

PASSWORD = "bench"
FILLING_SECONDS = 120
FILLERS = 4


class NotHere(Exception):
    """A peer that cannot be measured on this machine; the text says what is missing."""


@dataclass(frozen=True)
class Running:
    """A filled server. ``home`` and ``book`` are paths; ``stored``: the files that hold the people."""

    name: str
    port: int
    home: str
    book: str
    password: str
    servers: tuple[Server, ...]
    stored: Path

    def connection(self, seconds: float) -> Connection:
        """A client of the member whose book it is."""
        return Connection(self.port, "alice", self.password, seconds)

    def stop(self) -> None:
        """Ends its processes."""
        for server in self.servers:
            server.stop()


def _put_all(running: Running, count: int) -> None:
    """Fills a book as clients do."""

    def put(some: Iterator[tuple[str, str]]) -> None:
        connection = running.connection(FILLING_SECONDS)
        for uid, text in some:
            path = f"{running.book}{uid}.vcf"
            _, status, body = connection.ask("PUT", path, text.encode(), "Content-Type: text/vcard\r\n")
            if status not in (201, 204):
                raise RuntimeError(f"{running.name} answered {status} to a PUT: {body[:300]!r}")
        connection.close()

    everybody = list(people(count))
    with ThreadPoolExecutor(FILLERS) as pool:
        list(pool.map(put, [iter(everybody[at::FILLERS]) for at in range(FILLERS)]))


# ---- Radicale with its own storage

RADICALE_CONFIG = """
[server]
hosts = 127.0.0.1:{port}
timeout = 900
[auth]
type = none
[rights]
type = authenticated
[storage]
filesystem_folder = {folder}
[web]
type = none
[logging]
level = error
"""


def radicale(folder: Path, count: int) -> Running:
    """Radicale's multifilesystem, without passwords. Its files are written directly: a PUT reads the whole book."""
    book = folder / "collection-root" / "alice" / "bench"
    book.mkdir(parents=True)
    (book / ".Radicale.props").write_text(json.dumps({"tag": "VADDRESSBOOK", "D:displayname": "Bench"}))
    for uid, text in people(count):
        (book / f"{uid}.vcf").write_text(text, newline="")
    port = free_port()
    config = folder / "radicale.conf"
    config.write_text(RADICALE_CONFIG.format(port=port, folder=folder))
    server = Server([RADICALE, "--config", config], cwd=folder)
    server.wait_for_port(port)
    return Running("Radicale", port, "/alice/", "/alice/bench/", PASSWORD, (server,), book)


# ---- Xandikos


def xandikos(folder: Path, count: int) -> Running:
    """Xandikos, without passwords. Its repository is written directly: a PUT reads the whole book."""
    program = os.environ.get("SHAREDBOOK_BENCH_XANDIKOS") or shutil.which("xandikos")
    if program is None:
        raise NotHere("Xandikos is not installed (SHAREDBOOK_BENCH_XANDIKOS names its program)")
    root, name = folder / "root", "alice/contacts/bench"
    (root / name).parent.mkdir(parents=True)
    made = [program, "create-collection", "-d", root, "--type", "addressbook", "--name", name]
    subprocess.run(made, check=True, capture_output=True)
    book = root / name
    for uid, text in people(count):
        (book / f"{uid}.vcf").write_text(text, newline="")
    for command in (["add", "--all"], ["commit", "--quiet", "--message=bench"], ["gc", "--quiet"]):
        subprocess.run(
            [
                *("git", "-C", book, "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0"),
                *command,
            ],
            check=True,
            capture_output=True,
        )
    port = free_port()
    server = Server(
        [
            *(program, "serve", "-d", root, "-l", "127.0.0.1", "-p", str(port), "--no-detect-systemd"),
            *("--current-user-principal", "/alice/", "--state-dir", folder / "state"),
        ],
        cwd=folder,
    )
    server.wait_for_port(port)
    return Running("Xandikos", port, "/alice/contacts/", "/alice/contacts/bench/", PASSWORD, (server,), book)


# ---- Cyrus

CYRUS = Path("/usr/sbin/cyrmaster")
CYRUS_IMAPD = """
configdirectory: {folder}
proc_path: {folder}/proc
mboxname_lockpath: {folder}/lock
partition-default: {folder}/mail
defaultpartition: default
admins: cyrus
httpmodules: carddav
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN
unixhierarchysep: no
altnamespace: no
idlesocket: {folder}/socket/idle
notifysocket: {folder}/socket/notify
lmtpsocket: {folder}/socket/lmtp
carddav_allowaddmember: no
maxquoted: 10485760
maxword: 10485760
vcard_max_size: 10485760
"""
CYRUS_MASTER = """
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="/usr/lib/cyrus/bin/imapd -C {folder}/imapd.conf" listen="127.0.0.1:{imap}" prefork=0
  http cmd="/usr/lib/cyrus/bin/httpd -C {folder}/imapd.conf" listen="127.0.0.1:{port}" prefork=8
}}
EVENTS {{
}}
"""


def cyrus(folder: Path, count: int) -> Running:
    """Cyrus' httpd, with passwords; filled by PUT."""
    if not CYRUS.exists() or shutil.which("saslpasswd2") is None:
        raise NotHere("Cyrus is not installed (apt install cyrus-caldav cyrus-imapd sasl2-bin libsasl2-modules-db)")
    if os.geteuid() != 0:
        raise NotHere("Cyrus runs as its own user, which only root can start")
    user = pwd.getpwnam("cyrus")
    _open_way_to(folder)
    port, imap = free_port(), free_port()
    (folder / "imapd.conf").write_text(CYRUS_IMAPD.format(folder=folder))
    (folder / "cyrus.conf").write_text(CYRUS_MASTER.format(folder=folder, port=port, imap=imap))
    for name in ("mail", "proc", "lock", "socket", "db", "user", "quota", "log", "msg", "ptclient", "sieve", "sync"):
        (folder / name).mkdir()
    for login in ("cyrus", "alice"):
        for realm in ([], ["-u", "localhost"]):
            command = ["saslpasswd2", "-p", "-c", "-f", folder / "sasldb2", *realm, login]
            subprocess.run(command, input=PASSWORD.encode(), check=True, capture_output=True)
    subprocess.run(["chown", "-R", "cyrus:mail", folder], check=True)
    as_cyrus = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    config = ["-C", str(folder / "imapd.conf"), "-M", str(folder / "cyrus.conf")]
    server = Server([*as_cyrus, CYRUS, *config, "-p", str(folder / "master.pid"), "-D"], cwd=folder)
    server.wait_for_port(port)
    with IMAP4("127.0.0.1", imap) as client:
        client.login("cyrus", PASSWORD)
        client.create("user.alice")
    home = "/dav/addressbooks/user/alice/"
    running = Running("Cyrus", port, home, f"{home}Default/", PASSWORD, (server,), folder)
    _put_all(running, count)
    return running


def _open_way_to(folder: Path) -> None:
    """Lets other users through to a folder."""
    folder.mkdir(parents=True)
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and not each.stat().st_mode & 0o001:
            each.chmod(each.stat().st_mode | 0o011)


# ---- sabre/dav behind nginx

SABRE_TAGS = "dav 4.7.1, http 5.1.13, event 5.1.9, uri 2.3.4, vobject 4.6.0, xml 2.2.11, and psr/log 3.0.2 as log"
FPM = """
[global]
daemonize = no
error_log = /proc/self/fd/2
[www]
user = {user}
group = {group}
listen = {folder}/fpm.sock
pm = static
pm.max_children = 8
pm.max_requests = 0
php_admin_value[memory_limit] = 1G
"""
NGINX = """
daemon off;
user {user} {group};
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  client_max_body_size 10m;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{folder}/fpm.sock;
      fastcgi_buffers 64 64k;
      fastcgi_param SCRIPT_FILENAME {program};
      fastcgi_param SCRIPT_NAME /index.php;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param SERVER_NAME 127.0.0.1;
      fastcgi_param SERVER_PORT {port};
      fastcgi_param SABRE {sources};
      fastcgi_param DATABASE {folder}/sabre.sqlite;
      fastcgi_param PASSWORD {password};
    }}
  }}
}}
"""


def sabre(folder: Path, count: int) -> Running:
    """sabre/dav on SQLite under php-fpm and nginx, with passwords; filled by PUT."""
    sources = os.environ.get("SHAREDBOOK_BENCH_SABRE")
    if not sources:
        raise NotHere(f"SHAREDBOOK_BENCH_SABRE names no folder with sabre's sources ({SABRE_TAGS})")
    fpm = shutil.which("php-fpm") or shutil.which("php-fpm8.2")
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if fpm is None or nginx is None:
        raise NotHere("PHP or nginx is missing (apt install php-fpm php-sqlite3 php-xml php-mbstring nginx-light)")
    folder.mkdir(parents=True)
    port = free_port()
    me = pwd.getpwuid(os.geteuid()).pw_name
    values = {"folder": folder, "port": port, "user": me, "group": me, "password": PASSWORD}
    program = Path(__file__).with_name("sabre.php")
    (folder / "fpm.conf").write_text(FPM.format(**values))
    (folder / "nginx.conf").write_text(NGINX.format(program=program, sources=sources, **values))
    root = ["-R"] if os.geteuid() == 0 else []
    php = Server([fpm, "-F", *root, "-y", folder / "fpm.conf"], cwd=folder)
    php.wait_for_line("ready to handle connections")
    server = Server([nginx, "-c", folder / "nginx.conf", "-p", folder], cwd=folder)
    server.wait_for_port(port)
    home = "/addressbooks/alice/"
    running = Running("sabre", port, home, f"{home}bench/", PASSWORD, (server, php), folder / "sabre.sqlite")
    running.connection(FILLING_SECONDS).ask("PROPFIND", "/")  # makes the database
    _put_all(running, count)
    return running


Peer = Callable[[Path, int], Running]
"""Fills a server, in a folder of its own, with so many people, and starts it. Raises NotHere."""

PEERS: Sequence[Peer] = (radicale, xandikos, cyrus, sabre)
