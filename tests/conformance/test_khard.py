"""khard, the terminal's address book, works on the folder that vdirsyncer keeps in step with the server, both ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.carddav.served import Book, vcard
from tests.conformance.clients import BY_SERVE
from tests.conformance.test_vdirsyncer import Folder

pytestmark = BY_SERVE

CONFIGURATION = """
[general]
editor = true
merge_editor = true
[addressbooks]
[[shared]]
path = {cards}
"""
ZOE = """
Formatted name: Zoé 김
First name: Zoé
Last name: 김
Email:
    work: zoe@example.com
Note: a comma, and ünïcode
"""
EDITED = """
Formatted name: Ann Edited
First name: Ann
Last name: Edited
"""


class Khard:
    """khard on a folder of cards."""

    def __init__(self, folder: Folder) -> None:
        self._configuration = folder.folder / "khard.conf"
        self._configuration.write_text(CONFIGURATION.format(cards=folder.cards))

    def run(self, *arguments: str, template: str = "") -> str:
        """What it prints; `template` is the YAML of a new or changed contact. Every question is answered yes."""
        if template:
            (path := self._configuration.with_name("template.yaml")).write_text(template)
            arguments = (*arguments, f"--input-file={path}")
        command = [Path(sys.executable).with_name("khard"), f"--config={self._configuration}", *arguments]
        done = subprocess.run(command, input="yes\n" * 5, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def names(self) -> list[str]:
        """The name of each contact, sorted."""
        return sorted(line.split("\t")[1] for line in self.run("list", "--parsable").splitlines())


@pytest.fixture
def folder(tmp_path: Path, book: Book) -> Folder:
    """A folder in step with Alice's book, which holds two cards."""
    for uid in ("ann", "bob"):
        book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, uid.title(), "X-OWN:kept"))
    made = Folder(tmp_path / "vdir", book, book.alice)
    made.sync()
    return made


def test_both_ways(folder: Folder, book: Book) -> None:
    khard = Khard(folder)
    assert khard.names() == ["Ann", "Bob"]
    khard.run("new", "--addressbook=shared", template=ZOE)
    khard.run("edit", "uid:ann", template=EDITED)
    folder.sync()
    ann = book.alice.get(book.of_alice("ann.vcf")).text
    assert "FN:Ann Edited\r\n" in ann and "X-OWN:kept\r\n" in ann
    [zoe] = set(book.alice.sync(book.of_alice()).etags()) - {book.of_alice("ann.vcf"), book.of_alice("bob.vcf")}
    made = book.alice.get(zoe).text
    assert "FN:Zoé 김\r\n" in made and "NOTE:a comma\\, and ünïcode\r\n" in made

    book.alice.put(zoe, made.replace("zoe@example.com", "zoe@example.org"))
    book.alice.request("DELETE", book.of_alice("ann.vcf"))
    khard.run("remove", "--force", "uid:bob")
    folder.sync()
    assert khard.names() == ["Zoé 김"]
    assert khard.run("email", "--parsable", "--remove-first-line").split("\t")[0] == "zoe@example.org"
    assert list(book.alice.sync(book.of_alice()).etags()) == [zoe]
