"""The --json objects of what has to do with other programs and directories."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "onboarding": {
        "login": "the member",
        "carddav": "the address to type into CardDAV programs",
        "principal": "where it leads: the member's own address",
        "books": "address books: objects of name, slug, url, rights",
        "davx5": "link that opens DAVx5 with address and login; what the QR code says",
        "domain": "the zone of the DNS records",
        "dns": "records that let programs find the server by the mail address",
        "ldap": "object of url, host, port, security (ldaps or starttls), base, bind_dn, number_attributes",
        "phone": "the settings to paste into the desk phone of --phone, or null",
        "password": "the generated app password, shown only once, or null",
    },
    "members_imported": {
        "source": "the directory, and where in it",
        "dry_run": "true when nothing was written",
        "counts": "entries by result: added, updated, unchanged, gone, disabled, error",
        "members": "all but the unchanged members: objects of login, dn, result, code, message",
    },
}
