"""tsdav, the JavaScript client behind several web programs, works with an address book from discovery to deletion."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.carddav.served import Book, vcard

pytestmark = pytest.mark.needs("node")

PROGRAM = Path(__file__).with_name("tsdav_client.mjs")


def test_from_discovery_to_deletion(book: Book) -> None:
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann"))
    url = f"http://127.0.0.1:{book.site.port}"
    command = ["node", PROGRAM, f"{url}/", book.alice.login, book.alice.password, book.group.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    [found] = said["books"]
    assert found["displayName"] == book.group.name and found["url"] == url + book.of_alice()
    assert found["ctag"] and found["syncToken"] and "syncCollection" in found["reports"]
    [before] = said["before"]
    assert before["data"].strip() == vcard("ann", "Ann").strip()
    assert before["etag"] == book.alice.get(book.of_alice("ann.vcf")).headers["etag"]
    assert said["statuses"] == [201, 204, 412, 200]
    assert "FN:Edited" in said["edited"]
    assert said["synced"]["created"] == [url + book.of_alice("ts.vcf")]
    assert "403" in said["foreign"], "the program learns that its token is no longer good"
    assert set(said["anew"]) == {url + book.of_alice("ann.vcf"), url + book.of_alice("ts.vcf")}
    assert said["after"] == [url + book.of_alice("ann.vcf")]
