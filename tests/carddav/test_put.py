"""What a client PUTs comes back byte for byte, or is refused with a reason and changes nothing."""

from __future__ import annotations

import base64
import struct
import threading
from collections.abc import Callable
from urllib.parse import quote

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts
from sharedbook.services.members import members
from tests.carddav.dav import CR, Client, D, Reply
from tests.carddav.served import Book, vcard
from tests.support.sites import as_console

PHOTO = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def test_bytes_come_back(book: Book) -> None:
    card = vcard(
        "bytes",
        "Zoé O'Neill",
        "URL:https://example.org/a,b",
        "item1.EMAIL;TYPE=home:z@example.org",
        "item1.X-ABLabel:Büro",
        f"PHOTO:{PHOTO}",
        "NOTE:folded li",
        " ne; with\\, all\\; of it & <tags>",
        'X-CUSTOM;X-P="a,b":kept',
        version="4.0",
    )
    reply = book.alice.put(book.of_alice("bytes.vcf"), card)
    assert reply.status == 201
    got = book.alice.get(book.of_alice("bytes.vcf"))
    assert got.body == card.encode()
    assert reply.headers["etag"] == got.headers["etag"]
    assert got.headers["content-type"] == "text/vcard; charset=utf-8"
    assert int(got.headers["content-length"]) == len(card.encode())


def test_a_repaired_card_gets_no_etag(book: Book) -> None:
    card = vcard("repaired").replace("\r\n", "\n")
    reply = book.alice.put(book.of_alice("repaired.vcf"), "\ufeff" + card)
    assert (reply.status, reply.headers.get("etag")) == (201, None)
    assert book.alice.get(book.of_alice("repaired.vcf")).text == card.replace("\n", "\r\n")


def test_latin_1_is_taken_as_it_is_declared(book: Book) -> None:
    card = vcard("latin", "Zoé")
    declared = "text/vcard; charset=ISO-8859-1"
    reply = book.alice.put(book.of_alice("l.vcf"), card.encode("latin-1"), Content_Type=declared)
    assert reply.status == 201
    assert book.alice.get(book.of_alice("l.vcf")).text == card


def test_the_same_bytes_change_nothing(book: Book) -> None:
    first = book.alice.put(book.of_alice("same.vcf"), vcard("same"))
    token = book.alice.sync(book.of_alice()).token()
    again = book.alice.put(book.of_alice("same.vcf"), vcard("same"))
    assert (again.status, again.headers["etag"]) == (204, first.headers["etag"])
    assert book.alice.sync(book.of_alice(), token).token() == token


def test_an_edit_and_its_conditions(book: Book) -> None:
    path = book.of_alice("edit.vcf")
    first = book.alice.put(path, vcard("edit", "One"), If_None_Match="*").headers["etag"]
    assert book.alice.put(path, vcard("edit", "Two"), If_None_Match="*").status == 412
    second = book.alice.put(path, vcard("edit", "Two"), If_Match=first)
    assert (second.status, second.headers["etag"] != first) == (204, True)
    assert book.alice.put(path, vcard("edit", "Stale"), If_Match=first).status == 412
    assert book.alice.put(path, vcard("edit", "Three"), If_Match=f'"x", {second.headers["etag"]}').status == 204
    third = book.alice.put(path, vcard("edit", "Four"), If_Match="*")
    assert third.status == 204
    for refused in (f'"x", {third.headers["etag"]}', f"W/{third.headers['etag']}"):
        assert book.alice.put(path, vcard("edit", "Over it"), If_None_Match=refused).status == 412
        assert book.alice.request("DELETE", path, If_None_Match=refused).status == 412
    assert book.alice.put(path, vcard("edit", "Four and a half"), If_None_Match=first).status == 204
    assert book.alice.put(path, vcard("edit", "Five")).status == 204
    assert "FN:Five" in book.alice.get(path).text


def test_weak_tags_are_taken(book: Book) -> None:
    path = book.of_alice("weak.vcf")
    etag = book.alice.put(path, vcard("weak", "One")).headers["etag"]
    assert book.alice.get(path, If_None_Match=f"W/{etag}").status == 304
    changed = book.alice.put(path, vcard("weak", "Two"), If_Match=f'W/"stale", W/{etag}')
    assert changed.status == 204
    assert book.alice.put(path, vcard("weak", "Three"), If_Match=f"W/{etag}").status == 412
    assert book.alice.request("DELETE", path, If_Match=f"W/{changed.headers['etag']}").status == 200


def test_if_match_where_nothing_is(book: Book) -> None:
    for tag in ('"x"', "*"):
        assert book.alice.put(book.of_alice("new.vcf"), vcard("new"), If_Match=tag).status == 412
    assert book.alice.get(book.of_alice("new.vcf")).status == 404


