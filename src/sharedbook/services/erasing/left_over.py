"""What a killed process leaves in the data folder: a backup that is not erased again yet, or what a scan never was for.

Whoever ends erasures removes it first: the scan would find there what nobody can read as a contact any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sharedbook.domain.errors import Conflict
from sharedbook.services.erasing import sealed
from sharedbook.services.tx import Site
from sharedbook.store import erasures

STAGING = "restoring"
"""The folder in which a restore makes a backup ready."""


@contextmanager
def staging(data_dir: Path) -> Iterator[Path]:
    """The empty folder for one restore, which goes at the end. Raises Conflict while another one runs, OSError."""
    with _locked(data_dir) as is_ours:
        if not is_ours:
            raise Conflict("another restore is running", hint="wait for its end")
        folder = data_dir / STAGING
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove(site: Site) -> None:
    """Removes what was left. Raises Busy, Unavailable, OSError."""
    with _locked(site.settings.data_dir) as is_ours:
        if is_ours:
            shutil.rmtree(site.settings.data_dir / STAGING, ignore_errors=True)
    if _lost(site, write=False):
        _lost(site, write=True)


def _lost(site: Site, *, write: bool) -> set[int]:
    """Erasures that are not pending, but have a file for it; who writes destroys it, and sees what others began."""
    with site.database.begin(write=write) as connection:
        lost = sealed.kept(site) - {each.id for each in erasures.every(connection, pending=True)}
        for erasure_id in lost if write else ():
            sealed.destroy(site, erasure_id)
    return lost


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether this process, and no other, has the folder until the end."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
