"""What a desk phone is given to ask our directory: one block a vendor, in that vendor's own names of the settings.

Where the names come from: cisco, the administration guide of the 7800/8800 multiplatform phones; snom, the wiki page
"LDAP Directory" (service.snom.com) and public provisioning files; yealink and fanvil, public provisioning templates
(nethesis/tancredi for fanvil); grandstream, an exported GXP1620 configuration, but for P8024 (password) and P8027
(version), which that file leaves out: they are taken from the gaps in its sequence. None was tried on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

MOST_HITS = 50
NO_PASSWORD = "PASSWORD"
"""What stands where the person types in a password."""

NAMES = ("cn", "sn", "givenName")


@dataclass(frozen=True, slots=True)
class Directory:
    """Our directory as one member reaches it. ``tls``: LDAPS; else StartTLS on the clear port.

    ``password`` is "" where it is not told. ``numbers``: the attributes with what can be dialled, as far as the site
    shows them: the office's, the mobile's, perhaps more.
    """

    host: str
    port: int
    tls: bool
    base: str
    bind_dn: str
    numbers: tuple[str, ...]
    password: str = ""

    @property
    def url(self) -> str:
        """Address with scheme and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.tls else 'ldap'}://{host}:{self.port}"

    @property
    def secret(self) -> str:
        """The password, or the word that stands for it."""
        return self.password or NO_PASSWORD


def block(vendor: str, directory: Directory) -> str:
    """The settings to paste; ``vendor`` is a key of ``VENDORS``."""
    return VENDORS[vendor](directory)


def _any_of(attributes: tuple[str, ...], value: str) -> str:
    terms = "".join(f"({name}={value})" for name in attributes)
    return f"(|{terms})" if len(attributes) > 1 else terms


def _yealink(directory: Directory) -> str:
    """``%`` is what was typed; the phone adds the * for a search and leaves it out for a caller."""
    return _lines(
        " = ",
        {
            "ldap.enable": 1,
            "ldap.host": directory.host,
            "ldap.port": directory.port,
            "ldap.tls_mode": 2 if directory.tls else 1,
            "ldap.version": 3,
            "ldap.base": directory.base,
            "ldap.user": directory.bind_dn,
            "ldap.password": directory.secret,
            "ldap.name_filter": _any_of(NAMES, "%"),
            "ldap.number_filter": _any_of(directory.numbers, "%"),
            "ldap.name_attr": "cn sn",
            "ldap.numb_attr": " ".join(directory.numbers),
            "ldap.display_name": "%cn",
            "ldap.max_hits": MOST_HITS,
            "ldap.call_in_lookup": 1,
            "ldap.call_out_lookup": 1,
            "ldap.ldap_sort": 1,
        },
    )


def _snom(directory: Directory) -> str:
    """From firmware 10.1.27 on the * is written here; earlier ones add it, and knew no filter for during a call."""
    values = {
        "ldap_server": directory.host,
        "ldap_port": directory.port,
        "ldap_over_tls": "on" if directory.tls else "off",
        "ldap_base": directory.base,
        "ldap_username": directory.bind_dn,
        "ldap_password": directory.secret,
        "ldap_max_hits": MOST_HITS,
        "ldap_search_filter": _any_of(NAMES, "%*"),
        "ldap_number_filter": _any_of(directory.numbers, "%*"),
        "ldap_search_filter_during_call": _any_of(NAMES, "%*"),
        "ldap_number_filter_during_call": _any_of(directory.numbers, "%"),
        "ldap_name_attributes": "cn sn givenName",
        "ldap_number_attributes": " ".join(directory.numbers),
        "ldap_display_name": "%cn",
    }
    lines = [f'<{name} perm="">{escape(str(value))}</{name}>' for name, value in values.items()]
    return "\n".join(["<phone-settings>", *lines, "</phone-settings>"])


def _grandstream(directory: Directory) -> str:
    """LDAPS has no P-value that all models share: it is chosen on the phone's page (LDAP Protocol)."""
    values = _lines(
        "=",
        {
            "P8020": directory.host,
            "P8021": directory.port,
            "P8022": directory.base,
            "P8023": directory.bind_dn,
            "P8024": directory.secret,
            "P8025": _any_of(directory.numbers, "%"),
            "P8026": _any_of(NAMES, "%"),
            "P8027": 3,
            "P8028": "cn sn",
            "P8029": " ".join(directory.numbers),
            "P8030": "%cn",
            "P8031": MOST_HITS,
            "P8033": 1,
            "P8034": 1,
            "P8035": 1,
        },
    )
    protocol = "LDAPS" if directory.tls else "LDAP"
    return f"# LDAP Protocol, on the phone's own page (Phonebook, LDAP): {protocol}\n{values}"


