"""docs/jobs.md shows what happens."""

from __future__ import annotations

from tests.cli import pages
from tests.cli.conftest import CommandLine


def test_the_examples_answer_as_the_page_says(sharedbook: CommandLine) -> None:
    sharedbook("group", "add", "Customers")
    sharedbook("group", "add", "Press")
    for name, company in (("Minji Kim", "Daily News"), ("Ada Lovelace", "Daily News"), ("Jörg Müller", "Daily News")):
        sharedbook("contact", "add", "--name", name, "--group", "customers", "--field", f"company={company}")
    sharedbook("contact", "add", "--name", "Inès Martin", "--group", "customers", "--field", "company=Acme")
    pages.check(sharedbook, "jobs.md", {"job undo 1 --yes": 3})