def test_a_uid_lives_once_in_a_book(book: Book) -> None:
    assert book.alice.put(book.of_alice("a.vcf"), vcard("twice")).status == 201
    reply = book.alice.put(book.of_alice("b.vcf"), vcard("twice"))
    assert reply.status == 409
    assert reply.xml.findtext(f"{CR}no-uid-conflict/{D}href") == book.of_alice("a.vcf")
    other = book.alice.put(book.of_alice("a.vcf"), vcard("another"))
    assert (other.status, other.conditions) == (409, [f"{CR}no-uid-conflict"])


def test_a_card_without_fn_is_kept(book: Book) -> None:
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:nofn\r\nN:Only;;;;\r\nEND:VCARD\r\n"
    assert book.alice.put(book.of_alice("nofn.vcf"), card).status == 201
    assert book.alice.get(book.of_alice("nofn.vcf")).text == card


def test_apple_and_vcard4_groups_survive(book: Book) -> None:
    apple = vcard("apple-group", "Team", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:a")
    four = vcard("four-group", "Team", "KIND:group", "MEMBER:urn:uuid:b", version="4.0")
    for name, card in (("apple.vcf", apple), ("four.vcf", four)):
        assert book.alice.put(book.of_alice(name), card).status == 201
        assert book.alice.get(book.of_alice(name)).text == card


@pytest.mark.parametrize("name", ["a b.vcf", "ü-😀.vcf", "at@home.vcf", "plus+x.vcf", "100%25.vcf", "~a!$&()=.vcf"])
def test_names_are_kept(book: Book, name: str) -> None:
    href = book.of_alice(quote(name.replace("%25", "%"), safe=""))
    assert book.alice.put(href, vcard(f"name-{name}")).status == 201
    listed = book.alice.propfind(book.of_alice(), f"{D}getetag", depth="1").etags()
    [path] = [each for each in listed if each != book.of_alice()]
    assert list(book.alice.multiget(book.of_alice(), path).cards()) == [path]
    assert path in book.alice.sync(book.of_alice()).found()
    assert book.alice.get(path).status == 200


# ---- refused, and nothing is stored


def lines(*more: str) -> str:
    return vcard("bad", "Bad Card", *more)


REFUSED: dict[str, tuple[bytes | str, str, str]] = {
    "no colon": (lines("THIS IS NO PROPERTY"), "valid-address-data", "6"),
    "U+FFFE": (lines("NOTE:a\ufffeb"), "valid-address-data", "6"),
    "control": (lines("NOTE:a\x0bb"), "valid-address-data", "6"),
    "NUL": (lines("NOTE:a\x00b"), "valid-address-data", "6"),
    "surrogate": (lines("NOTE:a@b").encode().replace(b"@", b"\xed\xa0\x80"), "valid-address-data", "6"),
    "invalid UTF-8": (lines("NOTE:a@b").encode().replace(b"@", b"\xff"), "valid-address-data", "6"),
    "no UID": (vcard("x").replace("UID:x\r\n", ""), "valid-address-data", "UID"),
    "empty UID": (vcard(""), "valid-address-data", "UID"),
    "two cards": (vcard("bad") + vcard("worse"), "valid-address-data", "two cards"),
    "calendar": ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "supported-address-data", "VCALENDAR"),
    "version 2.1": (vcard("bad", version="2.1"), "supported-address-data", "2.1"),
    "nested": (lines("BEGIN:VCARD", "END:VCARD"), "valid-address-data", "6"),
    "501 properties": (lines(*(f"X-{number}:x" for number in range(501))), "valid-address-data", "500"),
    "101 mails": (lines(*(f"EMAIL:a{number}@b.cc" for number in range(101))), "valid-address-data", "EMAIL"),
    "empty": ("", "valid-address-data", "empty"),
    "no card": ("hello", "valid-address-data", "1"),
    "no end": (vcard("bad").replace("END:VCARD\r\n", ""), "valid-address-data", "END"),
    "a fold at its start": (" " + vcard("bad"), "valid-address-data", "1"),
    "SVG": (lines("PHOTO:data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="), "valid-address-data", "6"),
    "HTML": (lines("PHOTO;ENCODING=b:PGh0bWw+PC9odG1sPg=="), "valid-address-data", "6"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_cards(book: Book, what: str) -> None:
    card, condition, said = REFUSED[what]
    before = book.alice.put(book.of_alice("bad.vcf"), vcard("bad"))
    for name in ("bad.vcf", "fresh.vcf"):
        reply = book.alice.put(book.of_alice(name), card)
        assert (reply.status, reply.conditions) == (403, [f"{CR}{condition}"]), reply.text
        assert said in reply.line
        assert "Traceback" not in reply.text
    assert book.alice.sync(book.of_alice()).etags() == {book.of_alice("bad.vcf"): before.headers["etag"]}
    assert book.alice.get(book.of_alice("bad.vcf")).text == vcard("bad")


def test_a_photo_over_the_limit(book: Book) -> None:
    size = book.site.app.settings.limits_photo_bytes
    photo = "R0lGODlhAQABAIAAAAAAAP///yH5" + "A" * (4 * (size // 3 + 4))
    folded = "\r\n ".join(photo[at : at + 70] for at in range(0, len(photo), 70))
    reply = book.alice.put(book.of_alice("big.vcf"), vcard("big", "Big", f"PHOTO;ENCODING=b;TYPE=gif:{folded}"))
    assert (reply.status, reply.conditions) == (403, [f"{CR}max-resource-size"])
    assert book.alice.get(book.of_alice("big.vcf")).status == 404


def test_a_photo_of_too_many_pixels(book: Book) -> None:
    header = b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + b"\x80\x00\x00" + bytes(6) + b"\x3b"
    photo = base64.b64encode(header).decode()
    reply = book.alice.put(book.of_alice("huge.vcf"), vcard("huge", "Huge", f"PHOTO;ENCODING=b;TYPE=gif:{photo}"))
    assert (reply.status, reply.conditions) == (403, [f"{CR}valid-address-data"])
    assert "pixel" in reply.line


# ---- members beside each other


def test_two_members_editing_at_once_lose_nothing(book: Book) -> None:
    bob, path = book.viewer(ALL_RIGHTS), "both.vcf"
    assert book.alice.put(book.of_alice(path), vcard("both", "Start", "NOTE:0")).status == 201
    done: list[str] = []

    def edit(client: Client, name: str) -> None:
        for number in range(15):
            line = f"X-{name}:{number}"
            while True:
                now = client.get(book.path(client, path))
                card = now.text.replace("END:VCARD", f"{line}\r\nEND:VCARD")
                reply = client.put(book.path(client, path), card, If_Match=now.headers["etag"])
                assert reply.status in (204, 412)
                if reply.status == 204:
                    done.append(line)
                    break

    together(lambda: edit(book.alice, "A"), lambda: edit(bob, "B"))
    text = book.alice.get(book.of_alice(path)).text
    assert len(done) == 30 and all(f"\r\n{line}\r\n" in text for line in done)


def test_one_of_two_creations_wins(book: Book) -> None:
    bob = book.viewer(ALL_RIGHTS)
    replies: list[Reply] = []

    def create(client: Client) -> None:
        replies.append(client.put(book.path(client, "race.vcf"), vcard("race", client.login), If_None_Match="*"))

    together(lambda: create(book.alice), lambda: create(bob))
    assert sorted(reply.status for reply in replies) == [201, 412]


def together(*calls: Callable[[], None]) -> None:
    """Runs these beside each other; raises what one of them raised."""
    failed: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_history_names_member_and_program(book: Book) -> None:
    book.alice.agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0"
    book.alice.put(book.of_alice("history.vcf"), vcard("history-uid"))
    with as_console(book.site.app, write=False) as tx:
        contact = contacts.resolve(tx, "history-uid")
        [added] = contacts.history(tx, contact.id)
        assert (added.actor, added.client) == (book.alice.login, "carddav Thunderbird/128.0 test")
        assert groups.get(tx, book.group.slug).id in contact.groups
        assert contact.owner_id == members.get(tx, book.alice.login).id


def test_rights_are_asked_at_each_write(book: Book) -> None:
    adder, editor = book.viewer(Right.VIEW | Right.ADD), book.viewer(Right.VIEW | Right.EDIT)
    assert adder.put(book.path(adder, "own.vcf"), vcard("own")).status == 201
    book.alice.put(book.of_alice("hers.vcf"), vcard("hers"))
    for client, name, status in ((adder, "hers.vcf", 403), (editor, "hers.vcf", 204), (editor, "new.vcf", 403)):
        reply = client.put(book.path(client, name), vcard(name.removesuffix(".vcf"), "Changed"))
        assert reply.status == status, (client.login, name, reply.text)
        if status == 403:
            assert reply.conditions == [f"{D}need-privileges"]


@pytest.mark.parametrize(
    "name", ["urn:uuid:1.vcf", "it's.vcf", 'a"b.vcf', "a*b?.vcf", "a,b.vcf", "👩\u200d👧.vcf", "a\nb.vcf"]
)
def test_names_that_stock_radicale_refuses(book: Book, name: str) -> None:
    path = book.of_alice(quote(name, safe=""))
    assert book.alice.put(path, vcard("odd")).status == 201
    assert list(book.alice.sync(book.of_alice()).etags()) == [path]
    assert list(book.alice.multiget(book.of_alice(), path).cards()) == [path]


def test_a_card_that_says_it_is_not_packed(book: Book) -> None:
    assert book.alice.put(book.of_alice("plain.vcf"), vcard("plain"), Content_Encoding="Identity").status == 201


@pytest.mark.parametrize("kind", ["", "Text/X-vCard", "text/directory;profile=vCard", "application/octet-stream"])
def test_what_programs_call_a_card(book: Book, kind: str) -> None:
    assert book.alice.put(book.of_alice("called.vcf"), vcard("called"), Content_Type=kind).status == 201
