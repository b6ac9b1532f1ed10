"""Documents signed with the site's Ed25519 key (RFC 8032), which derives from site.key: certificates, lists of backups.

Signed is the JSON text with sorted keys and without spaces, its own member signature left out. The
public key stands in the document, so that anybody can check it; only the site can say whether the key is its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sharedbook.domain.errors import Conflict, InvalidFile
from sharedbook.services.keys.secrets import Secrets

LABEL = "certificate"

Document = dict[str, Any]


def sign(secrets: Secrets, document: Mapping[str, Any]) -> Document:
    """The document with the site's public key and signature, both base64."""
    signed = {**document, "public_key": _public_key(secrets)}
    signature = _private_key(secrets).sign(_signed_bytes(signed))
    return {**signed, "signature": base64.b64encode(signature).decode()}


def text_of(document: Mapping[str, Any]) -> str:
    """As it is written into a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def verify(secrets: Secrets, data: bytes, what: str, title: str) -> Document:
    """The document in a file's bytes; ``what`` names it in errors, ``title`` is what its member document must say.

    Raises InvalidFile when it is no such document or was changed, Conflict when another site.key signed it.
    """
    try:
        document = json.loads(data, object_pairs_hook=_members)
        key, signature = (base64.b64decode(document[name], validate=True) for name in ("public_key", "signature"))
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _signed_bytes(document))
    except InvalidSignature:
        raise InvalidFile(f"{what} was changed after it was signed", hint="take the file as it was written") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidFile(f"{what} is not a document signed by sharedbook", hint="check the file's name") from error
    if document["public_key"] != _public_key(secrets):
        raise Conflict(f"{what} was signed with another site.key", hint="put that site's own site.key in place")
    if document.get("document") != title:
        raise InvalidFile(f"{what} is not a {title}", hint="check the file's name")
    return dict(document)


def _members(pairs: list[tuple[str, Any]]) -> Document:
    """An object of JSON. Raises ValueError for two members of one name: a reader might believe the other one."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("two members of one name")
    return members


def _private_key(secrets: Secrets) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secrets.key(LABEL))


def _public_key(secrets: Secrets) -> str:
    return base64.b64encode(_private_key(secrets).public_key().public_bytes_raw()).decode()


def _signed_bytes(document: Mapping[str, Any]) -> bytes:
    rest = {name: value for name, value in document.items() if name != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
