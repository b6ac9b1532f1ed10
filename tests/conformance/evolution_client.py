"""An account in Evolution Data Server: requests and answers as in lines.py. Runs under the system's Python.

Every write of the address book is EDS's own; what it holds is read from its view, as Evolution's window reads it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import gi

for name in ("EDataServer", "EBook", "EBookContacts"):
    gi.require_version(name, "1.2")
from gi.repository import EBook, EBookContacts, EDataServer, GLib, GObject  # noqa: E402

SECONDS = 30
AGAIN_MILLISECONDS = 500
SOURCE = """[Data Source]
DisplayName=sharedbook
Enabled=true
Parent=carddav-stub

[Authentication]
Host=127.0.0.1
Method=plain/password
Port={port}
User={login}
RememberPassword=false

[Security]
Method=none

[WebDAV Backend]
ResourcePath={path}

[Address Book]
BackendName=carddav

[Offline]
StaySynchronized=true

[Refresh]
Enabled=false
"""


class Account:
    """One address book of the account; `cards` is the name of each UID in its view."""

    def __init__(self, port: str, login: str, password: str, path: str) -> None:
        folder = Path(os.environ["XDG_CONFIG_HOME"], "evolution/sources")
        folder.mkdir(parents=True)
        (folder / "book.source").write_text(SOURCE.format(port=port, login=login, path=path))
        self.url = f"http://127.0.0.1:{port}/"
        self.password = EDataServer.NamedParameters.new()
        self.password.set("username", login)
        self.password.set("password", password)
        self.loop = GLib.MainLoop()
        self.registry = EDataServer.SourceRegistry.new_sync(None)
        self.source = self.registry.ref_source("book")
        self.source.connect("credentials-required", self._authenticate)
        self.cards: dict[str, str] = {}

    def _authenticate(self, source: Any, *_: Any) -> None:
        source.invoke_authenticate(self.password, None, None)

    def _wait(self) -> None:
        limit = GLib.timeout_add_seconds(SECONDS, self.loop.quit)
        self.loop.run()
        GLib.source_remove(limit)

    def discover(self) -> dict[str, Any]:
        """Names and addresses of the address books."""
        contacts = EDataServer.WebDAVDiscoverSupports.CONTACTS
        found = EDataServer.webdav_discover_sources_sync(self.source, self.url, contacts, self.password, None)
        return {"books": {each.display_name: each.href for each in found.out_discovered_sources}}

    def open(self) -> dict[str, Any]:
        """Connects, and opens a view of all cards."""

        def connected(_: Any, result: Any) -> None:
            self.book = EBook.BookClient.connect_finish(result)
            self.loop.quit()

        EBook.BookClient.connect(self.source, SECONDS, None, connected)
        self._wait()
        self.view = self.book.get_view_sync('(contains "x-evolution-any-field" "")', None)[1]
        GObject.Object.connect(self.book, "notify::readonly", lambda *_: self.loop.quit())
        self.view.connect("objects-added", self._seen)
        self.view.connect("objects-modified", self._seen)
        self.view.connect("objects-removed", self._gone)
        self.view.start()
        return {}

    def _seen(self, _: Any, contacts: list[Any]) -> None:
        self.cards |= {each.get_property("id"): each.get_property("full-name") for each in contacts}
        self.loop.quit()

    def _gone(self, _: Any, uids: list[str]) -> None:
        for uid in uids:
            self.cards.pop(uid, None)
        self.loop.quit()

    def refresh(self, until: dict[str, Any]) -> dict[str, Any]:
        """Refreshes until the book is as `until`; EDS ignores a refresh during another, so it is asked again."""

        def ask() -> bool:
            self.book.refresh_sync(None)
            return True

        ask()
        again = GLib.timeout_add(AGAIN_MILLISECONDS, ask)
        end = GLib.get_monotonic_time() + SECONDS * 1_000_000
        while self._state() != until and GLib.get_monotonic_time() < end:
            self._wait()
        GLib.source_remove(again)
        return self._state()

    def _state(self) -> dict[str, Any]:
        return {"cards": self.cards, "read_only": self.book.is_readonly()}

    def card(self, uid: str) -> dict[str, Any]:
        """The text that EDS keeps."""
        contact = self.book.get_contact_sync(uid, None)[1]
        version_3 = EBookContacts.VCardFormat(1)  # its name in C, E_VCARD_FORMAT_VCARD_30, is no name in Python
        return {"text": contact.to_string(version_3)}

    def add(self, card: str) -> dict[str, Any]:
        """A new card; its UID."""
        contact = EBookContacts.Contact.new_from_vcard(card)
        return {"uid": self.book.add_contact_sync(contact, 0, None)[1]}

    def rename(self, uid: str, name: str) -> dict[str, Any]:
        """Another name for a card."""
        contact = self.book.get_contact_sync(uid, None)[1]
        contact.set_property("full-name", name)
        self.book.modify_contact_sync(contact, 0, None)
        return {}

    def delete(self, uid: str) -> dict[str, Any]:
        """Deletes a card."""
        self.book.remove_contact_by_uid_sync(uid, 0, None)
        return {}


def main() -> None:
    """Serves stdin until it ends."""
    account = Account(*sys.argv[1:])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(account, request.pop("do"))(**request)
        except GLib.Error as error:
            answer = {"error": error.message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
