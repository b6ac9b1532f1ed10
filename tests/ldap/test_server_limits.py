"""The running server: TLS, limits, bad input on a socket, starting and stopping."""

from __future__ import annotations

import select
import signal
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path

import ldap3
import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.messages import Code
from sharedbook.services.members import members
from tests.ldap import served
from tests.ldap.served import BASE, Site, code_of, heard, people, soon
from tests.ldap.wiring import number, octets, search, tlv
from tests.support.ports import free_port
from tests.support.processes import Server
from tests.support.sites import as_console

MEMBERS = f"ou=members,{BASE}"
MOST_SENT = 64 * 1024 * 1024
WHO = m.Extended(schema.WHO_AM_I, None)


# ---- TLS


def test_ldaps_and_start_tls(site: Site) -> None:
    direct = site.connect("bob", "demo-bob", tls=True)
    upgraded = site.connect()
    assert upgraded.start_tls()
    upgraded.user, upgraded.password, upgraded.authentication = "bob", "demo-bob", ldap3.SIMPLE
    assert upgraded.bind()
    assert people(direct, "(cn=*kim*)") == people(upgraded, "(cn=*kim*)")
    assert len(people(direct)) > 100, "an answer of several TLS records"
    plain = site.connect(tls=True)
    plain.authentication, plain.sasl_mechanism, plain.sasl_credentials = (
        ldap3.SASL,
        ldap3.PLAIN,
        (None, "bob", "demo-bob"),
    )
    plain.open()
    assert plain.bind()
    assert plain.extend.standard.who_am_i() == f"dn:uid=bob,{MEMBERS}"


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_what_is_sent_behind_start_tls_in_clear_text_is_never_answered(site: Site) -> None:
    bind = m.Message(1, m.Bind(3, b"bob", None, b"demo-bob"))
    with site.raw() as connection:
        connection.sendall(octets(bind))
        assert heard(connection, 1)[0].code == Code.SUCCESS
        connection.sendall(octets(m.Message(2, m.Extended(schema.START_TLS, None))) + octets(m.Message(3, WHO)))
        (started,) = heard(connection, 1)
        assert (started.id, started.code) == (2, Code.SUCCESS)
        with _tls().wrap_socket(connection) as secure:
            secure.sendall(octets(m.Message(4, WHO)))
            (who,) = heard(secure, 1)
            assert (who.id, who.value) == (4, b"")


@pytest.mark.parametrize("direct", [False, True])
def test_a_bind_in_the_same_packet_as_the_end_of_the_handshake(site: Site, direct: bool) -> None:
    """Nothing is lost between the two layers, and nobody waits for the other."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = _tls().wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", site.tls_port if direct else site.port), timeout=60) as connection:
        if not direct:
            connection.sendall(octets(m.Message(1, m.Extended(schema.START_TLS, None))))
            heard(connection, 1)
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
        bind = octets(m.Message(2, m.Bind(3, b"bob", None, b"demo-bob"))) + octets(m.Message(3, WHO))
        ids: list[int] = []
        for said, wanted in ((bind, [2, 3]), (octets(m.Message(4, WHO)), [2, 3, 4])):
            secure.write(said)
            connection.sendall(outgoing.read())
            while len(ids) < len(wanted):
                incoming.write(connection.recv(65536))
                with suppress(ssl.SSLWantReadError):
                    ids += [each.id for each in served.answers(secure.read(65536))]
            assert ids == wanted


def test_no_tls_behind_start_tls(site: Site) -> None:
    with site.raw() as connection:
        connection.sendall(octets(m.Message(2, m.Extended(schema.START_TLS, None))))
        heard(connection, 1)
        connection.sendall(b"no handshake at all")
        assert heard(connection) == []
    assert code_of(site, "bob", "demo-bob") == Code.SUCCESS


def test_no_tls_on_the_tls_port(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.tls_port), timeout=60) as connection:
        connection.sendall(octets(m.Message(1, WHO)))
        assert wire.NOTICE_OF_DISCONNECTION.encode() not in connection.recv(1000)
    assert site.connect("bob", "demo-bob", tls=True).bound


# ---- bad input on a socket


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes.fromhex("3084ffffffff"),
        bytes.fromhex("3080"),
        tlv(0x30, number(1) + tlv(0x9F, b"")),
    ],
)
def test_no_ldap_ends_in_a_notice_and_nobody_else_notices(site: Site, data: bytes) -> None:
    with site.raw() as other, site.raw() as connection:
        connection.sendall(data)
        (notice,) = heard(connection)
        assert (notice.id, notice.code, notice.oid) == (0, Code.PROTOCOL_ERROR, wire.NOTICE_OF_DISCONNECTION)
        other.sendall(octets(m.Message(1, WHO)))
        assert heard(other, 1)[0].code == Code.SUCCESS


def test_requests_cut_anywhere_and_many_at_once(site: Site) -> None:
    said = octets(m.Message(1, m.Bind(3, b"bob", None, b"demo-bob")))
    said += b"".join(octets(m.Message(n, search("(cn=*kim*)", attributes=("cn",)))) for n in range(2, 60))
    said += octets(m.Message(60, WHO))
    with site.raw() as connection:
        for start in range(0, len(said), 7):
            connection.sendall(said[start : start + 7])
        found: list[int] = []
        data = b""
        while 60 not in found:
            data += connection.recv(65536)
            try:
                found = [each.id for each in served.answers(data)]
            except ValueError:
                continue
    assert set(found) == set(range(1, 61))


def test_who_does_not_read_stops_nobody(site: Site) -> None:
    """Pipelined searches for everything, nothing read: the server holds little for it, and others are served."""
    everything = search("(cn=*)")
    with site.raw() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.sendall(octets(m.Message(1, m.Bind(3, b"alice", None, b"demo-alice"))))
        greedy.setblocking(False)
        request = b"".join(octets(m.Message(n, everything)) for n in range(2, 200))
        sent = 0
        while sent < MOST_SENT and select.select([], [greedy], [], 1.0)[1]:
            sent += greedy.send(request)
        assert sent < MOST_SENT, "the server stopped reading"
        connection = site.connect("bob", "demo-bob")
        for _ in range(20):
            assert people(connection, "(cn=*a*)")
    assert people(connection, "(cn=*a*)")


# ---- limits, starting, stopping


@pytest.fixture
def own(tmp_path: Path) -> served.App:
    """A small site for a server of the test's own."""
    app = served.new_site(tmp_path / "site")
    with as_console(app) as tx:
        members.add(tx, "alice", password="secret-password", postmaster=True)
    return app


