"""The files of deploy/ as they are, but for paths and ports: nginx serves by them, systemd understands them."""

from __future__ import annotations

import http.client
import os
import pwd
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sharedbook.services.keys import certificate
from sharedbook.services.members import password_links
from tests.carddav.dav import Client
from tests.carddav.served import Book, Site, start
from tests.support.left_out import ROOT
from tests.support.ports import free_ports
from tests.support.processes import Server
from tests.support.sites import as_console, new_site

DEPLOY = ROOT / "deploy"
MAIN = """
daemon off;
user {user};
pid {folder}/pid;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sharedbook.conf;
}}
"""


class Browser(Client):
    """A client that comes over TLS, and takes any certificate."""

    def connection(self) -> http.client.HTTPConnection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)


class Behind:
    """A site behind nginx. ``logs``: the folder of nginx's."""

    def __init__(self, site: Site, http_port: int, https_port: int, logs: Path) -> None:
        self.site, self.http, self.https, self.logs = site, http_port, https_port, logs

    def browser(self, client: Client) -> Browser:
        """The same client in front of nginx."""
        return Browser(self.https, client.login, client.password)


def with_nginx(folder: Path, server_port: int) -> tuple[Server, int, int]:
    """nginx by deploy/nginx.conf, and its two ports."""
    http_port, https_port = free_ports(2)
    chain, key = certificate.self_signed(folder, ["contacts.example.com"])
    text = (DEPLOY / "nginx.conf").read_text()
    for written, here in {
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{https_port} ssl http2;",
        "/etc/ssl/sharedbook/fullchain.pem": str(chain),
        "/etc/ssl/sharedbook/privkey.pem": str(key),
        "/var/log/nginx": str(folder / "logs"),
        "127.0.0.1:5232": f"127.0.0.1:{server_port}",
    }.items():
        assert written in text
        text = text.replace(written, here)
    (folder / "logs").mkdir()
    (folder / "sharedbook.conf").write_text(text)
    (folder / "nginx.conf").write_text(MAIN.format(user=pwd.getpwuid(os.getuid()).pw_name, folder=folder))
    nginx = Server(["/usr/sbin/nginx", "-e", folder / "logs/error.log", "-p", folder, "-c", folder / "nginx.conf"])
    nginx.wait_for_port(https_port)
    return nginx, http_port, https_port


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A site whose server trusts the nginx before it."""
    folder = tmp_path_factory.mktemp("deploy")
    app = new_site(folder / "site")
    server, port = start(app, folder, plain=False, SHAREDBOOK_TRUSTED_PROXIES="127.0.0.1")
    with server:
        nginx, http_port, https_port = with_nginx(folder, port)
        with nginx:
            yield Behind(Site(app, port, server, plain=False), http_port, https_port, folder / "logs")
    app.close()


@pytest.mark.needs("nginx")
def test_a_client_behind_nginx(behind: Behind) -> None:
    book = Book(behind.site)
    alice = behind.browser(book.alice)
    assert alice.propfind(f"/{alice.login}/", depth="1").status == 207
    redirect = Client(behind.http).get("/", Host="contacts.example.com")
    assert (redirect.status, redirect.headers["location"]) == (301, "https://contacts.example.com/")
    assert alice.put(book.of_alice("large.vcf"), b"x" * 17_000_000).status == 413


@pytest.mark.needs("nginx")
def test_nobody_is_who_he_says_behind_nginx(behind: Behind) -> None:
    alice = behind.browser(behind.site.member("alice"))
    claims = {"X_Remote_User": alice.login, "X_Script_Name": "/elsewhere", "X_Forwarded_For": "203.0.113.9"}
    assert Browser(behind.https).request("PROPFIND", f"/{alice.login}/", **claims).status == 401
    found = alice.request("PROPFIND", f"/{alice.login}/", Depth="0", **claims)
    assert list(found.found()) == [f"/{alice.login}/"]
    wrong = Browser(behind.https, alice.login, "wrong")
    assert wrong.request("PROPFIND", f"/{alice.login}/", **claims).status == 401
    behind.site.server.wait_for_line(r"login refused from 127\.0\.0\.1: login-failed$")
    assert "203.0.113.9" not in behind.site.server.output


@pytest.mark.needs("nginx")
def test_a_password_link_is_in_no_log(behind: Behind, tmp_path: Path) -> None:
    login = behind.site.member().login
    with as_console(behind.site.app) as tx:
        token, _ = password_links.make(tx, login, timedelta(hours=1))
    path = f"/{password_links.FOLDER}/{token}"
    assert Browser(behind.https).get(path).status == 200
    (dead_port,) = free_ports(1)
    nginx, _, https_port = with_nginx(tmp_path, dead_port)
    with nginx:
        assert Browser(https_port).get(path).status == Browser(https_port).get("/else").status == 502
    for folder in (behind.logs, tmp_path / "logs"):
        texts = [file.read_text() for file in folder.iterdir()]
        assert any("/else" in text for text in texts) or folder == behind.logs
        assert not any(token in text for text in texts)


@pytest.mark.needs("systemd")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    units = [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]
    assert len(units) == 4
    for unit in units:  # whose programs must be there
        text = unit.read_text().replace("/opt/sharedbook/bin/sharedbook", str(Path(sys.executable)))
        (tmp_path / unit.name).write_text(text.replace("/usr/local/bin/sharedbook", str(Path(sys.executable))))
    names = sorted(str(tmp_path / unit.name) for unit in units)
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
