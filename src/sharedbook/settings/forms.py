"""What a well-formed setting must look like, so that a slip shows at the start and not at the first use.

Each check takes the value as it was read, never an empty one, and raises ValueError; its text continues a sentence that
begins with the value.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from sharedbook.settings.values import Address

_REGIONS = """
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE
GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH
SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG
VI VN VU WF WS XK YE YT ZA ZM ZW
"""
REGIONS = frozenset(_REGIONS.split())
"""The countries whose phone numbers can be read (ISO 3166); the tests compare them with the library that reads them."""


def region(value: str) -> None:
    """A country."""
    if value not in REGIONS:
        raise ValueError("is not a country of two capital letters, such as KR or GB")


def networks(value: tuple[str, ...]) -> None:
    """Addresses or networks."""
    for each in value:
        try:
            ipaddress.ip_network(each, strict=False)
        except ValueError:
            raise ValueError("names what is not an address or network, such as 127.0.0.1 or 10.0.0.0/8") from None


def database(value: str) -> None:
    """A database that we know; it may hold a password, so it is never shown."""
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("begins neither with sqlite:/// nor with postgresql+psycopg://")


def dn(value: str) -> None:
    """A distinguished name (RFC 4514), as far as its first part tells."""
    if not re.match(r"\s*[A-Za-z0-9][A-Za-z0-9.-]*\s*=", value):
        raise ValueError("is not a DN, such as ou=contacts,dc=example,dc=com")


def web_url(value: str) -> None:
    """Where members find CardDAV."""
    _public(value, ("https", "http"))


def directory_url(value: str) -> None:
    """Where an LDAP directory is."""
    _public(value, ("ldaps", "ldap"))


def _public(value: str, schemes: tuple[str, ...]) -> None:
    found = urlsplit(value)
    if found.scheme not in schemes or not found.hostname or found.username is not None or found.query:
        raise ValueError(f"is not an address such as {schemes[0]}://contacts.example.com")


def webhook(value: str) -> None:
    """Where notices may go: what they say is for no one on the way."""
    found = urlsplit(value)
    if not found.hostname or found.scheme not in ("https", "http"):
        raise ValueError("is not an address such as https://hooks.example.com/sharedbook")
    if found.scheme == "http" and not Address(found.hostname, 0).loopback:
        raise ValueError("is http, which is for this machine only; write https")


def mail_address(value: str) -> None:
    """A mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError("is not a mail address")


def with_login(value: str) -> None:
    """A pattern with a place for the login."""
    if "{login}" not in value:
        raise ValueError("has no {login} in it")
