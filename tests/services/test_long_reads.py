"""A read of a server that holds the database for long is told of; a command line's may take its time."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest

from sharedbook.domain.model import Client
from sharedbook.services.books import groups
from sharedbook.services.tx import LONG_READ, Actor, Service
from tests.support.sites import CONSOLE, new_site


def test_a_long_read_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = new_site(tmp_path / "site")

    def read(actor: Actor, door: str, took: timedelta) -> None:
        with app.begin(actor, Client(door)) as tx:
            groups.default(tx)
            tx.now -= took

    with caplog.at_level(logging.WARNING):
        read(Service("ldap"), "ldap", LONG_READ - timedelta(seconds=2))
        read(CONSOLE, "cli", 2 * LONG_READ)
        assert not caplog.messages
        read(Service("ldap"), "ldap", 2 * LONG_READ)
    [message] = caplog.messages
    assert re.fullmatch(r"ldap read the database for 2\d s in one piece", message)
    app.close()
