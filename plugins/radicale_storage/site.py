"""The open site: one for the process, as Radicale makes storage, auth and rights more than once."""

from __future__ import annotations

from functools import cache

import sharedbook.app
from sharedbook import settings
from sharedbook.app import App


@cache
def app() -> App:
    """Opens the site that the settings name. Raises InvalidSetting, NotInitialized, DatabaseNewer, DatabaseExposed."""
    return sharedbook.app.open(settings.load())
