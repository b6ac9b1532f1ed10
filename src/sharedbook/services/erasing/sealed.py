"""What the scan of a pending erasure must look for, encrypted in the data folder until the scan is done.

The values are gone from the database when a reader holds up the rewriting of the file; ``erase resume`` needs them
once more, to prove that they are gone from the files, too. They are under a key of site.key, in no readable form.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sharedbook.services.tx import Site

NONCE_BYTES = 12


def write(site: Site, erasure_id: int, content: dict[str, Any]) -> None:
    """Keeps what belongs to an erasure; it is on the disk when this returns. Raises OSError."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + _cipher(site).encrypt(nonce, json.dumps(content).encode(), None)
    path = _path(site, erasure_id)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())


def read(site: Site, erasure_id: int) -> dict[str, Any] | None:
    """What ``write`` kept; None when the file is gone, cut short, or under another site.key."""
    try:
        sealed = _path(site, erasure_id).read_bytes()
        opened = _cipher(site).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (FileNotFoundError, InvalidTag, ValueError):
        return None
    content: dict[str, Any] = json.loads(opened)
    return content


def kept(site: Site) -> set[int]:
    """Numbers of the erasures that have a file."""
    return {int(path.stem.removeprefix("erasure-")) for path in site.settings.data_dir.glob("erasure-[0-9]*.pending")}


def destroy(site: Site, erasure_id: int) -> None:
    """Removes the file, overwritten first, unless another process has. Raises OSError."""
    path = _path(site, erasure_id)
    with suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)


def _path(site: Site, erasure_id: int) -> Path:
    return site.settings.data_dir / f"erasure-{erasure_id}.pending"


def _cipher(site: Site) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(site.secrets.key("sealed"))
