"""Logins at the door: what opens it, what does not, and how often one may try."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from radicale_storage.limits import trusted
from sharedbook.domain.model import Right
from sharedbook.services.members import members
from tests.carddav.dav import Client, D
from tests.carddav.served import Book, Site, start, vcard
from tests.support.eventually import eventually
from tests.support.fail2ban import offenders
from tests.support.guesses import guess_much
from tests.support.processes import Server
from tests.support.sites import as_console, new_site

PASSWORD = "correct horse battery"


def status(client: Client) -> int:
    return client.propfind(f"/{client.login}/").status


def test_app_passwords_and_their_ends(site: Site) -> None:
    client = site.member()
    assert status(client) == 207
    with as_console(site.app) as tx:
        ldap = members.app_password_add(tx, client.login, "ldap", doors=frozenset({"ldap"}), write=True)
    for secret in (ldap, "x" * 2000):
        assert status(Client(client.port, client.login, secret)) in (401, 429)
    assert status(client) == 207
    with as_console(site.app) as tx:
        members.app_password_revoke(tx, client.login, "test")
    assert status(client) in (401, 429)


def test_disabled_at_once(site: Site) -> None:
    client = site.member()
    assert status(client) == 207
    with as_console(site.app) as tx:
        members.disable(tx, client.login)
    assert status(client) in (401, 429)


# ---- a server of one's own, whose counters other tests do not touch


@pytest.fixture(params=[True, False], ids=["plain", "serve"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Server]]:
    app = new_site(tmp_path / "site")
    server, port = start(app, tmp_path, plain=request.param, SHAREDBOOK_LOGIN_NETWORK_FAILURES="12")
    with server:
        yield Site(app, port, server, plain=request.param), server
    app.close()


def member_with_password(site: Site) -> Client:
    client = site.member()
    with as_console(site.app) as tx:
        members.set_password(tx, client.login, PASSWORD)
    return client


def test_wrong_passwords_are_slowed_down_and_app_passwords_never(own: tuple[Site, Server]) -> None:
    site, server = own
    client = member_with_password(site)
    good, wrong = Client(client.port, client.login, PASSWORD), Client(client.port, client.login, "wrong")
    assert status(good) == 207
    assert [wrong.propfind("/").status for _ in range(5)] == [401] * 5
    guess_much(site.app, client.login)
    limited = wrong.propfind("/")
    assert limited.status == 429 and int(limited.headers["retry-after"]) >= 1
    # an app password and, where one process answers, a remembered success pass all the same
    assert status(client) == 207
    if site.plain:
        assert status(good) == 207
    assert PASSWORD not in server.output and "wrong" not in server.output
    eventually(lambda: offenders(server.output), ["127.0.0.1"] * 5)


def test_a_network_that_guesses_logins_is_slowed_down(own: tuple[Site, Server]) -> None:
    site, _ = own
    client = site.member()
    guesses = (Client(site.port, f"nobody{number}", "guess").propfind("/").status for number in range(100))
    let_in = list(itertools.takewhile(lambda status: status != 429, guesses))  # more while time passes
    assert let_in == [401] * len(let_in) and 12 <= len(let_in) < 100
    assert status(client) == 207


def test_unknown_and_wrong_get_the_same_answer(own: tuple[Site, Server]) -> None:
    site, _ = own
    client = member_with_password(site)
    wrong = Client(site.port, client.login, "wrong").propfind("/")
    unknown = Client(site.port, "nobody", "wrong").propfind("/")
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body) == (401, wrong.body)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that takes the word of this machine for a proxy's."""
    folder = tmp_path_factory.mktemp("proxied")
    app = new_site(folder / "site")
    server, port = start(app, folder, plain=True, SHAREDBOOK_TRUSTED_PROXIES="127.0.0.1")
    with server:
        yield Site(app, port, server, plain=True)
    app.close()


def test_from_elsewhere_passwords_come_over_tls_only(proxied: Site) -> None:
    client = proxied.member()
    path = f"/{client.login}/"
    elsewhere = {"X_Forwarded_For": "192.0.2.7"}
    reply = client.request("PROPFIND", path, X_Forwarded_Proto="http", **elsewhere)
    assert (reply.status, "TLS" in reply.text) == (403, True)
    assert client.request("PROPFIND", path, X_Forwarded_Proto="https", **elsewhere).status == 207


def test_below_the_prefix_of_a_proxy(proxied: Site) -> None:
    book = Book(proxied)
    path, old, new = book.of_alice(), book.of_alice("old.vcf"), book.of_alice("new.vcf")
    below = {"X_Forwarded_Proto": "https", "X_Script_Name": "/dav"}
    assert list(book.alice.request("PROPFIND", path, **below).found()) == [f"/dav{path}"]
    redirect = Client(proxied.port).request("GET", "/.well-known/carddav", X_Script_Name="/dav")
    assert redirect.headers["location"] == "/dav/"
    assert book.alice.put(old, vcard("prefixed"), **below).status == 201
    assert book.alice.request("MOVE", old, Destination=new, **below).status == 502
    assert book.alice.request("MOVE", old, Destination=f"/dav{new}", **below).status == 201
    assert [book.alice.get(each, **below).status for each in (old, new)] == [404, 200]
    read_only = f"/dav/{book.alice.login}/{proxied.group(**{book.alice.login: Right.VIEW}).slug}/"
    refused = book.alice.request("MOVE", new, Destination=read_only + "new.vcf", **below)
    assert (refused.status, refused.xml.findtext(f".//{D}href")) == (403, read_only)


def test_trusted_proxies() -> None:
    assert trusted("10.1.2.3", ("10.0.0.0/8",)) and trusted("::1", ("::1",))
    assert not trusted("192.0.2.1", ("10.0.0.0/8", "::1")) and not trusted("", ("10.0.0.0/8",))


def test_the_book_of_one_member_in_two_programs(book: Book) -> None:
    with as_console(book.site.app) as tx:
        second = members.app_password_add(tx, book.alice.login, "phone", doors=frozenset({"carddav"}), write=False)
    phone = Client(book.alice.port, book.alice.login, second)
    assert phone.get(book.of_alice()).status == 200
    assert phone.put(book.of_alice("x.vcf"), "BEGIN:VCARD").status == 403
