"""GET, HEAD, PROPFIND of cards, multiget, query: the same card and ETag by every way, only what a member may see."""

from __future__ import annotations

import gzip
import re

import pytest

from radicale_storage import whole
from radicale_storage.request import Request
from radicale_storage.whole import PAGE
from sharedbook.domain.errors import LoginFailed
from sharedbook.domain.model import Right, Visibility, VisibilityKind
from sharedbook.domain.query import EVERYTHING
from sharedbook.formats.vcards.vcard import parse
from sharedbook.services.books import groups
from sharedbook.services.contacts import contacts, search
from sharedbook.services.members import grants, members
from tests.carddav.dav import CR, D
from tests.carddav.served import SERVED, Book, vcard
from tests.support.sites import as_console, as_member


@pytest.fixture
def full(book: Book) -> Book:
    """A book with three cards."""
    for uid, name, *lines in (
        ("ann", "Ann Kim", "EMAIL;TYPE=home:ann@example.org", "EMAIL;TYPE=work:kim@corp.example", "TEL:+82 2 123 4567"),
        ("bob", "Bob Ébène", "EMAIL;TYPE=work:bob@example.org", "NICKNAME:Bobby", "CATEGORIES:VIP,Client"),
        ("cho", "조용필", "NOTE:sings & plays <loud>", "ORG:가요;무대"),
    ):
        assert book.alice.put(book.of_alice(f"{uid}.vcf"), vcard(uid, name, *lines)).status == 201
    return book


def test_every_way_gives_the_same_etag(full: Book) -> None:
    path = full.of_alice("ann.vcf")
    etag = full.alice.get(path).headers["etag"]
    assert full.alice.propfind(path, f"{D}getetag").etags() == {path: etag}
    assert full.alice.propfind(full.of_alice(), f"{D}getetag", depth="1").etags()[path] == etag
    assert full.alice.sync(full.of_alice()).etags()[path] == etag
    assert full.alice.multiget(full.of_alice(), path).etags() == {path: etag}
    assert full.alice.query(full.of_alice(), "<C:filter/>").etags()[path] == etag


def test_head_and_conditional_get(full: Book) -> None:
    path = full.of_alice("ann.vcf")
    got = full.alice.get(path)
    head = full.alice.request("HEAD", path)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", got.headers["etag"])
    for known, status in ((got.headers["etag"], 304), (f'"x", {got.headers["etag"]}', 304), ('"x"', 200), ("*", 304)):
        assert full.alice.get(path, If_None_Match=known).status == status


