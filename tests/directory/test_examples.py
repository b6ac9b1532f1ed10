"""The examples of the help that need an organisation's directory, with its address, base and readers put in."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.support.examples import EVERY
from tests.support.slapd import BASE, ROOT, ROOT_PASSWORD, Slapd

pytestmark = pytest.mark.needs("slapd")

EXAMPLES = [example for _, example in EVERY if "--ldap" in example or "contact detach" in example]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(staffed: CommandLine, people: Slapd, tmp_path: Path, example: str) -> None:
    """This directory wants to know who reads it, and no system knows its authority: both are added where left out."""
    people.add("kim", mail="kim@hanbit.example", cn="Kim", displayName="Kim")
    (tmp_path / "reader.txt").write_text(ROOT_PASSWORD)
    reader = ("--ca", str(people.ca), "--base", BASE, "--bind", ROOT, "--password-file", "reader.txt")
    staffed("import", "--ldap", people.ldaps, "--group", "customers", *reader)
    real = {"ldaps://dir.example.com": people.ldaps, "dc=example,dc=com": BASE, "cn=reader": "cn=root"}
    for name, here in {**real, "corp.pem": str(people.ca)}.items():
        example = example.replace(name, here)
    said, _, command = example.rpartition(" | ")
    words = shlex.split(command)[1:]
    for option, value in (("--ca", people.ca), ("--bind", ROOT)):
        words += [option, str(value)] if "--ldap" in words and option not in words else []
    given = {"--password-stdin", "--password-file"} & set(words)
    words += ["--password-file", "reader.txt"] if "--bind" in words and not given else []
    staffed(*words, stdin=ROOT_PASSWORD if said else "")