def _cisco(directory: Directory) -> str:
    """Multiplatform firmware only. A search item with a label is what the phone asks for a caller's name."""
    values = {
        "LDAP_Dir_Enable": "Yes",
        "LDAP_Corp_Dir_Name": "Shared contacts",
        "LDAP_Server": directory.url,
        "LDAP_StartTLS_Enable": "No" if directory.tls else "Yes",
        "LDAP_Auth_Method": "Simple",
        "LDAP_Client_DN": directory.bind_dn,
        "LDAP_Password": directory.secret,
        "LDAP_Search_Base": directory.base,
        "LDAP_Last_Name_Filter": "sn:(sn=$VALUE*)",
        "LDAP_First_Name_Filter": "cn:(cn=$VALUE*)",
        "LDAP_Search_Item_3": "Number",
        "LDAP_Item_3_Filter": f"{directory.numbers[0]}:({directory.numbers[0]}=$VALUE*)",
        "LDAP_Search_Item_4": "Mobile",
        "LDAP_Item_4_Filter": f"{directory.numbers[1]}:({directory.numbers[1]}=$VALUE*)",
        "LDAP_Display_Attrs": f"a=cn,n=Name;a={directory.numbers[0]},n=Phone,t=p;a={directory.numbers[1]},n=Mobile,t=p",
    }
    head = (
        "<!-- For multiplatform firmware (78xx, 88xx with 3PCC). Phones of Cisco's Unified Communications Manager ask\n"
        "     no LDAP directory themselves: they read XML directories, which sharedbook does not serve. -->\n"
    )
    return head + "\n".join(f'<{name} ua="na">{escape(str(value))}</{name}>' for name, value in values.items())


def _fanvil(directory: Directory) -> str:
    """The lines of the first of its LDAP phone books; three attributes of numbers at most."""
    office, mobile, *other = directory.numbers
    values = {
        "Title": "Shared contacts",
        "Server": directory.host,
        "port": directory.port,
        "Base": directory.base,
        "Use SSL": 1 if directory.tls else 2,
        "Version": 3,
        "In Call Search": 1,
        "Out Call Search": 1,
        "Authenticate": 3,
        "Username": directory.bind_dn,
        "Password": directory.secret,
        "Tel Attr": office,
        "Mobile Attr": mobile,
        "Other Attr": other[0] if other else "",
        "Name Attr": "cn sn",
        "Sort Attr": "cn",
        "Displayname": "cn",
        "Number Filter": _any_of(directory.numbers, "%"),
        "Name Filter": _any_of(NAMES, "%"),
        "Max Hits": MOST_HITS,
    }
    return "\n".join(f"LDAP1 {name:<19}:{value}" for name, value in values.items())


def _generic(directory: Directory) -> str:
    """The words that most phones' own pages have; % stands for what was typed."""
    return _lines(
        ": ",
        {
            "Server": directory.host,
            "Port": directory.port,
            "Security": "LDAPS (TLS)" if directory.tls else "StartTLS",
            "Version": 3,
            "Base DN": directory.base,
            "User (bind DN)": directory.bind_dn,
            "Password": directory.secret,
            "Name filter": _any_of(NAMES, "%"),
            "Number filter": _any_of(directory.numbers, "%"),
            "Name attributes": " ".join(NAMES),
            "Number attributes": " ".join(directory.numbers),
            "Display name": "cn",
            "Most hits": MOST_HITS,
        },
    )


def _lines(between: str, values: Mapping[str, object]) -> str:
    return "\n".join(f"{name}{between}{value}" for name, value in values.items())


VENDORS: Mapping[str, Callable[[Directory], str]] = {
    "yealink": _yealink,
    "snom": _snom,
    "grandstream": _grandstream,
    "cisco": _cisco,
    "fanvil": _fanvil,
    "generic": _generic,
}
"""Vendor -> what makes its block."""

LDAPS_ONLY = frozenset({"snom", "grandstream"})
"""Vendors whose phones encrypt LDAPS only: to StartTLS they are as clear text."""
