"""One CardDAV address book in a running Thunderbird, used through the objects that its own windows use.

Thunderbird writes to the server after its call has returned: a card is there when it has got a new ETag.
"""

from __future__ import annotations

from tests.conformance.thunderbird.driver import DISCOVER, Thunderbird

OPEN = """
const { CardDAVDirectory } = ChromeUtils.importESModule("resource:///modules/CardDAVDirectory.sys.mjs");
const { VCardUtils } = ChromeUtils.importESModule("resource:///modules/VCardUtils.sys.mjs");
const [file, ...given] = args;
const book = CardDAVDirectory.forFile(file);
const byUID = uid => book.childCards.find(card => card.UID == uid);
const change = (uid, edit) => {
  const card = byUID(uid);
  const properties = card.vCardProperties;
  edit(properties);
  card.setProperty("_vCard", properties.toVCard());
  book.modifyCard(card);
};
"""
ETAG = """ChromeUtils.importESModule("resource:///modules/CardDAVDirectory.sys.mjs").CardDAVDirectory
  .forFile(args[0]).childCards.find(card => card.UID == args[1])?.getProperty("_etag", "")"""


class AddressBook:
    """The one address book of an account, added to `thunderbird` and read once. `url` may be any of the server's."""

    def __init__(self, thunderbird: Thunderbird, url: str, login: str, password: str) -> None:
        self._marionette = thunderbird.marionette
        self.name, self.read_only, self._file = self._marionette.run(
            f"""{DISCOVER}
            const topic = "addrbook-directory-synced";
            const synced = new Promise(resolve => {{
              const observer = () => {{ Services.obs.removeObserver(observer, topic); resolve(); }};
              Services.obs.addObserver(observer, topic);
            }});
            const directory = books[0].create();
            await synced;
            return [directory.dirName, directory.readOnly, directory.fileName];""",
            url, login, password,
        )  # fmt: skip

    def names(self) -> dict[str, str]:
        """The display name of each UID."""
        return self._run("return Object.fromEntries(book.childCards.map(card => [card.UID, card.displayName]));")

    def sync(self) -> None:
        """What "Synchronize" in the menu does, to its end. Raises ScriptFailed if Thunderbird says that it failed."""
        self._run("await book.syncWithServer();")

    def add(self, vcard: str) -> None:
        """A new card, and its way to the server."""
        uid = self._run("return book.addCard(VCardUtils.vCardToAbCard(given[0]), false).UID;", vcard)
        self._marionette.wait_until(ETAG, self._file, uid)

    def edit(self, uid: str, name: str) -> None:
        """Another display name, without waiting for the server."""
        self._run("change(given[0], properties => { properties.getFirstEntry('fn').value = given[1]; });", uid, name)

    def edit_and_wait(self, uid: str, name: str) -> None:
        """Another display name, and its way to the server."""
        before = self._marionette.run(f"return {ETAG};", self._file, uid)
        self.edit(uid, name)
        self._marionette.wait_until(f"(found => found != args[2] && found)({ETAG})", self._file, uid, before)

    def delete(self, uid: str) -> None:
        """Deletes a card, without waiting for the server."""
        self._run("book.deleteCards([byUID(given[0])]);", uid)

    def photo(self, uid: str) -> str:
        """The URL of a card's photo, "" if it has none."""
        return str(self._run("return byUID(given[0]).photoURL;", uid))

    @property
    def token(self) -> str:
        """The sync token that it keeps."""
        return str(self._run('return book.getStringValue("carddav.token", "");'))

    @token.setter
    def token(self, token: str) -> None:
        self._run('book.setStringValue("carddav.token", given[0]);', token)

    def _run(self, body: str, *given: str) -> dict[str, str]:
        found: dict[str, str] = self._marionette.run(OPEN + body, self._file, *given)
        return found
