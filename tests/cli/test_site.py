"""init, migrate, settings, demo, doctor, serve: the site itself."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import sqlite3
from pathlib import Path

import ldap3
import pytest

from sharedbook.services.demo.people import GROUPS, MEMBERS, people
from tests.cli.conftest import PROGRAM, CommandLine
from tests.support.ports import free_ports
from tests.support.processes import Server


def test_before_init_every_command_says_so(bare: CommandLine) -> None:
    for arguments in (("group", "list"), ("--as", "bob", "contact", "list"), ("serve",)):
        answer = bare(*arguments, code=1)
        assert "sharedbook init" in answer.err and answer.out == ""


def test_init_can_be_repeated(bare: CommandLine, data_dir: Path) -> None:
    assert "member add LOGIN --postmaster" in bare("init").err
    bare("group", "add", "Kept")
    key = (data_dir / "site.key").read_bytes()
    bare("init")
    assert (data_dir / "site.key").read_bytes() == key
    assert [each["slug"] for each in bare.json("group", "list")] == ["contacts", "kept"]
    assert not (data_dir.stat().st_mode & 0o077)


def test_another_key_is_refused_until_it_is_meant(bare: CommandLine, data_dir: Path) -> None:
    bare("init")
    key = (data_dir / "site.key").rename(data_dir / "kept")
    for command in (["init"], ["group", "list"]):
        refused = bare(*command, code=1).err
        assert f"{data_dir / 'site.key'} is not the key of sqlite" in refused and "--new-key" in refused
    bare("init", "--new-key")
    bare("group", "list")
    key.replace(data_dir / "site.key")
    assert "is not the key" in bare("group", "list", code=1).err


def test_a_newer_database_is_refused(sharedbook: CommandLine, data_dir: Path) -> None:
    with sqlite3.connect(data_dir / "sharedbook.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from the future'")
    database.close()
    assert "newer" in sharedbook("group", "list", code=1).err


@pytest.mark.parametrize("name", ["sharedbook.sqlite", "site.key"])
def test_files_that_others_may_read_are_refused(sharedbook: CommandLine, data_dir: Path, name: str) -> None:
    (data_dir / name).chmod(0o644)
    assert f"chmod 600 {data_dir / name}" in sharedbook("group", "list", code=1).err


def test_a_read_only_folder_is_one_sentence(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAREDBOOK_DATA_DIR", "/proc/sharedbook")
    answer = bare("init", code=1)
    assert "/proc/sharedbook" in answer.err and "next:" in answer.err and "Traceback" not in answer.err


def test_settings_say_where_each_value_comes_from(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sharedbook.toml").write_text('trash_days = 7\n[ldap]\nbase = "dc=acme"\n')
    monkeypatch.setenv("SHAREDBOOK_TRASH_DAYS", "8")
    monkeypatch.setenv("SHAREDBOOK_DATABASE_URL", "postgresql+psycopg://sharedbook:secret@localhost/book")
    answer = bare("settings", "--json")
    found = {each["name"]: (each["value"], each["source"]) for each in answer.json}
    assert found["trash_days"] == ("8", "environment")
    assert found["ldap.base"] == ("dc=acme", "file")
    assert found["deletion"] == ("trash", "default")
    assert ":secret@" not in answer.out and "sharedbook:***@localhost" in found["database.url"][0]
    assert str(tmp_path / "sharedbook.toml") in answer.err


def test_a_wrong_setting_is_one_sentence(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[ldap]\nlistne = "1"\n')
    answer = bare("--config", tmp_path / "mine.toml", "group", "list", code=2)
    assert "ldap.listne" in answer.err and "did you mean ldap.listen?" in answer.err


def test_the_demo_is_written_once(bare: CommandLine) -> None:
    made = bare.json("demo")
    assert made["contacts"] == len(people()) == 300
    assert [each["login"] for each in made["members"]] == [each.login for each in MEMBERS]
    again = bare("demo", "--if-empty")
    assert "demo-alice" in again.out and "bind DN   uid=alice,ou=members,ou=contacts,dc=example,dc=com" in again.out
    assert "http://127.0.0.1:5232/" in again.out
    assert "members or contacts" in bare("demo", code=5).err
    assert len(bare.json("group", "list")) == len(GROUPS) + 1
    seen = {each.login: len(bare.json("--as", each.login, "contact", "list")) for each in MEMBERS}
    assert seen["alice"] >= seen["erin"] > seen["bob"] > seen["dave"] == seen["frank"] > seen["carol"] > 0
    assert [each["name"] for each in bare.json("--as", "bob", "contact", "find", "ㅎㄱㄷ")] == ["홍길동"]


def test_the_demo_leaves_a_site_with_contacts_alone(sharedbook: CommandLine) -> None:
    sharedbook("contact", "add", "--name", "Mine")
    assert "nothing is added" in sharedbook("demo", "--if-empty").out
    assert sharedbook.json("demo", "--if-empty")["contacts"] == 0
    assert sharedbook.json("member", "list") == []


def test_doctor_names_the_next_step(sharedbook: CommandLine, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(each["ok"] for each in sharedbook.json("doctor", "--offline"))
    (data_dir / "site.key").chmod(0o640)
    monkeypatch.setenv("SHAREDBOOK_TRASHDAYS", "1")
    port, other = free_ports(2)
    monkeypatch.setenv("SHAREDBOOK_CARDDAV_LISTEN", f"127.0.0.1:{port}")
    monkeypatch.setenv("SHAREDBOOK_LDAP_LISTEN", f"127.0.0.1:{other}")
    failed = {each["name"]: each for each in sharedbook.json("doctor", code=1) if not each["ok"]}
    assert failed.keys() == {
        "settings", "data folder", "database and key", "erasures", "holds", "notices",
        f"http://127.0.0.1:{port}/", f"ldap://127.0.0.1:{other}",
    }  # fmt: skip
    assert "SHAREDBOOK_TRASHDAYS" in failed["settings"]["message"]
    assert "chmod 600" in failed["database and key"]["next"]
    for name in (f"http://127.0.0.1:{port}/", f"ldap://127.0.0.1:{other}"):
        assert (failed[name]["message"], failed[name]["next"]) == (
            "no answer: Connection refused", "run: sharedbook serve",
        )  # fmt: skip


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Free ports for every listener, set in the environment."""
    names = ("CARDDAV_LISTEN", "CARDDAV_TLS_LISTEN", "LDAP_LISTEN", "LDAPS_LISTEN")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    for name, port in ports.items():
        monkeypatch.setenv(f"SHAREDBOOK_{name}", f"127.0.0.1:{port}")
    return ports


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_when_it_listens_and_ends_cleanly(
    sharedbook: CommandLine, data_dir: Path, addresses: dict[str, int], number: signal.Signals
) -> None:
    with Server([*PROGRAM, "serve"]) as server:
        for name, port in addresses.items():
            scheme = {"CARDDAV_LISTEN": "http", "CARDDAV_TLS_LISTEN": "https", "LDAP_LISTEN": "ldap"}.get(name, "ldaps")
            server.wait_for_line(f"^(carddav|ldap) listening on {scheme}://127.0.0.1:{port}$")
        checks = {each["name"]: each["ok"] for each in sharedbook.json("doctor")}
        assert all(checks.values()) and len(checks) == 13
        assert (data_dir / "tls.key").stat().st_mode & 0o077 == 0
        os.killpg(server.process.pid, number)
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.output
    for port in addresses.values():
        with socket.socket() as again:
            assert again.connect_ex(("127.0.0.1", port)) != 0


