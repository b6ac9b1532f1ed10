"""docs/privacy.md shows what happens."""

from __future__ import annotations

from tests.cli import pages
from tests.cli.conftest import CommandLine


def test_the_examples_answer_as_the_page_says(sharedbook: CommandLine) -> None:
    sharedbook("group", "add", "Customers")
    for name, email in (("Minji Kim", "minji@hanbit.example"), ("Ada Lovelace", "ada@example.com")):
        sharedbook("contact", "add", "--name", name, "--email", email, "--group", "customers")
    sharedbook("contact", "set", "1", "title=Buyer")
    pages.check(sharedbook, "privacy.md", {})
