"""Broken or hostile HTTP and XML: a clear answer, nothing stored, and the next client is served."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.carddav.dav import CR, Client, D, raw, raw_status
from tests.carddav.served import SERVED, Book, vcard


@pytest.fixture(autouse=True)
def alive_and_unchanged(book: Book) -> Iterator[None]:
    """After each test the book holds what it held, and is served."""
    assert book.alice.put(book.of_alice("kept.vcf"), vcard("kept")).status == 201
    before = book.alice.sync(book.of_alice()).etags()
    yield
    assert book.alice.sync(book.of_alice()).etags() == before
    assert book.alice.get(book.of_alice("kept.vcf")).text == vcard("kept")


def login(book: Book) -> bytes:
    text = base64.b64encode(f"{book.alice.login}:{book.alice.password}".encode())
    return b"Authorization: Basic " + text + b"\r\n"


def put(book: Book, *headers: bytes, body: bytes = b"", end: bool = False) -> int:
    """Status of a raw PUT with these header lines."""
    head = b"PUT " + book.of_alice("raw.vcf").encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + login(book)
    lines = b"".join(line + b"\r\n" for line in headers)
    return raw_status(raw(book.site.port, head + b"Connection: close\r\n" + lines + b"\r\n" + body, end=end))


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1e3", b"+5", b"0x5", b"5, 7", b""])
def test_lengths_that_are_none(book: Book, length: bytes) -> None:
    if length == b"":
        # an empty value is no length: an empty card
        assert put(book, b"Content-Length: ") in (400, 403)
        return
    assert put(book, b"Content-Length: " + length) == 400


def test_two_lengths(book: Book) -> None:
    assert put(book, b"Content-Length: 5", b"Content-Length: 7", body=b"helloxx") == 400


def test_a_length_and_chunks(book: Book) -> None:
    status = put(book, b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    # granian reads the chunks and closes the connection (RFC 9112 section 6.1); then "hello" is no card
    assert status == (400 if book.site.plain else 403)


def test_chunks_alone(book: Book) -> None:
    status = put(book, b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    assert status == (411 if book.site.plain else 403)


@SERVED
def test_a_card_in_chunks_is_stored(book: Book) -> None:
    card = vcard("chunked").encode()
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (card[:9], card[9:])) + b"0\r\n\r\n"
    assert put(book, b"Transfer-Encoding: chunked", body=body) == 201
    assert book.alice.get(book.of_alice("raw.vcf")).body == card
    book.alice.request("DELETE", book.of_alice("raw.vcf"))


def test_a_body_over_the_limit(book: Book) -> None:
    # refused by its length: the body is never sent
    size = book.site.app.settings.limits_card_bytes + 2 * 1024 * 1024
    assert put(book, b"Content-Length: %d" % size) == 413


def test_a_body_that_is_cut_off(book: Book) -> None:
    assert put(book, b"Content-Length: 500", body=vcard("cut").encode(), end=True) in (0, 400, 408)


def test_headers_too_large_and_too_many(book: Book) -> None:
    assert put(book, b"X-Large: " + b"x" * 70_000, b"Content-Length: 0") == 431
    assert put(book, *(b"X-%d: x" % number for number in range(201)), b"Content-Length: 0") == 431


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!!",
        "Basic",
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Basic " + base64.b64encode(b"a\x00b:password").decode(),
        "Basic " + base64.b64encode(b"a\r\nb:password").decode(),
        "Basic " + base64.b64encode(b"alice:").decode(),
        "Basic " + base64.b64encode(b":password").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + "QQ" * 100,
        "Bearer token",
        "Digest username=alice",
    ],
)
def test_credentials_that_are_none(book: Book, header: str) -> None:
    for method in ("GET", "PUT", "PROPFIND"):
        reply = Client(book.site.port).request(method, book.of_alice("kept.vcf"), Authorization=header)
        assert (reply.status, "www-authenticate" in reply.headers) == (401, True)


def test_the_scheme_in_any_case(book: Book) -> None:
    header = login(book).decode().split(" ", 1)[1].strip().replace("Basic", "bAsIc")
    assert Client(book.site.port).request("GET", book.of_alice("kept.vcf"), Authorization=header).status == 200


@pytest.mark.parametrize("charset", ["utf-7", "klingon", "utf-16", "x" * 100, "base64"])
def test_charsets(book: Book, charset: str) -> None:
    kind = f"text/vcard; charset={charset}"
    assert book.alice.put(book.of_alice("raw.vcf"), vcard("raw"), Content_Type=kind).status == 415
    kind = f"application/xml; charset={charset}"
    reply = book.alice.request("PROPFIND", book.of_alice(), '<propfind xmlns="DAV:"/>', Content_Type=kind)
    assert reply.status == 415


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Content_Range", "bytes 0-9/100", 400), ("Content_Encoding", "gzip", 415)],
)
def test_a_card_in_parts_or_packed(book: Book, header: str, value: str, status: int) -> None:
    assert book.alice.put(book.of_alice("raw.vcf"), vcard("raw"), **{header: value}).status == status


@pytest.mark.parametrize(
    "name",
    [
        "a%00b",
        "a%0d%0ab",
        "a%2Fb.vcf",
        "a%2fb%2fc.vcf",
        "%2e%2e/x",
        "../x.vcf",
        "x" * 256,
        "%C3%A4" * 128,
        "a%7Fb",
        "%EF%BF%BE",
    ],
)
def test_names_that_no_card_can_have(book: Book, name: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PROPFIND"):
        body = vcard("raw") if method == "PUT" else ""
        assert book.alice.request(method, book.of_alice(name), body).status == 400, method


def test_identity_headers_are_not_believed(book: Book) -> None:
    for header in ("X-Remote-User", "X-Forwarded-User", "Remote-User"):
        reply = Client(book.site.port).request("GET", book.of_alice("kept.vcf"), **{header: book.alice.login})
        assert reply.status == 401
    reply = book.alice.propfind("/", f"{D}current-user-principal")
    same = book.alice.request(
        "PROPFIND",
        "/",
        '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>',
        X_Script_Name="/evil",
        X_Forwarded_Host="evil.example",
    )
    assert same.body == reply.body


# ---- XML

SYNC = '<sync-collection xmlns="DAV:"><sync-token/><prop><getetag/></prop></sync-collection>'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    '<propfind xmlns="DAV:"><prop><displayname>&c;</displayname></prop></propfind>'
)
BAD_XML = {
    "DTD": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">' + SYNC,
    "entities": LAUGHS,
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:">&e;</propfind>',
    "depth 33": '<propfind xmlns="DAV:">' + "<a>" * 32 + "</a>" * 32 + "</propfind>",
    "NUL": SYNC.replace("getetag", "get\x00etag"),
    "10,001 elements": f'<propfind xmlns="DAV:"><prop>{"<a/>" * 10_000}</prop></propfind>',
    "not closed": SYNC[:-5],
    "text": "hello",
    "undeclared prefix": "<D:propfind><D:prop/></D:propfind>",
    "two roots": SYNC + SYNC,
}


@pytest.mark.parametrize("what", BAD_XML)
@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "PROPPATCH"])
def test_bad_xml(book: Book, method: str, what: str) -> None:
    reply = book.alice.request(method, book.of_alice(), BAD_XML[what], Content_Type="application/xml")
    assert reply.status == 400
    assert "XML" in reply.text and "Traceback" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        '<propfind xmlns="DAV:"/>',
        '<x xmlns="DAV:"><prop/></x>',
        "<propfind><prop/></propfind>",
        '<propfind xmlns="DAV:"><expired/></propfind>',
        '<propfind xmlns="DAV:"><allprop/><propname/></propfind>',
        '<propfind xmlns="DAV:"><prop/><prop/></propfind>',
    ],
)
def test_a_propfind_asks_one_thing(book: Book, body: str) -> None:
    assert book.alice.request("PROPFIND", book.of_alice(), body).status == 400


def test_depth_infinity(book: Book) -> None:
    for path in ("/", f"/{book.alice.login}/", book.of_alice()):
        reply = book.alice.propfind(path, f"{D}displayname", depth="infinity")
        assert (reply.status, reply.conditions) == (403, [f"{D}propfind-finite-depth"])


@pytest.mark.parametrize("kind", ["text/xml; charset=utf-8", "text/calendar", "image/jpeg", "nonsense"])
def test_a_card_that_is_called_something_else(book: Book, kind: str) -> None:
    reply = book.alice.put(book.of_alice("called.vcf"), vcard("called"), Content_Type=kind)
    assert (reply.status, reply.conditions) == (403, [f"{CR}supported-address-data"])
    assert book.alice.get(book.of_alice("called.vcf")).status == 404


def test_empty_hrefs(book: Book) -> None:
    assert book.alice.multiget(book.of_alice(), "", book.of_alice("kept.vcf")).status == 400
    reply = book.alice.multiget(book.of_alice(), " ", book.of_alice("kept.vcf"))
    assert list(reply.cards()) == [book.of_alice("kept.vcf")]


def test_depth_32_is_taken(book: Book) -> None:
    body = '<propfind xmlns="DAV:"><prop>' + "<a>" * 30 + "</a>" * 30 + "</prop></propfind>"
    assert book.alice.request("PROPFIND", book.of_alice(), body).status == 207


@pytest.mark.parametrize("body", ['<calendar-query xmlns="urn:ietf:params:xml:ns:caldav"/>', "<x/>", ""])
def test_unknown_reports(book: Book, body: str) -> None:
    reply = book.alice.report(book.of_alice(), body)
    assert (reply.status, reply.conditions) == (403, [f"{D}supported-report"])


def test_reports_on_what_is_no_address_book(book: Book) -> None:
    reply = book.alice.sync(f"/{book.alice.login}/")
    assert (reply.status, reply.conditions) == (403, [f"{D}supported-report"])


def test_10_001_hrefs(book: Book) -> None:
    reply = book.alice.multiget(book.of_alice(), *([book.of_alice("kept.vcf")] * 10_001))
    assert (reply.status, reply.conditions) == (507, [f"{D}number-of-matches-within-limits"])
