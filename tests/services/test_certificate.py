"""The certificate made on the spot: valid for where the site listens, kept while it is, private."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sharedbook.services.keys import certificate


def test_a_client_that_trusts_it_gets_through(tmp_path: Path) -> None:
    cert, key = certificate.self_signed(tmp_path, ["0.0.0.0", "büro.example"])
    assert key.stat().st_mode & 0o077 == 0
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    for name in ("localhost", "127.0.0.1", "::1", "xn--bro-hoa.example"):
        ours, theirs = socket.socketpair()
        accepting = threading.Thread(target=lambda end=theirs: server.wrap_socket(end, server_side=True).close())
        accepting.start()
        with trusting.wrap_socket(ours, server_hostname=name) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
        accepting.join()


def test_it_is_kept_until_it_no_longer_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, _ = certificate.self_signed(tmp_path, ["one.example"])
    first = cert.read_bytes()
    assert certificate.self_signed(tmp_path, ["one.example"])[0].read_bytes() == first
    second = certificate.self_signed(tmp_path, ["two.example"])[0].read_bytes()
    assert second != first
    monkeypatch.setattr(certificate, "RENEW_BEFORE", timedelta(days=certificate.DAYS + 1))
    assert certificate.self_signed(tmp_path, ["two.example"])[0].read_bytes() != second


def test_it_says_when_it_runs_out(tmp_path: Path) -> None:
    cert, _ = certificate.self_signed(tmp_path, [])
    left = certificate.expires(cert) - datetime.now(UTC)
    assert timedelta(days=certificate.DAYS - 1) < left <= timedelta(days=certificate.DAYS)
    cert.write_text("no certificate")
    with pytest.raises(ValueError):
        certificate.expires(cert)
