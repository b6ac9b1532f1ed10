"""A member sets his password by a link: once, in time, and nobody else's."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from sharedbook.domain.errors import Conflict, Forbidden, NotFound
from sharedbook.services.members import members, password_links
from sharedbook.services.tx import MemberActor
from tests.carddav.dav import Client, Reply
from tests.carddav.served import Site
from tests.support.sites import CLIENT, as_console

pytestmark = pytest.mark.parametrize("site", ["plain", "serve"], indirect=True, scope="session")
PASSWORD = "a password of my own, é and all"


def link(site: Site, login: str, lasts: timedelta = timedelta(hours=1)) -> str:
    with as_console(site.app) as tx:
        token, _ = password_links.make(tx, login, lasts)
    return f"/{password_links.FOLDER}/{token}"


def send(site: Site, path: str, password: str, again: str | None = None) -> Reply:
    form = urlencode({"login": "alice", "password": password, "again": password if again is None else again})
    return Client(site.port).request("POST", path, form, Content_Type="application/x-www-form-urlencoded")


def test_a_member_sets_his_password_once(site: Site) -> None:
    login = site.member().login
    path, second = link(site, login), link(site, login)
    browser = Client(site.port)
    shown = browser.request("GET", path)
    assert shown.status == 200 and f'value="{login}"' in shown.text and "<script" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert browser.request("HEAD", path).status == 200  # programs look at what is sent; that uses nothing up
    assert "the two passwords differ" in send(site, path, PASSWORD, "another").text
    short = send(site, path, "short")
    assert short.status == 422 and "8 to" in short.text
    assert Client(site.port, login, PASSWORD).propfind(f"/{login}/").status == 401
    done = send(site, path, PASSWORD)
    assert done.status == 200 and "is set" in done.text and PASSWORD not in done.text
    assert Client(site.port, login, PASSWORD).propfind(f"/{login}/").status == 207
    for used in (path, second):
        assert send(site, used, "somebody else's").status == browser.request("GET", used).status == 404
    assert Client(site.port, login, PASSWORD).propfind(f"/{login}/").status == 207


def test_links_that_do_not_work(site: Site) -> None:
    login, other = site.member().login, site.member().login
    ended, whole = link(site, login, -timedelta(seconds=1)), link(site, login)
    number, end, signature = whole.rpartition("/")[2].split("-")
    with as_console(site.app) as tx:
        foreign = members.get(tx, other).id
    made_up = [
        f"{foreign}-{end}-{signature}",
        f"{number}-{int(end) + 60}-{signature}",
        f"{number}-{end}-{'0' * 64}",
        f"{number}-{'9' * 12}-{signature}",
        f"999999-{end}-{signature}",
        "",
        "x",
    ]
    for path in [ended, *(f"/{password_links.FOLDER}/{token}" for token in made_up)]:
        answer = send(site, path, PASSWORD)
        assert answer.status == 404 and "ask a postmaster" in answer.text, path
    assert Client(site.port).request("PUT", whole).status == 405
    assert Client(site.port).request("POST", whole, b"&".join([b"a=b"] * 99)).status == 400
    with as_console(site.app) as tx:
        members.disable(tx, login)
    assert send(site, whole, PASSWORD).status == 404
    with as_console(site.app) as tx, pytest.raises(Conflict, match="is disabled"):
        password_links.make(tx, login, timedelta(hours=1))


def test_it_is_bound_to_the_password_it_replaces(site: Site) -> None:
    login = site.member().login
    token = link(site, login).rpartition("/")[2]
    with as_console(site.app) as tx:
        members.set_password(tx, login, PASSWORD)
    with pytest.raises(NotFound, match=re.escape("has been used, has expired, or is incomplete")):
        password_links.redeem(site.app, token, "somebody else's")
    with site.app.begin(MemberActor(login), CLIENT, write=True) as tx, pytest.raises(Forbidden):
        password_links.make(tx, login, timedelta(hours=1))
