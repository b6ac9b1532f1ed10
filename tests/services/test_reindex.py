"""What is read out of a card can always be read anew: the card is the truth, name and index rows follow."""

from __future__ import annotations

import json

from click.testing import CliRunner

from sharedbook import cli
from sharedbook.app import App
from sharedbook.domain.query import Comparison, Op, Some, Test
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, search
from tests.support.sites import as_console, card


def test_a_new_default_region_reaches_numbers_by_reindex(app: App) -> None:
    with as_console(app) as tx:
        text = card("u1", "Minjun", "TEL:010-7100-0002")
        contacts.add(tx, groups.default(tx), vcard.parse(text))
    environment = {**app.settings.as_environment(), "SHAREDBOOK_DEFAULT_REGION": "KR"}
    wanted = search.Search(query=Some("phone", (Test(Op.EQUALS, "821071000002", comparison=Comparison.PHONE),)))
    with as_console(app, write=False) as tx:
        assert search.find(tx, wanted) == []
    result = CliRunner().invoke(cli.command, ["reindex", "--json"], env=environment)
    assert json.loads(result.stdout)["count"] == 1, result.output
    with as_console(app, write=False) as tx:
        assert [contact.name for contact in search.find(tx, wanted)] == ["Minjun"]
