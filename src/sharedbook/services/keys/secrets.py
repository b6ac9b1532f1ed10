"""All secrets derive from ``site.key``: one file, one label each (HKDF, RFC 5869). Backed up apart from the data."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sharedbook.domain.errors import DatabaseExposed, NotInitialized

KEY_BYTES = 32


class Secrets:
    """Keys by label. ``master`` is the content of site.key."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self.key = lru_cache(maxsize=32)(self._derive)

    def _derive(self, label: str) -> bytes:
        """32 bytes for one purpose; the same on every node that has the same site.key."""
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"sharedbook:{label}".encode()).derive(
            self._master
        )

    def mac(self, label: str, message: bytes) -> bytes:
        """HMAC-SHA256 of a message under the label's key."""
        return hmac.digest(self.key(label), message, "sha256")

    @property
    def fingerprint(self) -> str:
        """What tells this site.key from another, 32 hexadecimal digits, from which it cannot be found."""
        return self.key("fingerprint").hex()[:32]

    @staticmethod
    def same(left: str, right: str) -> bool:
        """Whether two texts are equal, in a time that does not tell where they differ."""
        return hmac.compare_digest(left.encode(), right.encode())


def create(path: Path) -> None:
    """Makes ``site.key``, readable by its owner only, unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Secrets:
    """Reads ``site.key``. Raises NotInitialized when it is missing, DatabaseExposed when others may read it."""
    if not path.exists():
        raise NotInitialized(f"there is no key at {path}", hint="run: sharedbook init")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise DatabaseExposed(f"others may read {path}", hint=f"run: chmod 600 {path}")
    master = path.read_bytes()
    if len(master) < KEY_BYTES:
        raise NotInitialized(f"{path} is cut short", hint="restore site.key from its backup")
    return Secrets(master)
