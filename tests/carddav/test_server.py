"""The server as a program: how it starts, what it says when it cannot, and how it stops."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.services.keys.certificate import self_signed
from tests.carddav.dav import Client
from tests.carddav.served import RADICALE, start
from tests.support.ports import free_port
from tests.support.processes import Server
from tests.support.sites import new_site

SERVE = [sys.executable, "-m", "radicale_storage.server"]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = new_site(tmp_path / "site")
    yield made
    made.close()


def fail_to_start(app: App, **environment: str) -> str:
    """What the server says when it ends by itself."""
    settings = {**app.settings.as_environment(), **environment}
    done = subprocess.run(SERVE, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    return line


def test_a_port_in_use(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert address in fail_to_start(app, SHAREDBOOK_CARDDAV_LISTEN=address)


def test_no_site(app: App, tmp_path: Path) -> None:
    empty = str(tmp_path / "empty")
    line = fail_to_start(app, SHAREDBOOK_DATA_DIR=empty, SHAREDBOOK_KEY_FILE="", SHAREDBOOK_DATABASE_URL="")
    assert "sharedbook init" in line


def test_nowhere_to_listen(app: App) -> None:
    assert "carddav.listen" in fail_to_start(app, SHAREDBOOK_CARDDAV_LISTEN="")


def test_clear_text_for_others(app: App) -> None:
    assert "plain_text_binds" in fail_to_start(app, SHAREDBOOK_CARDDAV_LISTEN="0.0.0.0:0")


def test_tls_without_a_certificate(app: App) -> None:
    assert "tls.cert" in fail_to_start(app, SHAREDBOOK_CARDDAV_TLS_LISTEN="127.0.0.1:0")


def test_a_certificate_that_is_none(app: App, tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("this is no certificate")
    pem = str(tmp_path / "tls.pem")
    tls = {"SHAREDBOOK_CARDDAV_TLS_LISTEN": "127.0.0.1:0", "SHAREDBOOK_TLS_CERT": pem, "SHAREDBOOK_TLS_KEY": pem}
    assert "tls.cert or tls.key cannot be used" in fail_to_start(app, **tls)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(app: App, tmp_path: Path, number: signal.Signals) -> None:
    server, port = start(app, tmp_path, plain=False)
    with server:
        assert Client(port).request("GET", "/").status == 401
        server.signal(number)
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.output
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=60).close()


def test_many_signals_at_once(app: App, tmp_path: Path) -> None:
    # Ctrl-C in a terminal: every process gets it, and the one that started them sends SIGTERM too
    server, _ = start(app, tmp_path, plain=False)
    with server:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            with suppress(ProcessLookupError):
                os.killpg(server.process.pid, number)
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.output


def test_port_0_takes_a_free_one(app: App) -> None:
    with Server(SERVE, env={**app.settings.as_environment(), "SHAREDBOOK_CARDDAV_LISTEN": "127.0.0.1:0"}) as server:
        port = int(server.wait_for_line(r"^carddav listening on http://127\.0\.0\.1:(\d+)$")[1])
        assert Client(port).request("GET", "/").status == 401


def test_tls_beside_clear_text(app: App, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    tls_port = free_port()
    server, port = start(
        app,
        tmp_path,
        plain=False,
        SHAREDBOOK_CARDDAV_TLS_LISTEN=f"127.0.0.1:{tls_port}",
        SHAREDBOOK_TLS_CERT=str(cert),
        SHAREDBOOK_TLS_KEY=str(key),
    )
    with server:
        server.wait_for_line(f"^carddav listening on https://127.0.0.1:{tls_port}$")
        context = ssl.create_default_context(cafile=str(cert))
        context.check_hostname = False
        with (
            socket.create_connection(("127.0.0.1", tls_port), timeout=60) as plain,
            context.wrap_socket(plain) as connection,
        ):
            connection.sendall(b"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
        assert Client(port).request("GET", "/").status == 401
        server.signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def children(pid: int) -> list[int]:
    """Process ids of the children of a process, those of all its threads."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_both_listeners_end_together(app: App, tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, ["127.0.0.1"])
    environment = {
        "SHAREDBOOK_CARDDAV_TLS_LISTEN": "127.0.0.1:0",
        "SHAREDBOOK_TLS_CERT": str(cert),
        "SHAREDBOOK_TLS_KEY": str(key),
    }
    server, _ = start(app, tmp_path, plain=False, **environment)
    with server:
        server.wait_for_line("^carddav listening on https://")
        [helper] = [pid for pid in children(server.process.pid) if children(pid)]
        os.kill(helper, signal.SIGKILL)
        server.process.wait(60)


def test_plain_radicale_without_a_site(app: App, tmp_path: Path) -> None:
    configuration = tmp_path / "radicale.conf"
    configuration.write_text("[storage]\ntype = radicale_storage\n")
    settings = {**app.settings.as_environment(), "SHAREDBOOK_DATA_DIR": str(tmp_path / "empty")}
    settings |= {"SHAREDBOOK_KEY_FILE": "", "SHAREDBOOK_DATABASE_URL": ""}
    command = [RADICALE, "--config", configuration]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "sharedbook init" in done.stderr and "Traceback" not in done.stderr


def test_verify_storage(app: App, tmp_path: Path) -> None:
    configuration = tmp_path / "radicale.conf"
    configuration.write_text("[storage]\ntype = radicale_storage\n")
    command = [RADICALE, "--config", configuration, "--verify-storage"]
    done = subprocess.run(command, env=app.settings.as_environment(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
