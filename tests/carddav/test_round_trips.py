"""How often a request waits for PostgreSQL: on a busy machine, or over a network, that costs more than the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from radicale_storage import site as opened
from tests.carddav.inside import READS, SYNC, asked, token
from tests.carddav.served import vcard
from tests.support.postgres import Cluster
from tests.support.trips import Trips

MOST = {"poll": 2, "home": 2, "nothing new": 2, "one change": 4, "first sync": 3, "multiget": 3, "GET": 3}
"""The identity with its password, the book, and what the request itself is about."""

MOST_OF_A_PUT = 11


def test_round_trips_of_a_request(postgres_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_cluster.database(schema=True) as url, asked(tmp_path / "site", monkeypatch, url) as ask:
        assert ask("PUT", "/alice/friends/a.vcf", vcard("a"))[0] == 201
        before = token(ask("REPORT", "/alice/friends/", SYNC.format(""))[1])
        trips = Trips(opened.app().site.database.engine, tmp_path)
        assert ask("PUT", "/alice/friends/b.vcf", vcard("b"))[0] == 201
        taken = trips.taken()
        assert len(taken) <= MOST_OF_A_PUT, "\n".join(f"{len(taken)} {each[:300]}" for each in taken)
        now = token(ask("REPORT", "/alice/friends/", SYNC.format(""))[1])
        trips.taken()
        for what, (method, path, body) in READS.items():
            assert ask(method, path, body.format(now if what == "nothing new" else before))[0] in (200, 207)
            assert len(taken := trips.taken()) <= MOST[what], (what, taken)