def test_connections_per_address(own: served.App) -> None:
    with served.serve(own, SHAREDBOOK_LDAP_CONNECTIONS_PER_ADDRESS="3") as site:
        held = [site.raw() for _ in range(3)]
        for each in held:
            each.sendall(octets(m.Message(1, WHO)))
            heard(each, 1)
        with site.raw() as fourth:
            (notice,) = heard(fourth)
            assert (notice.id, notice.code) == (0, Code.BUSY)
        with pytest.raises((ssl.SSLError, OSError)), socket.create_connection(("127.0.0.1", site.tls_port)) as fifth:
            _tls().wrap_socket(fifth)
        held.pop().close()

        def let_in() -> bool:
            with site.raw() as again:
                again.sendall(octets(m.Message(1, WHO)))
                return heard(again, 1)[0].code == Code.SUCCESS

        soon(let_in)
        for each in held:
            each.close()


def test_silent_clients_are_let_go(own: served.App) -> None:
    with served.serve(own, SHAREDBOOK_LDAP_IDLE_TIMEOUT="1") as site, site.raw() as connection:
        (notice,) = heard(connection)
        assert (notice.id, notice.code) == (0, Code.UNAVAILABLE)


@pytest.mark.parametrize("number_", [signal.SIGTERM, signal.SIGINT])
def test_stopping(own: served.App, number_: signal.Signals) -> None:
    with served.serve(own) as site, site.raw() as connection:
        connection.sendall(octets(m.Message(1, WHO)))
        heard(connection, 1)
        site.server.signal(number_)
        (notice,) = heard(connection)
        assert (notice.id, notice.code, notice.text) == (0, Code.UNAVAILABLE, "the server stops")
        assert site.server.process.wait(60) == 0
        assert "Traceback" not in site.server.output


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SHAREDBOOK_LDAP_BASE": "nonsense"}, "ldap: ldap.base: 'nonsense' is not a DN"),
        ({"SHAREDBOOK_LDAP_BASE": ""}, "ldap: ldap.base is not a DN"),
        ({"SHAREDBOOK_LDAP_LISTEN": ""}, "ldap: LDAP listens nowhere"),
        ({"SHAREDBOOK_LDAPS_LISTEN": "127.0.0.1:1"}, "ldap: ldaps.listen needs a certificate"),
        ({"SHAREDBOOK_LDAP_LISTEN": "192.0.2.1:3389"}, "ldap: cannot listen on 192.0.2.1:3389"),
        (
            {"SHAREDBOOK_TLS_CERT": "/dev/null", "SHAREDBOOK_TLS_KEY": "/dev/null"},
            "ldap: tls.cert or tls.key cannot be used",
        ),
        ({"SHAREDBOOK_DATABASE_URL": "sqlite:////nowhere/at/all"}, "ldap: there is no database"),
    ],
)
def test_what_prevents_starting_is_one_sentence(own: served.App, environment: dict[str, str], said: str) -> None:
    settings = {**own.settings.as_environment(), "SHAREDBOOK_LDAP_LISTEN": f"127.0.0.1:{free_port()}", **environment}
    with Server([sys.executable, "-m", "ldap_gateway.server"], env=settings) as server:
        server.wait_for_line(said)
        assert server.process.wait(60) == 1
        assert "Traceback" not in server.output