def test_what_the_demo_says_can_be_typed_into_clients(bare: CommandLine, addresses: dict[str, int]) -> None:
    said = bare("demo").out
    with Server([*PROGRAM, "serve"]) as server:
        server.wait_for_line(f"^carddav listening on http://127.0.0.1:{addresses['CARDDAV_LISTEN']}$")
        server.wait_for_line(f"^ldap listening on ldap://127.0.0.1:{addresses['LDAP_LISTEN']}$")
        assert f"http://127.0.0.1:{addresses['CARDDAV_LISTEN']}/" in said
        client = http.client.HTTPConnection("127.0.0.1", addresses["CARDDAV_LISTEN"], timeout=60)
        basic = base64.b64encode(b"alice:demo-alice").decode()
        client.request("PROPFIND", "/alice/", headers={"Authorization": f"Basic {basic}", "Depth": "1"})
        answer = client.getresponse()
        assert answer.status == 207 and b"/alice/customers/" in answer.read()
        dn = "uid=alice,ou=members,ou=contacts,dc=example,dc=com"
        assert f"-D {dn}" in said and "'(|(cn=*kim*)(mail=*kim*))'" in said
        url = f"ldap://127.0.0.1:{addresses['LDAP_LISTEN']}"
        assert f"-H {url} " in said
        with ldap3.Connection(ldap3.Server(url), dn, "demo-alice", auto_bind=True) as directory:
            directory.search("ou=contacts,dc=example,dc=com", "(|(cn=*kim*)(mail=*kim*))", attributes=["cn", "mail"])
            assert len(directory.entries) == 2


def test_a_port_in_use_is_one_sentence(sharedbook: CommandLine, addresses: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", addresses["LDAP_LISTEN"])):
        answer = sharedbook("serve", code=1)
    assert f"port {addresses['LDAP_LISTEN']}" in answer.err and "SHAREDBOOK_LDAP_LISTEN" in answer.err
    assert answer.out == ""


def test_one_server_ending_ends_the_other(sharedbook: CommandLine, addresses: dict[str, int]) -> None:
    with Server([*PROGRAM, "serve"]) as server:
        server.wait_for_line(f"^carddav listening on http://127.0.0.1:{addresses['CARDDAV_LISTEN']}$")
        server.wait_for_line(f"^ldap listening on ldap://127.0.0.1:{addresses['LDAP_LISTEN']}$")
        (ldap,) = [child for child in children(server.process.pid) if command(child)[-1] == "ldap"]
        os.kill(ldap, signal.SIGKILL)
        server.wait_for_line("the ldap server ended by itself")
        assert server.process.wait(60) == 1


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def command(process: int) -> list[str]:
    return Path(f"/proc/{process}/cmdline").read_text().rstrip("\0").split("\0")
