"""The --json objects of groups, those who use them, and what they may."""

from __future__ import annotations

from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "group": {
        "slug": "name in addresses, never used again",
        "name": "name that people read",
        "description": "what it is for",
        "default": "whether contacts without another group go here",
        "contacts": "how many contacts of it the actor may see",
        "rights": "what the actor may do in it",
    },
    "member": {
        "login": "the name with which the member logs in",
        "display_name": "the member's name",
        "email": "the member's own address",
        "postmaster": "whether the member is one",
        "disabled": "whether logging in is refused",
        "merged_book": "whether the member has one address book with the contacts of all groups",
    },
    "secret": {"password": "the generated password, in addition to the other keys; shown only once"},
    "link": {
        "login": "the member",
        "url": "the address where the member sets a password, once",
        "expires": "time when it expires, if not used before",
    },
    "app_password": {
        "login": "the member",
        "label": "what it is called, such as the device's name",
        "doors": "where it may be used: carddav, ldap",
        "write": "whether it may change anything",
        "expires": "time when it expires, or null",
        "last_used": "time of the last login with it, or null",
    },
    "team": {"name": "the team's name", "members": "logins of its members"},
    "grant": {
        "group": "slug of the group",
        "subject": "a login, @team, everyone or postmasters",
        "rights": "what the subject may do in it",
    },
    "viewer": {"subject": "a login", "groups": "slugs of the groups in which the member sees the contact"},
    "hold": {
        "id": "number of the hold",
        "state": "held, released (it may delete until then), discarded (what it took was brought back)",
        "group": "slug of the group, or null when it is gone",
        "member": "login of the member",
        "client": "the program, or the app password's label",
        "taken": "how many cards it had taken when it was held back",
        "size": "how many cards the member saw in the group before",
        "at": "time when it was held back",
        "until": "end of the release, time when it was discarded, or null",
    },
    "hold_detail": {"contacts": "contacts that it took, as they are now, without those gone for good"},
}