def test_gzip_when_it_is_asked_for(full: Book) -> None:
    plain = full.alice.propfind(full.of_alice(), depth="1")
    packed = full.alice.request("PROPFIND", full.of_alice(), Depth="1", Accept_Encoding="deflate, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_a_whole_book_in_one_file(full: Book) -> None:
    reply = full.alice.get(full.of_alice())
    assert (reply.status, reply.headers["content-type"]) == (200, "text/vcard; charset=utf-8")
    assert reply.text.count("BEGIN:VCARD\r\n") == 3
    assert vcard("bob", "Bob Ébène", "EMAIL;TYPE=work:bob@example.org", "NICKNAME:Bobby", "CATEGORIES:VIP,Client") in (
        reply.text
    )


def test_a_book_of_many_pages_comes_whole(book: Book) -> None:
    with as_console(book.site.app) as tx:
        for number in range(2 * PAGE + 1):
            card = vcard(f"{number:04}-{book.group.slug}", "Ébène")
            contacts.add(
                tx, book.group, parse(card if number else card.rstrip()), owner_id=None, visibility=Visibility()
            )
    plain = book.alice.get(book.of_alice())
    packed = book.alice.get(book.of_alice(), Accept_Encoding="gzip")
    assert (plain.status, packed.headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert "BEGIN:VCARD" not in plain.text.replace("\r\nBEGIN:VCARD\r\n", "").removeprefix("BEGIN:VCARD\r\n")
    wanted = {f"UID:{number:04}-{book.group.slug}" for number in range(2 * PAGE + 1)}
    assert set(re.findall("UID:.*?(?=\r)", plain.text)) == wanted
    assert book.alice.get(book.of_alice(), If_None_Match=plain.headers["etag"]).status == 304
    head = book.alice.request("HEAD", book.of_alice())
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", plain.headers["etag"])
    assert book.site.plain or head.headers.get("content-length") != "0"


def test_an_empty_book(book: Book) -> None:
    assert book.alice.get(book.of_alice()).status == 200
    assert book.alice.sync(book.of_alice()).found() == {}
    assert list(book.alice.propfind(book.of_alice(), f"{D}getetag", depth="1").found()) == [book.of_alice()]


def test_properties_of_a_card(full: Book) -> None:
    path, card = full.of_alice("cho.vcf"), full.alice.get(full.of_alice("cho.vcf"))
    names = (f"{D}getcontentlength", f"{D}getlastmodified", f"{D}getcontenttype", f"{D}resourcetype", f"{D}displayname")
    reply = full.alice.propfind(path, *names)
    found = reply.found()[path]
    assert found[names[0]].text == str(len(card.body))
    assert found[names[1]].text == card.headers["last-modified"]
    assert (found[names[2]].text or "").startswith("text/vcard")
    assert list(found[names[3]]) == []
    assert reply.missing(path) == {names[4]}


def test_multiget(full: Book) -> None:
    host = f"http://127.0.0.1:{full.site.port}"
    there, gone = full.of_alice("ann.vcf"), full.of_alice("gone.vcf")
    foreign = ("/nobody/else/x.vcf", full.of_alice("x%00y.vcf"), "mailto:a@b")
    for version in ("", "3.0", "4.0"):
        reply = full.alice.multiget(full.of_alice(), host + there, there, gone, version=version)
        assert list(reply.cards()) == [there]
        assert reply.statuses() == {gone: 404}
    reply = full.alice.multiget(full.of_alice(), *foreign, there)
    assert list(reply.cards()) == [there]
    assert set(reply.statuses().values()) <= {404}


def test_hrefs_in_other_spellings(full: Book) -> None:
    stored = full.of_alice("%C3%A9%20%5B1%5D.vcf")
    assert full.alice.put(stored, vcard(f"spelled-{full.group.slug}")).status == 201
    for name in ("%C3%A9%20%5B1%5D.vcf", "%c3%a9%20%5b1%5d.vcf", "é%20[1].vcf", "%C3%A9 [1]%2Evcf"):
        reply = full.alice.multiget(full.of_alice(), full.of_alice(name), full.of_alice("%61nn.vcf"))
        assert set(reply.cards()) == {stored, full.of_alice("ann.vcf")}, name


@SERVED
def test_multiget_keeps_line_ends(full: Book) -> None:
    path = full.of_alice("ann.vcf")
    assert full.alice.multiget(full.of_alice(), path).cards() == {path: full.alice.get(path).text}


@SERVED
def test_multiget_names_each_strange_href(full: Book) -> None:
    strange = ["/nobody/else/x.vcf", full.of_alice(), "http://[", "mailto:a@b", full.of_alice("x%00y.vcf")]
    assert full.alice.multiget(full.of_alice(), *strange).statuses() == dict.fromkeys(strange, 404)


def test_500_hrefs_in_one_call(full: Book) -> None:
    hrefs = [full.of_alice(f"gone-{number}.vcf") for number in range(499)]
    reply = full.alice.multiget(full.of_alice(), *hrefs, full.of_alice("ann.vcf"))
    assert (len(reply.cards()), len(reply.statuses())) == (1, 499)


@SERVED
def test_allprop_in_a_report(full: Book) -> None:
    body = (
        f'<C:addressbook-multiget xmlns:D="DAV:" xmlns:C="{CR[1:-1]}"><D:allprop/>'
        f"<D:href>{full.of_alice('ann.vcf')}</D:href></C:addressbook-multiget>"
    )
    found = full.alice.report(full.of_alice(), body).found()[full.of_alice("ann.vcf")]
    assert {f"{D}getetag", f"{D}getcontenttype"} <= set(found) and f"{CR}address-data" not in found


# ---- addressbook-query


def prop_filter(name: str, inner: str, test: str = "") -> str:
    attribute = f' test="{test}"' if test else ""
    return f'<C:prop-filter name="{name}"{attribute}>{inner}</C:prop-filter>'


def text_match(text: str, **attributes: str) -> str:
    given = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<C:text-match{given}>{text}</C:text-match>"


WORK = '<C:param-filter name="TYPE">' + text_match("work") + "</C:param-filter>"
NO_TYPE = '<C:param-filter name="TYPE"><C:is-not-defined/></C:param-filter>'
QUERIES = {
    "everything": ("", "", "ann bob cho"),
    "present": ("", prop_filter("NICKNAME", ""), "bob"),
    "absent": ("", prop_filter("EMAIL", "<C:is-not-defined/>"), "cho"),
    "contains": ("", prop_filter("EMAIL", text_match("example.org")), "ann bob"),
    "equals": ("", prop_filter("email", text_match("ANN@example.org", match_type="equals")), "ann"),
    "starts": ("", prop_filter("FN", text_match("조", match_type="starts-with")), "cho"),
    "ends": ("", prop_filter("EMAIL", text_match(".example", match_type="ends-with")), "ann"),
    "casemap": ("", prop_filter("FN", text_match("ÉBÈNE", collation="i;unicode-casemap")), "bob"),
    "ascii": ("", prop_filter("FN", text_match("ÉBÈNE", collation="i;ascii-casemap")), ""),
    "octet": ("", prop_filter("FN", text_match("ann", collation="i;octet")), ""),
    "negated": ("", prop_filter("EMAIL", text_match("example.org", negate_condition="yes")), "ann"),
    "param": ("", prop_filter("EMAIL", WORK), "ann bob"),
    "no param": ("", prop_filter("TEL", NO_TYPE), "ann"),
    "all tests on one": ("", prop_filter("EMAIL", text_match("ann") + WORK, "allof"), ""),
    "any test": ("", prop_filter("EMAIL", text_match("ann") + WORK, "anyof"), "ann bob"),
    "any property": ("anyof", prop_filter("NICKNAME", "") + prop_filter("NOTE", ""), "bob cho"),
    "all properties": ("allof", prop_filter("NICKNAME", "") + prop_filter("NOTE", ""), ""),
    "escaped": ("", prop_filter("NOTE", text_match("&amp; plays &lt;")), "cho"),
    "LIKE signs": ("", prop_filter("NOTE", text_match("%")), ""),
}


@pytest.mark.parametrize("what", QUERIES)
def test_queries(full: Book, what: str) -> None:
    test, inner, expected = QUERIES[what]
    attribute = f' test="{test}"' if test else ""
    reply = full.alice.query(full.of_alice(), f"<C:filter{attribute}>{inner}</C:filter>")
    assert set(reply.cards()) == {full.of_alice(f"{uid}.vcf") for uid in expected.split()}


BAD_QUERIES = {
    "collation": (prop_filter("FN", text_match("a", collation="i;klingon")), "supported-collation"),
    "match-type": (prop_filter("FN", text_match("a", match_type="rhymes")), "supported-filter"),
    "test": (prop_filter("FN", text_match("a"), "someof"), "supported-filter"),
    "element": ("<C:comp-filter/>", "supported-filter"),
    "101 filters": (prop_filter("FN", text_match("a")) * 101, "supported-filter"),
}


@pytest.mark.parametrize("what", BAD_QUERIES)
def test_bad_queries(full: Book, what: str) -> None:
    inner, condition = BAD_QUERIES[what]
    reply = full.alice.query(full.of_alice(), f"<C:filter>{inner}</C:filter>")
    assert (reply.status, reply.conditions) == (403, [f"{CR}{condition}"])


@SERVED
def test_a_limit_is_kept_and_told(full: Book) -> None:
    reply = full.alice.query(full.of_alice(), "<C:filter/>", limit="2")
    assert (len(reply.cards()), reply.statuses()) == (2, {full.of_alice(): 507})
    assert "number-of-matches-within-limits" in reply.text
    assert full.alice.query(full.of_alice(), "<C:filter/>", limit="3").statuses() == {}
    for nonsense in ("0", "-1", "many"):
        assert full.alice.query(full.of_alice(), "<C:filter/>", limit=nonsense).status == 400


# ---- only what a member may see


def test_hidden_cards_are_nowhere(full: Book) -> None:
    bob = full.viewer(Right.VIEW)
    with as_console(full.site.app) as tx:
        group = groups.get(tx, full.group.slug)
        found = search.find(tx, search.Search(EVERYTHING, group=group.slug))
        [hidden] = [contact.id for contact in found if contact.uid == "ann"]
        contacts.set_visibility(tx, [hidden], Visibility(VisibilityKind.PRIVATE))
    path, book = full.path(bob, "ann.vcf"), full.path(bob)
    assert bob.get(path).status == 404
    assert bob.multiget(book, path).statuses() == {path: 404}
    assert path not in bob.sync(book).found()
    assert path not in bob.propfind(book, f"{D}getetag", depth="1").found()
    assert "ann@example.org" not in bob.get(book).text
    for match in (text_match("ann"), text_match("x", negate_condition="yes")):
        assert path not in bob.query(book, f"<C:filter>{prop_filter('EMAIL', match)}</C:filter>").found()
    assert bob.put(path, vcard("mine")).status == 403
    assert full.alice.get(full.of_alice("ann.vcf")).status == 200


def test_other_members_paths_look_like_unknown_ones(full: Book) -> None:
    bob = full.viewer()
    for method in ("GET", "PROPFIND", "DELETE", "PUT", "REPORT"):
        body = f'<sync-collection xmlns="{D[1:-1]}"/>' if method == "REPORT" else ""
        answers = set()
        for path in (full.of_alice("ann.vcf"), f"/nobody/{full.group.slug}/ann.vcf"):
            reply = bob.request(method, path, body)
            assert reply.status in (403, 404)
            answers.add((reply.status, reply.text.replace(full.alice.login, "nobody")))
        assert len(answers) == 1
    unknown = f"/{bob.login}/nothing/ann.vcf"
    assert [bob.request(method, unknown).status for method in ("GET", "DELETE")] == [404, 404]


def test_a_book_without_a_grant_is_not_there(full: Book) -> None:
    stranger = full.site.member("stranger")
    for path in (full.path(stranger), full.path(stranger, "ann.vcf")):
        assert stranger.get(path).status == 404
        assert stranger.propfind(path).status == 404
    assert stranger.sync(full.path(stranger)).status == 404


def test_a_card_without_a_last_line_end_is_one_of_a_whole_book(full: Book) -> None:
    assert full.alice.put(full.of_alice("aaa.vcf"), vcard("aaa", "Aaa").rstrip()).status == 201
    lines = full.alice.get(full.of_alice()).text.split("\r\n")
    assert (lines.count("BEGIN:VCARD"), lines.count("END:VCARD"), lines.count("")) == (4, 4, 1)


def test_a_whole_book_ends_where_the_right_to_see_it_ends(full: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = full.viewer(Right.VIEW)
    monkeypatch.setattr(whole, "app", lambda: full.site.app)
    monkeypatch.setattr(whole, "PAGE", 1)
    with as_member(full.site.app, bob.login) as tx:
        request, book = Request("GET", viewer=tx.viewer), groups.book(tx, full.group.slug)
    pages = whole.pages(request, book)
    assert b"BEGIN:VCARD" in next(pages)
    with as_console(full.site.app) as tx:
        grants.revoke(tx, full.group.slug, bob.login)
    assert b"".join(pages) == b""
    full.grant(bob, Right.VIEW)
    pages = whole.pages(request, book)
    assert b"BEGIN:VCARD" in next(pages)
    with as_console(full.site.app) as tx:
        members.disable(tx, bob.login)
    with pytest.raises(LoginFailed):
        next(pages)
