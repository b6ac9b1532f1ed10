"""A directory in Evolution Data Server: requests and answers as in lines.py. Runs under the system's Python."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import gi

for name in ("EDataServer", "EBook", "EBookContacts"):
    gi.require_version(name, "1.2")
from gi.repository import EBook, EDataServer, GLib  # noqa: E402

SECONDS, AGAIN_MILLISECONDS = 5, 500
SOURCE = """[Data Source]
DisplayName=sharedbook
Enabled=true
Parent=ldap-stub

[Authentication]
Host=127.0.0.1
Method=ldap/simple-binddn
Port={port}
User={dn}
RememberPassword=false

[LDAP Backend]
Authentication=binddn
CanBrowse=true
Filter=
Limit=100
RootDn={base}
Scope=subtree

[Security]
Method={security}

[Address Book]
BackendName=ldap

[Offline]
StaySynchronized=false
"""
FIELDS = ("nickname", "email", "full_name", "file_as")
"""What the window of a new mail asks for while an address is typed."""


class Directory:
    """One directory of the account."""

    def __init__(self, port: str, security: str, dn: str, password: str, base: str) -> None:
        folder = Path(os.environ["XDG_CONFIG_HOME"], "evolution/sources")
        folder.mkdir(parents=True)
        (folder / "directory.source").write_text(SOURCE.format(port=port, security=security, dn=dn, base=base))
        self.password = EDataServer.NamedParameters.new()
        self.password.set("username", dn)
        self.password.set("password", password)
        self.loop = GLib.MainLoop()
        registry = EDataServer.SourceRegistry.new_sync(None)
        self.source = registry.ref_source("directory")

    def open(self) -> dict[str, Any]:
        """Connects and logs in. EDS does not ask for the password of a book that it opens before it feels online."""
        ended: list[Any] = []

        def connected(_: Any, result: Any) -> None:
            ended.append(result)
            self.loop.quit()

        def log_in() -> bool:
            self.source.invoke_authenticate(self.password, None, None)
            return True

        EBook.BookClient.connect(self.source, SECONDS, None, connected)
        again = GLib.timeout_add(AGAIN_MILLISECONDS, log_in)
        self.loop.run()
        GLib.source_remove(again)
        self.book = EBook.BookClient.connect_finish(ended[0])
        return {}

    def complete(self, typed: str) -> dict[str, Any]:
        """The people who are offered, by name: their addresses and mobile numbers."""
        tests = (f'(contains "{field}" "{typed}")' for field in FIELDS)
        return self._found(f"(or {' '.join(tests)})")

    def number(self, digits: str) -> dict[str, Any]:
        """Who has a number that contains some digits."""
        return self._found(f'(contains "mobile_phone" "{digits}")')

    def _found(self, query: str) -> dict[str, Any]:
        contacts = self.book.get_contacts_sync(query, None)[1]
        names = ("full-name", "email-1", "mobile-phone")
        return {"found": sorted([each.get_property(name) for name in names] for each in contacts)}


def main() -> None:
    """Serves stdin until it ends."""
    directory = Directory(*sys.argv[1:])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(directory, request.pop("do"))(**request)
        except GLib.Error as error:
            answer = {"error": error.message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
