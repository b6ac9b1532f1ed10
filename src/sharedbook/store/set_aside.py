"""What a dry run would have written, and finds again: in a SQLite file without a name, so that it fills no memory.

The file is unlinked as it is opened, and goes with the process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from sharedbook.domain.errors import Unavailable


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
        """Those of these hashes that find anything, on any shelf. Raises as ``put``."""
        wanted = "SELECT hash FROM hashes WHERE hash IN (SELECT value FROM json_each(?))"
        return {hash_ for (hash_,) in self._rows(wanted, (json.dumps(list(hashes)),))}

    def having(self, shelf: int, hashes: Iterable[int]) -> list[tuple[int, bytes]]:
        """Place and octets of what one of these hashes finds on a shelf, in order. Raises as ``put``."""
        wanted = (
            "SELECT place, octets FROM things WHERE place IN (SELECT place FROM hashes WHERE shelf = ?"
            " AND hash IN (SELECT value FROM json_each(?))) ORDER BY place"
        )
        return self._rows(wanted, (shelf, json.dumps(list(hashes))))

    def put(self, shelf: int, hashes: Iterable[int], octets: bytes, place: int | None = None) -> None:
        """Puts a thing behind the others, or in a place of its own in which it stood before.

        Raises Unavailable when there is no room.
        """
        [(found,)] = self._rows("INSERT OR REPLACE INTO things VALUES (?, ?) RETURNING place", (place, octets))
        for hash_ in hashes:
            self._rows("INSERT OR IGNORE INTO hashes VALUES (?, ?, ?)", (hash_, shelf, found))

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(
                f"what the dry run must remember cannot be kept: {error}",
                hint="make room where temporary files are kept (TMPDIR)",
            ) from error

    def close(self) -> None:
        """Forgets everything."""
        self._database.close()
