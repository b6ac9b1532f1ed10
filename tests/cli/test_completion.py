"""`sharedbook completion`, tried with the Tab key in each shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from sharedbook.cli import command
from tests.cli.conftest import CommandLine
from tests.support.examples import ALL
from tests.support.screens import Screen

SHELLS = {
    "bash": (("bash", "--norc", "--noprofile"), 'eval "$(sharedbook completion bash)"'),
    "zsh": (("zsh", "-f"), 'autoload -Uz compinit; compinit -D; eval "$(sharedbook completion zsh)"'),
    "fish": (("fish", "--no-config", "--private"), "sharedbook completion fish | source"),
}
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.mark.needs("shells")
@pytest.mark.parametrize("shell", SHELLS)
def test_tab(staffed: CommandLine, data_dir: Path, tmp_path: Path, shell: str) -> None:
    """A command, its subcommand, an option, the site's own names."""
    staffed("group", "add", "Partners")
    program, load = SHELLS[shell]
    (tmp_path / "screen").mkdir()
    with Screen(tmp_path / "screen", *program, env={"SHAREDBOOK_DATA_DIR": str(data_dir), "PATH": PATH}) as screen:
        screen.type(f"{load}; echo load''ed", "Enter")
        screen.until("loaded")
        for keys, completed in (
            ("sharedbook gro", "sharedbook group "),
            ("desc", "sharedbook group describe "),
            ("part", "sharedbook group describe partners "),
            ("--js", "sharedbook group describe partners --json"),
        ):
            screen.type(keys, "Tab")
            screen.until(completed)


class Asked:
    """What a shell is answered when it asks, as bash does."""

    def __init__(self, line: CommandLine, patch: pytest.MonkeyPatch) -> None:
        self._line, self._patch = line, patch

    def __call__(self, words: str) -> list[str]:
        """The candidates for the last of some words."""
        with self._patch.context() as patch:
            patch.setenv("COMP_WORDS", f"sharedbook {words}")
            patch.setenv("COMP_CWORD", str(len(words.split(" "))))
            patch.setenv("_SHAREDBOOK_COMPLETE", "bash_complete")
            return [line.partition(",")[2] for line in self._line().out.split()]


@pytest.fixture
def asked(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(bare, monkeypatch)


def test_names(staffed: CommandLine, asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("name,email\nAnn,ann@example.com\n")
    staffed("import", "one.csv", "--group", "customers")
    assert asked("group show cus") == ["customers"]
    assert asked("contact list --group ") == ["contacts", "customers"]
    assert asked("team join sales b") == ["bob"]
    assert asked("team leave ") == ["sales"]
    assert asked("grant add customers ") == ["everyone", "postmasters", "@sales", "alice", "bob", "carol"]
    assert asked("job show ") == ["1"]
    assert asked("--as a") == ["alice"]
    assert asked("completion z") == ["zsh"]


def test_every_command_and_option() -> None:
    """Asked in this process, as a shell would."""
    shell = ShellComplete(command, {}, "sharedbook", "_SHAREDBOOK_COMPLETE")
    for path, found in ALL.items():
        offered = {item.value for item in shell.get_completions(list(path), "--")}
        shown = [each for each in found.params if isinstance(each, click.Option) and not each.hidden]
        assert {name for each in shown for name in each.opts if name.startswith("--")} <= offered, path
        if path:
            assert path[-1] in {item.value for item in shell.get_completions(list(path[:-1]), path[-1][:2])}


def test_a_member_is_told_what_he_may_see(staffed: CommandLine, asked: Asked) -> None:
    staffed("group", "add", "Secrets")
    assert asked("--as bob group show ") == ["customers"]
    assert asked("--as bob member disable ") == []


def test_without_a_site_nothing_is_known(asked: Asked) -> None:
    assert asked("group show ") == []
    assert asked("gro") == ["group"]
