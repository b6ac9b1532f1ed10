"""Members of the organisation's directory log in with their password there, over CardDAV and LDAP; nobody else does."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Busy, LoginFailed, Unavailable
from sharedbook.services.members import member_import, members
from sharedbook.services.people import accounts, directory_login, ldap_source
from sharedbook.services.people.ldap_source import Query, Source
from sharedbook.settings import Settings
from sharedbook.store import subjects
from tests.carddav import served as carddav
from tests.carddav.dav import Client
from tests.cli.conftest import CommandLine
from tests.ldap import served as ldap
from tests.support.eventually import eventually
from tests.support.guesses import guess_much
from tests.support.sites import as_console, new_site
from tests.support.slapd import BASE, PEOPLE, ROOT, ROOT_PASSWORD, Slapd

pytestmark = pytest.mark.needs("slapd")

SUCCESS, INVALID_CREDENTIALS = 0, 49
LOCAL = "a local password"


@dataclass
class Doors:
    """A site whose members dana and evan are slapd's, and bob its own, with both of its servers."""

    app: App
    carddav_port: int
    ldap: ldap.Site
    slapd: Slapd
    stop_slapd: Callable[[], None]

    def dav(self, login: str, password: str) -> int:
        """The status that a mail client gets."""
        return Client(self.carddav_port, login, password).propfind("/", "{DAV:}current-user-principal").status

    def bind(self, login: str, password: str) -> int:
        """The result of a bind."""
        return ldap.code_of(self.ldap, f"uid={login},ou=members,{ldap.BASE}", password)


def bring_in(app: App, slapd: Slapd) -> None:
    query = Query(Source(slapd.uri), BASE, "(objectClass=person)", ROOT, ROOT_PASSWORD)
    entries = member_import.read(query, member_import.FIELDS)
    with as_console(app) as tx:
        member_import.run(tx, query.source_name, entries, disable_gone=False)
        members.add(tx, "bob", password=LOCAL)


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with tempfile.TemporaryDirectory(prefix="sharedbook-logins-") as name, ExitStack() as stack:
        slapd = Slapd(Path(name) / "slapd")
        slapd_runs = stack.enter_context(ExitStack())
        slapd_runs.enter_context(slapd.served())
        slapd.add("dana")
        slapd.add("evan")
        app = new_site(
            Path(name) / "site",
            login_ldap_uri=slapd.ldaps,
            login_ldap_dn=f"uid={{login}},{PEOPLE}",
            login_ldap_ca=slapd.ca,
            login_free_failures=3,
            carddav_workers=1,  # each remembers its own successes
        )
        bring_in(app, slapd)
        slapd.add("bob")
        server, port = carddav.start(app, Path(name), plain=False)
        stack.enter_context(server)
        site = stack.enter_context(ldap.serve(app))
        yield Doors(app, port, site, slapd, slapd_runs.close)
        app.close()


def test_the_password_of_the_directory_opens_both_doors(doors: Doors) -> None:
    assert doors.dav("dana", "dana-secret") == 207
    assert doors.bind("dana", "dana-secret") == SUCCESS
    assert doors.dav("dana", "evan-secret") == 401
    assert doors.bind("dana", "evan-secret") == INVALID_CREDENTIALS


def test_an_empty_password_opens_nothing(doors: Doors) -> None:
    assert doors.dav("dana", "") == 401
    assert not directory_login.verify(doors.app.settings, "dana", "")


def test_who_was_added_here_has_a_password_here(doors: Doors) -> None:
    assert doors.dav("bob", LOCAL) == 207
    assert doors.dav("bob", "bob-secret") == 401, "slapd knows a bob, too: he is another one"
    with as_console(doors.app) as tx:
        secret = members.app_password_add(tx, "dana", "phone", doors=frozenset({"carddav"}), write=False)
    assert doors.dav("dana", secret) == 207


def test_disabled_here_is_refused_at_once(doors: Doors) -> None:
    assert doors.bind("evan", "evan-secret") == SUCCESS
    with as_console(doors.app) as tx:
        members.disable(tx, "evan")
    assert doors.dav("evan", "evan-secret") == 401
    eventually(lambda: doors.bind("evan", "evan-secret"), INVALID_CREDENTIALS)
    with as_console(doors.app) as tx:
        members.enable(tx, "evan")
        members.set_password(tx, "evan", LOCAL)
    assert accounts.authenticate(doors.app, "evan", LOCAL, "carddav").viewer.name == "evan"
    with pytest.raises(LoginFailed):
        accounts.authenticate(doors.app, "evan", "evan-secret", "carddav")


