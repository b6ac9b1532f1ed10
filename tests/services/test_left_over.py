"""What killed processes leave in the data folder: no erasure stumbles over it, and none takes what is in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharedbook.app import App
from sharedbook.domain.errors import Conflict
from sharedbook.formats.vcards import vcard
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.erasing import erasure, left_over, sealed
from sharedbook.services.upkeep import backup
from tests.support.sites import CLIENT, CONSOLE, as_console, card

MAIL = "zoltan.quixote@wyvern.example"


@pytest.fixture
def site(app: App) -> App:
    """A site with one contact."""
    with as_console(app) as tx:
        contacts.add(tx, groups.default(tx), vcard.parse(card("uid-zoltan", "Zoltan Quixote", f"EMAIL:{MAIL}")))
    return app


def test_what_killed_processes_left_goes_with_the_next_erasure(site: App) -> None:
    """A restore before it has erased again; an erasure before its commit, and one before its file was destroyed."""
    folder = site.settings.data_dir
    (folder / left_over.STAGING).mkdir()
    (folder / left_over.STAGING / backup.DATABASE).write_text(MAIL)
    sealed.write(site.site, 7, {"values": ["Lajos Living"]})
    report = erasure.erase(site.site, CONSOLE, CLIENT, [1])
    assert (report.clean, report.residue) == (True, {})
    sealed.write(site.site, 1, {"values": [MAIL]})
    assert erasure.resume(site.site) == []
    assert not (folder / left_over.STAGING).exists() and not list(folder.glob("*.pending"))


def test_a_restore_that_runs_is_left_alone(site: App, tmp_path: Path) -> None:
    backup.save(site.site, CONSOLE, CLIENT, tmp_path / "backup")
    with left_over.staging(site.settings.data_dir) as staging:
        (staging / backup.DATABASE).write_text(MAIL)
        report = erasure.erase(site.site, CONSOLE, CLIENT, [1])
        assert list(report.residue) == [f"{left_over.STAGING}/{backup.DATABASE}"]
        with pytest.raises(Conflict, match="another restore"):
            backup.restore(site.settings, CONSOLE, CLIENT, tmp_path / "backup", replace_present=True)
        assert staging.exists()
