"""KDAV, the library behind KDE's address book, works with an account from discovery to deletion."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sharedbook.domain.model import Right
from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard
from tests.conformance.clients import BY_SERVE
from tests.conformance.lines import LineClient

pytestmark = [pytest.mark.needs("kdav"), BY_SERVE]

SOURCE = Path(__file__).with_name("kdav_client.cpp")
INCLUDES = [f"-I/usr/include/KF5/{name}" for name in ("KDAV", "KDAV/kdav", "KCoreAddons")]

Account = Callable[[Client], LineClient]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, compiled against the system's KDAV."""
    target = tmp_path_factory.mktemp("kdav") / "kdav_client"
    qt = ["pkg-config", "--cflags", "--libs", "Qt5Core", "Qt5Gui", "Qt5Xml"]
    flags = subprocess.run(qt, capture_output=True, text=True, check=True).stdout.split()
    command = ["g++", "-std=c++17", "-fPIC", SOURCE, "-o", target, *INCLUDES, *flags, "-lKF5DAV", "-lKF5CoreAddons"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def account(program: Path, book: Book) -> Iterator[Account]:
    """Sets up a member's account; each account's program ends with the test."""
    with ExitStack() as started:

        def start(client: Client) -> LineClient:
            command = [program, f"http://127.0.0.1:{book.site.port}/", client.login, client.password]
            no_desktop = {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "QT_QPA_PLATFORM": "offscreen"}
            return started.enter_context(LineClient(lambda folder: command, **no_desktop))

        yield start


def url(book: Book, client: Client, name: str = "") -> str:
    return f"http://127.0.0.1:{book.site.port}{book.path(client, name)}"


def test_discovery(book: Book, account: Account) -> None:
    answer = account(book.alice).ask("discover")
    [found] = answer["books"]
    assert (found["name"], found["url"]) == (book.group.name, url(book, book.alice))
    assert found["ctag"]
    wrong = Client(book.site.port, book.viewer().login, "wrong")
    assert account(wrong).ask("discover")["error"] == 401


def test_both_ways(book: Book, account: Account) -> None:
    kde, here = account(book.alice), url(book, book.alice)
    ann, bob = here + "ann.vcf", here + "bob.vcf"
    book.alice.put(book.of_alice("bob.vcf"), vcard("bob", "Bob"))
    assert list(kde.ask("list", url=here)["changed"]) == [bob]
    card = vcard("ann", "Zoé 김", "NOTE:a comma\\, and ünïcode")
    assert kde.ask("create", url=ann, data=card)["error"] == 0
    assert book.alice.get(book.of_alice("ann.vcf")).text == card
    seen = kde.ask("list", url=here)
    assert list(seen["changed"]) == [ann]
    assert kde.ask("fetch", url=here, urls=[ann, bob])["cards"] == {ann: card, bob: vcard("bob", "Bob")}

    book.alice.put(book.of_alice("bob.vcf"), vcard("bob", "Bob Edited There"))
    assert kde.ask("modify", url=ann, data=vcard("ann", "Edited"), etag=seen["items"][ann])["error"] == 0
    assert "FN:Edited" in book.alice.get(book.of_alice("ann.vcf")).text
    stale = kde.ask("modify", url=bob, data=vcard("bob", "Stale"), etag=seen["items"][bob])
    assert stale["error"] == 412
    seen = kde.ask("list", url=here)
    assert set(seen["changed"]) == {ann, bob}
    assert "FN:Bob Edited There" in kde.ask("fetch", url=here, urls=[bob])["cards"][bob]

    book.alice.request("DELETE", book.of_alice("bob.vcf"))
    gone = kde.ask("list", url=here)
    assert (list(gone["items"]), [each.rsplit("/", 1)[1] for each in gone["deleted"]]) == ([ann], ["bob.vcf"])
    assert kde.ask("delete", url=ann, etag=seen["items"][ann])["error"] == 0
    assert book.alice.get(book.of_alice("ann.vcf")).status == 404


def test_a_read_only_book(book: Book, account: Account) -> None:
    """KDAV asks for no privileges: what it may not do it learns from the answer."""
    book.alice.put(book.of_alice("ann.vcf"), vcard("ann", "Ann"))
    bob = book.viewer(Right.VIEW)
    kde, here = account(bob), url(book, bob)
    answer = kde.ask("discover")
    assert [found["url"] for found in answer["books"]] == [here], answer
    seen = kde.ask("list", url=here)["items"]
    ann = here + "ann.vcf"
    assert kde.ask("modify", url=ann, data=vcard("ann", "Mine"), etag=seen[ann])["error"] == 403
    assert kde.ask("create", url=here + "new.vcf", data=vcard("new"))["error"] == 403
    assert kde.ask("delete", url=ann, etag=seen[ann])["error"] == 403
    assert book.alice.get(book.of_alice("ann.vcf")).text == vcard("ann", "Ann")
