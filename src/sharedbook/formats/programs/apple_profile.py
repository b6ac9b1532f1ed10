"""A configuration profile for Apple's devices: one CardDAV account, asked for its password when it is installed.

Keys: Apple, "Configuration Profile Reference", payload ``com.apple.carddav.account``.
"""

from __future__ import annotations

import plistlib
import uuid
from urllib.parse import urlsplit


def make(address: str, principal: str, login: str, name: str) -> bytes:
    """The .mobileconfig for ``address`` (a CardDAV base URL) and the path of the member's principal; ``name`` is shown.

    The identifiers follow from address and login, so that a second profile replaces the first.
    """
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    account = uuid.uuid5(uuid.NAMESPACE_URL, f"{address}#{login}")
    payload = {
        "PayloadType": "com.apple.carddav.account",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"sharedbook.{account}.carddav",
        "PayloadUUID": str(uuid.uuid5(account, "carddav")).upper(),
        "PayloadDisplayName": name,
        "CardDAVAccountDescription": name,
        "CardDAVHostName": parts.hostname or "",
        "CardDAVPort": parts.port or (443 if secure else 80),
        "CardDAVUseSSL": secure,
        "CardDAVPrincipalURL": principal,
        "CardDAVUsername": login,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"sharedbook.{account}",
        "PayloadUUID": str(account).upper(),
        "PayloadDisplayName": name,
        "PayloadDescription": f"Shared contacts of {login} at {parts.hostname}",
        "PayloadContent": [payload],
    }
    return plistlib.dumps(profile)
