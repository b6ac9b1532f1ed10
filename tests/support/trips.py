"""Round trips to PostgreSQL, counted where they happen: in what libpq sends and receives."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


class Trips:
    """Counts those of an engine's connections, which are opened anew."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._path = folder / "libpq"
        self._connections: list[Any] = []
        engine.dispose()
        event.listen(engine, "connect", self._connected)

    def _connected(self, driver: Any, _record: Any) -> None:
        driver.prepare_threshold = None  # to prepare a statement, once a connection, takes one more
        self._connections.append(driver.pgconn)
        self._trace(driver.pgconn)

    def _trace(self, connection: Any) -> None:
        connection.trace(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))

    def taken(self) -> list[str]:
        """What was asked since this was last called: one text for each time that an answer was waited for.

        Nobody waits for the answer to a ROLLBACK.
        """
        for connection in self._connections:
            connection.untrace()  # writes what is in memory
        text = self._path.read_text()
        self._path.unlink()
        for connection in self._connections:
            self._trace(connection)
        answered = re.split(r"^.*\tB\t\d+\tReadyForQuery\t.*\n", text, flags=re.MULTILINE)
        asked = ["".join(re.findall(r"\tF\t\d+\t((?:Query|Parse|Bind)\t.*\n)", each)) for each in answered]
        return [each for each in asked if each and "ROLLBACK" not in each]
