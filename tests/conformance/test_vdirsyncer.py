"""vdirsyncer, a real client, keeps a folder of cards and an address book in step, both ways."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sharedbook.domain.model import Right
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard

CONFIGURATION = """
[general]
status_path = "{folder}/status/"

[pair contacts]
a = "here"
b = "there"
collections = [["both", "cards", "{slug}"]]
conflict_resolution = null

[storage here]
type = "filesystem"
path = "{folder}/"
fileext = ".vcf"

[storage there]
type = "carddav"
url = "http://127.0.0.1:{port}/"
username = "{login}"
password = "{password}"
"""


class Folder:
    """A folder of cards and the vdirsyncer that syncs it with one member's book."""

    def __init__(self, folder: Path, book: Book, client: Client) -> None:
        self.folder = folder
        self._plain = book.site.plain
        self.cards = folder / "cards"
        self.cards.mkdir(parents=True)
        self._configuration = folder / "config"
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=folder, slug=book.group.slug, port=client.port, login=client.login, password=client.password
            )
        )
        self.run("discover", "contacts")

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What vdirsyncer says."""
        command = [Path(sys.executable).with_name("vdirsyncer"), "--config", self._configuration, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sync(self) -> None:
        """Syncs, and a second time finds nothing to do."""
        self.run("sync", "contacts")
        again = self.run("--verbosity", "INFO", "sync", "contacts")
        assert "Copying" not in again and "Deleting" not in again, again

    def texts(self) -> set[str]:
        """The cards in the folder; those that came through stock Radicale have LF (docs/carddav-server.md)."""
        texts = {path.read_bytes().decode() for path in self.cards.glob("*.vcf")}
        return {re.sub("\r?\n", "\r\n", text) for text in texts} if self._plain else texts

    def only(self, uid: str) -> Path:
        """The file of a card."""
        [found] = [path for path in self.cards.glob("*.vcf") if f"UID:{uid}" in path.read_text().splitlines()]
        return found


@pytest.fixture
def folder(tmp_path: Path, book: Book) -> Folder:
    """A folder in step with Alice's book, which holds two cards."""
    for uid in ("ann", "bob"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title()))
    made = Folder(tmp_path / "vdir", book, book.alice)
    made.sync()
    return made


def test_what_the_server_has_comes_here(folder: Folder) -> None:
    assert folder.texts() == {vcard("ann", "Ann"), vcard("bob", "Bob")}


def test_both_ways(folder: Folder, book: Book) -> None:
    new = vcard("new", "Zoé 김", "NOTE:made here, with a comma and ünïcode")
    (folder.cards / "new.vcf").write_bytes(new.encode())
    folder.only("ann").write_bytes(vcard("ann", "Ann Edited Here").encode())
    book.alice.put(book.of_alice("bob.vcf"), vcard("bob", "Bob Edited There"))
    book.alice.put(book.of_alice("there.vcf"), vcard("there", "Made There"))
    folder.sync()
    expected = {new, vcard("ann", "Ann Edited Here"), vcard("bob", "Bob Edited There"), vcard("there", "Made There")}
    assert folder.texts() == expected
    hrefs = book.alice.sync(book.of_alice()).etags()
    assert {book.alice.get(href).text for href in hrefs} == expected


def test_deletions_both_ways(folder: Folder, book: Book) -> None:
    folder.only("ann").unlink()
    book.alice.request("DELETE", book.of_alice("bob.vcf"))
    book.alice.put(book.of_alice("kept.vcf"), vcard("kept", "Kept"))
    folder.sync()
    assert folder.texts() == {vcard("kept", "Kept")}
    assert list(book.alice.sync(book.of_alice()).etags()) == [book.of_alice("kept.vcf")]


def test_a_conflict_loses_nothing(folder: Folder, book: Book) -> None:
    folder.only("ann").write_bytes(vcard("ann", "Here").encode())
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "There"))
    assert "conflict" in folder.run("sync", "contacts", fails=True)
    assert "FN:Here" in folder.only("ann").read_text() and "FN:There" in book.alice.get(book.of_alice("ann.vcf")).text


def test_a_read_only_book_stays_as_it_is(folder: Folder, book: Book, tmp_path: Path) -> None:
    bob = book.viewer(Right.VIEW)
    reader = Folder(tmp_path / "reader", book, bob)
    reader.sync()
    assert reader.texts() == folder.texts()
    (reader.cards / "new.vcf").write_bytes(vcard("new").encode())
    reader.run("sync", "contacts", fails=True)
    assert set(book.alice.sync(book.of_alice()).etags()) == {book.of_alice("ann.vcf"), book.of_alice("bob.vcf")}
