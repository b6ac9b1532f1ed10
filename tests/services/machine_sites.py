"""Where state machines live: a new site for each life, on either database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sharedbook import app as sharedbook_app
from sharedbook.app import App
from sharedbook.settings import Settings
from tests.support.sites import Mold


def on_sqlite(folder: Path) -> Callable[[], AbstractContextManager[App]]:
    """Makes a site for each life of a machine."""
    mold = Mold(folder)

    @contextmanager
    def make_site() -> Iterator[App]:
        site = mold.cast()
        try:
            yield site
        finally:
            site.close()
            shutil.rmtree(site.settings.data_dir)

    return make_site


def on_postgresql(cluster: Any) -> Callable[[], AbstractContextManager[App]]:
    """The same, each in a database of its own."""

    @contextmanager
    def make_site() -> Iterator[App]:
        with tempfile.TemporaryDirectory() as folder, cluster.database(schema=True) as url:
            site = sharedbook_app.init(Settings(data_dir=Path(folder), database_url=url))
            try:
                yield site
            finally:
                site.close()

    return make_site
