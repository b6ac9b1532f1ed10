"""Who read what over CardDAV is in the audit: how many cards were given away, by member and group; no names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharedbook.services.audit import audit_log, reads
from tests.carddav.served import Book, Site, start, vcard
from tests.support.sites import as_console, new_site


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "serve"])
def test_cards_given_away_are_counted(tmp_path: Path, plain: bool) -> None:
    app = new_site(tmp_path / "site")
    server, port = start(app, tmp_path, plain=plain)
    with server:
        book = Book(Site(app, port, server, plain=plain))
        for number in range(3):
            assert book.alice.put(book.of_alice(f"{number}.vcf"), vcard(f"uid-{number}")).status == 201
        bob = book.viewer()
        assert bob.get(book.path(bob, "0.vcf")).status == 200
        assert bob.get(book.path(bob, "none.vcf")).status == 404
        hrefs = [book.path(bob, f"{number}.vcf") for number in range(2)]
        assert len(bob.multiget(book.path(bob), *hrefs, book.path(bob, "none.vcf")).cards()) == 2
        assert len(bob.sync(book.path(bob), data=True).cards()) == 3
        assert len(bob.query(book.path(bob), '<C:filter><C:prop-filter name="FN"/></C:filter>').cards()) == 3
        assert len(bob.sync(book.path(bob)).etags()) == 3, "a listing gives no card away"
        assert bob.propfind(book.path(bob), "{DAV:}getetag", depth="1").status == 207
        assert bob.request("HEAD", book.path(bob)).status == 200
        assert bob.get(book.path(bob)).text.count("BEGIN:VCARD") == 3
        group = book.group.id
    with as_console(app, write=False) as tx:
        rows = [each for each in audit_log.entries(tx, member=bob.login) if each.action == reads.ACTION]
        assert sum(count for each in rows for _, where, count in each.ids["carddav"] if where == group) == 12
        assert not [each for each in audit_log.entries(tx, member=book.alice.login) if each.action == reads.ACTION]
        assert audit_log.verify(tx).broken is None
    app.close()