def test_wrong_passwords_are_slowed_down(doors: Doors) -> None:
    guess_much(doors.app, "dana")
    assert doors.dav("dana", "guess") == 429
    assert doors.dav("dana", "dana-secret") == 207, "a remembered success passes"


def test_a_directory_that_is_down_is_no_wrong_password(doors: Doors) -> None:
    """The last test here: it stops slapd."""
    doors.stop_slapd()
    assert doors.dav("dana", "dana-secret") == 207, "remembered"
    with as_console(doors.app) as tx:
        members.set_password(tx, "bob", "another local one")
    statuses = [doors.dav("dana", "another-secret") for _ in range(5)]
    assert 401 not in statuses and statuses[-1] in (429, 503)
    codes = [doors.bind("dana", f"another-{number}") for number in range(5)]
    assert INVALID_CREDENTIALS not in codes
    assert doors.dav("bob", "another local one") == 207


class Silent:
    """A directory that takes connections and never says a word."""

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        return f"ldap://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_a_silent_directory_ends_a_login_in_time_and_holds_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_source, "TIMEOUT", 1)
    with Silent() as uri:
        app = new_site(tmp_path / "site", login_ldap_uri=uri, login_ldap_dn="uid={login},dc=example")
        with as_console(app) as tx:
            found = members.add(tx, "dana")
            subjects.change(tx.db, found.id, password=directory_login.mark("there"))
        tries: list[str] = []
        with pytest.raises(Unavailable) as refused:
            accounts.authenticate(
                app, "dana", "x", "ldap", admit=lambda: tries.append("in"), retract=lambda: tries.append("out")
            )
        assert not isinstance(refused.value, Busy) and tries == ["in", "out"]
        with pytest.raises(Unavailable, match="a moment ago"):
            accounts.authenticate(app, "dana", "x", "ldap")
        app.close()


def test_a_directory_that_is_searched_first(slapd: Slapd, tmp_path: Path) -> None:
    """Search as one who may, then bind as who was found; two with the same address are nobody."""
    secret = tmp_path / "secret"
    secret.write_text(f"{ROOT_PASSWORD}\n")
    for login in ("gina", "hugo", "ivan"):
        slapd.add(login, mail=f"{login if login == 'gina' else 'both'}@corp.example")
    settings = Settings(
        data_dir=tmp_path,
        login_ldap_uri=slapd.ldaps,
        login_ldap_ca=slapd.ca,
        login_ldap_base=BASE,
        login_ldap_filter="(mail={login}@corp.example)",
        login_ldap_bind=ROOT,
        login_ldap_password_file=secret,
    )
    asked = [("gina", "gina-secret"), ("gina", "hugo-secret"), ("nobody", "gina-secret"), ("both", "hugo-secret")]
    assert [directory_login.verify(settings, *each) for each in asked] == [True, False, False, False]
    directory_login.check(settings)
    secret.write_text("wrong")
    with pytest.raises(Unavailable) as refused:
        directory_login.check(settings)
    assert refused.value.hint == "check the DN to log in with, and its password"


def test_doctor_asks_the_directory(sharedbook: CommandLine, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> tuple[bool, str]:
        checks = sharedbook("doctor", "--json", code=None).json
        return next((each["ok"], each["next"] or "") for each in checks if each["name"] == slapd.ldaps)

    monkeypatch.setenv("SHAREDBOOK_LOGIN_LDAP_URI", slapd.ldaps)
    monkeypatch.setenv("SHAREDBOOK_LOGIN_LDAP_DN", f"uid={{login}},{PEOPLE}")
    assert said() == (False, "name the file of the authority that signed its certificate")
    monkeypatch.setenv("SHAREDBOOK_LOGIN_LDAP_CA", str(slapd.ca))
    assert said() == (True, "")


def test_without_the_settings_nobody_logs_in_that_way(doors: Doors) -> None:
    assert not directory_login.verify(replace(doors.app.settings, login_ldap_uri=""), "dana", "dana-secret")
