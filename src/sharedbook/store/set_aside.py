"""What a dry run would have written, and finds again: in a SQLite file without a name, so that it fills no memory.

The file is unlinked as it is opened, and goes with the process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable


class SetAside:
    """Octets that are found by hashes, each on a shelf, and put there in an order."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            CREATE TABLE things (place INTEGER PRIMARY KEY, octets BLOB NOT NULL);
            CREATE TABLE hashes (hash INTEGER, shelf INTEGER, place INTEGER, PRIMARY KEY (hash, shelf, place))
                WITHOUT ROWID;
            BEGIN;
            """
        )

    def known(self, hashes: Iterable[int]) -> set[int]:
        """Those of these hashes that find anything, on any shelf."""
        found = self._database.execute(
            "SELECT hash FROM hashes WHERE hash IN (SELECT value FROM json_each(?))", (json.dumps(list(hashes)),)
        )
        return {hash_ for (hash_,) in found}

    def having(self, shelf: int, hashes: Iterable[int]) -> list[tuple[int, bytes]]:
        """Place and octets of what one of these hashes finds on a shelf, in order."""
        return self._database.execute(
            "SELECT place, octets FROM things WHERE place IN (SELECT place FROM hashes WHERE shelf = ? AND"
            " hash IN (SELECT value FROM json_each(?))) ORDER BY place",
            (shelf, json.dumps(list(hashes))),
        ).fetchall()

    def put(self, shelf: int, hashes: Collection[int], octets: bytes, place: int | None = None) -> None:
        """Puts a thing behind the others, or in a place of its own in which it stood before."""
        found = self._database.execute("INSERT OR REPLACE INTO things VALUES (?, ?)", (place, octets)).lastrowid
        keys = [(hash_, shelf, found) for hash_ in hashes]
        self._database.executemany("INSERT OR IGNORE INTO hashes VALUES (?, ?, ?)", keys)

    def close(self) -> None:
        """Forgets everything."""
        self._database.close()
