"""cadaver, the command-line WebDAV client on neon, sees an address book as a folder of cards and works in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from sharedbook.domain.model import Right
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard

pytestmark = pytest.mark.needs("cadaver")


def cadaver(folder: Path, book: Book, client: Client, *commands: str) -> dict[str, str]:
    """What it says to each command, one by one, in `folder`, with the book open."""
    (folder / ".netrc").write_text(f"machine 127.0.0.1\nlogin {client.login}\npassword {client.password}\n")
    url = f"http://127.0.0.1:{book.site.port}{book.path(client)}"
    done = subprocess.run(
        ["cadaver", url], input="\n".join([*commands, "quit", ""]), cwd=folder, text=True, capture_output=True,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    answers = re.split(r"^dav:\S*> (.*)\n", done.stdout, flags=re.MULTILINE)
    assert answers[1::2] == [*commands, "quit"], done.stdout
    return dict(zip(commands, answers[2::2], strict=False))


def listed(answer: str) -> dict[str, int]:
    """Name and size of each line of `ls`."""
    return {name: int(size) for name, size in re.findall(r"^ +(\S+) +(\d+)  ", answer, re.MULTILINE)}


def test_a_book_is_a_folder(book: Book, tmp_path: Path) -> None:
    ann, new = vcard("ann", "Zoé 김"), vcard("new", "New")
    book.alice.put(book.of_alice("ann.vcf"), ann)
    etag = book.alice.get(book.of_alice("ann.vcf")).headers["etag"]
    (tmp_path / "new.vcf").write_bytes(new.encode())
    said = cadaver(
        tmp_path, book, book.alice,
        "ls .", "cat ann.vcf", "set namespace DAV:", "propget ann.vcf getetag", "put new.vcf", "get new.vcf back.vcf",
        "ls ../", "ls ./", "mkcol sub", "mkcol ../other", "move new.vcf renamed.vcf", "delete ann.vcf", "ls",
    )  # fmt: skip
    assert listed(said["ls ."]) == {"ann.vcf": len(ann.encode())}
    assert said["cat ann.vcf"] == ann.replace("\r\n", "\n")
    assert etag in said["propget ann.vcf getetag"]
    assert (tmp_path / "back.vcf").read_bytes() == new.encode()
    assert listed(said["ls ./"]) == {"ann.vcf": len(ann.encode()), "new.vcf": len(new.encode())}
    assert book.group.slug in said["ls ../"]
    assert "405 Method Not Allowed" in said["mkcol sub"]
    assert "403 Forbidden" in said["mkcol ../other"]
    assert listed(said["ls"]) == {"renamed.vcf": len(new.encode())}
    assert list(book.alice.sync(book.of_alice()).etags()) == [book.of_alice("renamed.vcf")]


def test_a_read_only_book(book: Book, tmp_path: Path) -> None:
    ann = vcard("ann", "Ann")
    book.alice.put(book.of_alice("ann.vcf"), ann)
    (tmp_path / "new.vcf").write_bytes(vcard("new").encode())
    refused = ["put new.vcf", "put new.vcf ann.vcf", "delete ann.vcf", "move ann.vcf moved.vcf"]
    said = cadaver(tmp_path, book, book.viewer(Right.VIEW), *refused, "ls")
    assert [command for command in refused if "403 Forbidden" not in said[command]] == []
    assert listed(said["ls"]) == {"ann.vcf": len(ann)}
