"""What stdout holds: JSON and nothing else, or tables that read well at 80 columns, with colour for people only."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from sharedbook.cli.terminal import json_keys
from sharedbook.cli.terminal.output import clean
from tests.cli.conftest import PROGRAM, CommandLine, Terminal
from tests.support.codes import with_code

ESCAPE = "\x1b"


def objects(found: Any) -> Iterator[dict[str, Any]]:
    yield from found if isinstance(found, list) else [found]


@pytest.fixture
def full(staffed: CommandLine, tmp_path: Path) -> CommandLine:
    """A site with one of everything."""
    staffed("contact", "add", "--name", "Minji Kim", "--email", "m@example.com", "--group", "customers")
    staffed("member", "app-password", "add", "bob", "phone")
    staffed("field", "add", "Contract")
    (tmp_path / "card.jpg").write_bytes(with_code("BEGIN:VCARD\nVERSION:3.0\nFN:Ann Lee\nEND:VCARD"))
    return staffed


KINDS: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("contact",), ("contact", "list")),
    (("contact", "contact_detail"), ("contact", "show", "1")),
    (("contact", "contact_detail"), ("contact", "set", "1", "title=x")),
    (("revision", "revision_detail"), ("contact", "history", "1")),
    (("contact", "contact_detail", "reverted"), ("contact", "revert", "1", "1")),
    (("origin",), ("contact", "why", "1", "email")),
    (("qr",), ("contact", "qr", "1")),
    (("scan",), ("contact", "scan", "card.jpg")),
    (("field",), ("field", "list")),
    (("group",), ("group", "list")),
    (("member",), ("member", "list")),
    (("member", "secret"), ("member", "password", "bob", "--generate")),
    (("link",), ("member", "link", "bob")),
    (("app_password",), ("member", "app-password", "list", "bob")),
    (("onboarding",), ("onboard", "bob")),
    (("team",), ("team", "list")),
    (("grant",), ("grant", "list")),
    (("viewer",), ("grant", "who-can-see", "1")),
    (("setting",), ("settings",)),
    (("check",), ("doctor", "--offline")),
    (("result",), ("contact", "delete", "1")),
    (("erased",), ("contact", "erase", "1", "--yes")),
    (("audit",), ("audit", "list")),
    (("notice_key",), ("notice", "key")),
]


@pytest.mark.parametrize(("kinds", "arguments"), KINDS, ids=[" ".join(arguments) for _, arguments in KINDS])
def test_answers_have_the_documented_keys(
    full: CommandLine, kinds: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    documented = [key for kind in kinds for key in json_keys.KEYS[kind]]
    found = list(objects(full.json(*arguments)))
    assert found
    for each in found:
        assert sorted(each) == sorted(documented)


def test_every_documented_kind_is_tested_or_told_elsewhere() -> None:
    # test_mail.py, test_transfer.py, test_site.py, test_contacts.py, test_backup.py, test_holds.py,
    # test_suggestions.py, test_duplicates.py, test_plan.py, directory/test_members.py
    elsewhere = {"job", "job_error", "import", "demo", "erasure", "backup", "hold", "hold_detail", "notice"}
    elsewhere |= {"plan", "duplicate", "distinct", "merged", "suggestion", "suggestion_detail", "members_imported"}
    elsewhere |= {"letter"}
    assert {kind for kinds, _ in KINDS for kind in kinds} | elsewhere == set(json_keys.KEYS)


def test_an_empty_list_is_an_array(sharedbook: CommandLine) -> None:
    answer = sharedbook("contact", "list", "--json")
    assert answer.json == [] and answer.err == ""
    people = sharedbook("contact", "list")
    assert people.out == "" and "No contact" in people.err


def test_wide_characters_count_two(staffed: CommandLine) -> None:
    staffed("contact", "add", "--name", "홍길동", "--email", "hong@example.com")
    staffed("contact", "add", "--name", "Minji Kim", "--email", "minji@example.com")
    shown = staffed("contact", "list").out
    begins = {
        cell_len(line[: line.index(word)])
        for line in shown.splitlines()
        for word in ("Mail", "hong@", "minji@")
        if word in line
    }
    assert len(begins) == 1 and "홍길동" in shown


def test_a_name_cannot_steer_the_terminal(staffed: CommandLine) -> None:
    staffed("group", "add", "Fine", "--description", "red \x1b[31m [bold]not bold[/bold] \u202eevil")
    shown = staffed("group", "list").out
    assert ESCAPE not in shown and "\u202e" not in shown
    assert "[bold]not bold[/bold]" in shown
    assert ESCAPE not in staffed("contact", "show", "nobody\x1b[31m", code=4).err
    assert staffed.json("group", "show", "fine")["description"] == "red \x1b[31m [bold]not bold[/bold] \u202eevil"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("김철수\u3000x", "김철수\u3000x"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x9b1m\x7f", "\ufffd1m\ufffd"),
    ],
)
def test_clean_keeps_what_scripts_need(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_piped_values_are_whole_and_without_colour(staffed: CommandLine, data_dir: object) -> None:
    long = "a" * 60 + "@" + "b" * 60 + ".example"
    staffed("contact", "add", "--name", "Long", "--email", long)
    done = subprocess.run([*PROGRAM, "contact", "list"], capture_output=True, text=True, check=True, timeout=60)
    assert long in done.stdout and ESCAPE not in done.stdout
    assert done.stderr == ""


def test_a_terminal_of_80_columns(full: CommandLine, terminal: Callable[..., Terminal]) -> None:
    full("contact", "set", "1", "company=A company with a rather long name", "phone.work=+1 212 555 0123")
    shown = terminal("contact", "list")
    assert shown.end() == 0
    assert ESCAPE in shown.shown
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.shown).splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    assert "m@example.com" in "".join(lines)


def test_no_color(full: CommandLine, terminal: Callable[..., Terminal]) -> None:
    shown = terminal("group", "list", env={"NO_COLOR": "1"})
    assert shown.end() == 0
    assert "customers" in shown.shown and not re.search(r"\x1b\[[0-9;]*3[0-9]", shown.shown)


def test_an_argument_that_is_no_text(sharedbook: CommandLine) -> None:
    assert "not UTF-8" in sharedbook("group", "describe", "contacts", "caf\udce9", code=2).err


@pytest.mark.parametrize(
    ("words", "reader"), [("settings --json", "head -c 10"), ("settings", "true"), ("--help", "true")]
)
def test_a_reader_that_stops_early_is_no_error(full: CommandLine, words: str, reader: str) -> None:
    command = " ".join(f"'{part}'" for part in [*PROGRAM, *words.split()])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | {reader}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_contact_commands_load_no_library_that_few_of_them_need() -> None:
    program = "import sys, sharedbook.cli.contact.contact; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"phonenumbers", "imapclient", "ldap3", "PIL", "numpy", "segno"} & set(loaded)


@pytest.mark.parametrize(
    "command", ["contact find x", "contact list", "contact tag 1 +vip", "contact set 1 note=x", "export all.csv"]
)
def test_a_mistyped_option_is_no_word(sharedbook: CommandLine, command: str) -> None:
    done = sharedbook(*command.split(), "--limitt=3", code=2)
    assert "No such option" in done.err and "--limitt" in done.err
