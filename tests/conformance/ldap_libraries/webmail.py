"""Roundcube as a web page: served by PHP's own server, with a mail server behind it that knows logins only."""

from __future__ import annotations

import http.cookiejar
import json
import re
import shutil
import socketserver
import sqlite3
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Server

ROUNDCUBE, DEFAULTS = Path("/usr/share/roundcube"), Path("/etc/roundcube/defaults.inc.php")
ROUTER = Path(__file__).with_name("roundcube_router.php")
SECRET = "mail-secret"
CONFIG = """<?php
$config = [
    'db_dsnw' => 'sqlite:///{folder}/roundcube.sqlite', 'temp_dir' => '{folder}', 'log_driver' => 'stdout',
    'imap_host' => '127.0.0.1:{imap}', 'des_key' => 'twenty-four octets of it', 'plugins' => [], 'skin' => 'elastic',
    'autocomplete_addressbooks' => ['shared'], 'autocomplete_max' => 15, 'addressbook_search_mode' => 0,
    'ldap_public' => ['shared' => {book}],
];
"""


class _Mail(socketserver.StreamRequestHandler):
    """As much of IMAP4rev1 (RFC 3501) as a login takes."""

    def handle(self) -> None:
        """Answers until the client leaves."""
        self._say("* OK [CAPABILITY IMAP4rev1] ready")
        for line in self.rfile:
            tag, command, *rest = line.decode().split()
            match command.upper():
                case "CAPABILITY":
                    self._say("* CAPABILITY IMAP4rev1")
                case "LOGIN" if rest[-1].strip('"') != SECRET:
                    self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                    continue
                case "LIST":
                    self._say('* LIST () "/" INBOX')
                case "LOGOUT":
                    self._say("* BYE")
            self._say(f"{tag} OK done")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def _mail_server() -> Iterator[int]:
    """Its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


class Webmail:
    """A browser's session in Roundcube."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        self._token = ""

    def _get(self, data: dict[str, str] | None = None, **query: str) -> str:
        form = urllib.parse.urlencode(data).encode() if data else None
        request = urllib.request.Request(f"{self._url}?{urllib.parse.urlencode(query)}", form)
        if "_remote" in query:
            request.add_header("X-Roundcube-Request", self._token)
            request.add_header("X-Requested-With", "XMLHttpRequest")
        with self._open(request, timeout=60) as answer:
            return str(answer.read().decode())

    def log_in(self, user: str) -> None:
        """By the page's own form."""
        page = self._get()
        token = re.search('name="_token" value="([^"]+)"', page)
        assert token, page
        form = {"_token": token[1], "_task": "login", "_action": "login", "_user": user, "_pass": SECRET}
        self._get(form, _task="login")
        found = re.search('"request_token":"([^"]+)"', self._get(_task="addressbook"))
        assert found, "not logged in"
        self._token = found[1]

    def completed(self, typed: str) -> list[str]:
        """What is offered while an address is typed."""
        answer = json.loads(self._get(_task="mail", _action="autocomplete", _search=typed, _reqid="1", _remote="1"))
        call = re.search(r"this\.ksearch_query_results\((\[.*?\]),", answer["exec"], re.DOTALL)
        assert call, answer
        return [each["name"] for each in json.loads(call[1])]


@contextmanager
def webmail(folder: Path, book: str) -> Iterator[Webmail]:
    """Roundcube with one address book. ``book``: its configuration in PHP."""
    with _mail_server() as imap, closing(sqlite3.connect(folder / "roundcube.sqlite")) as database:
        database.executescript((ROUNDCUBE / "SQL/sqlite.initial.sql").read_text())
        shutil.copy(DEFAULTS, folder)
        (folder / "config.inc.php").write_text(CONFIG.format(folder=folder, imap=imap, book=book))
        port = free_port()
        command = ["php", "-S", f"127.0.0.1:{port}", "-t", ROUNDCUBE, ROUTER]
        with Server(command, env={"ROUNDCUBE_CONFIG_DIR": str(folder)}, cwd=ROUNDCUBE) as server:
            server.wait_for_port(port)
            yield Webmail(port)
