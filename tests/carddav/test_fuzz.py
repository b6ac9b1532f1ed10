"""Whatever is asked, the answer is an answer: no 500, well-formed XML; cards that were taken come back as they were."""

from __future__ import annotations

import base64
import http.client
import os
import re
import xml.etree.ElementTree as ET

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carddav.dav import Client
from tests.carddav.served import Book, vcard

METHODS = [
    "GET",
    "HEAD",
    "PUT",
    "DELETE",
    "MOVE",
    "MKCOL",
    "PROPFIND",
    "PROPPATCH",
    "REPORT",
    "OPTIONS",
    "POST",
    "LOCK",
]
HEADERS = [
    "Depth",
    "If-Match",
    "If-None-Match",
    "Destination",
    "Overwrite",
    "Content-Type",
    "Accept-Encoding",
    "X-Script-Name",
]
VALUES = ["*", '"x"', "0", "1", "infinity", "T", "F", "/a/b", "http://x/y", "gzip", "text/vcard; charset=utf-8", ""]
NAMES = st.one_of(
    st.sampled_from(
        ["card.vcf", "", ".", "..", ".web", ".well-known", "%2e", "%", "%00", "%C3%28", "a%2Fb", "all", "ü"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#"), max_size=8),
)
TAGS = [
    *("propfind", "prop", "allprop", "propname", "sync-collection", "sync-token", "sync-level", "getetag", "href"),
    *("C:addressbook-multiget", "C:addressbook-query", "C:filter", "C:prop-filter", "C:text-match", "C:param-filter"),
    *("C:is-not-defined", "C:limit", "C:nresults", "limit", "nresults", "C:address-data", "expand-property"),
]
TEXTS = st.sampled_from(["", "1", "-1", "x", "/a/b/c.vcf", "%00", "&amp;", "sharedbook:sync:1:2:3:1:4:0123"])
ATTRIBUTES = st.sampled_from(["", ' name="FN"', ' name=""', ' test="allof"', ' collation="i;octet"', ' version="9"'])
EXAMPLES = 2_000 if os.environ.get("SHAREDBOOK_TEST_SOAK") == "1" else 120


def elements(depth: int) -> st.SearchStrategy[str]:
    inner = TEXTS if depth == 0 else st.one_of(TEXTS, st.lists(elements(depth - 1), max_size=4).map("".join))
    return st.builds(
        lambda tag, attribute, text: f"<{tag}{attribute}>{text}</{tag}>", st.sampled_from(TAGS), ATTRIBUTES, inner
    )


def rooted(element: str) -> bytes:
    declared = ' xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
    return re.sub(r"^<([\w:-]+)", rf"<\1{declared}", element).encode()


BODIES = st.one_of(elements(3).map(rooted), st.binary(max_size=80), st.just(vcard("fuzz").encode()))

budget = hypothesis.settings(max_examples=EXAMPLES)


@budget
@given(
    method=st.sampled_from(METHODS),
    names=st.lists(NAMES, max_size=4),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(VALUES), max_size=3),
    body=BODIES,
)
@pytest.mark.soak
def test_any_request_is_answered(
    book: Book, method: str, names: list[str], headers: dict[str, str], body: bytes
) -> None:
    start = [book.alice.login, book.group.slug]
    path = "/" + "/".join([*start[: max(0, 3 - len(names))], *names])
    status, kind, answer = ask(book.alice, method, path, headers, body)
    assert status < 500 or status in (502, 507), answer
    assert b"Traceback" not in answer
    if "xml" in kind and method != "HEAD" and "Accept-Encoding" not in headers:
        ET.fromstring(answer)


def ask(client: Client, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body; the path goes out as its bytes."""
    target = "".join(chr(octet) if 32 < octet < 127 else f"%{octet:02X}" for octet in path.encode())
    login = base64.b64encode(f"{client.login}:{client.password}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    try:
        connection.request(method, target, body, {**headers, "Authorization": f"Basic {login}"})
        reply = connection.getresponse()
        return reply.status, reply.headers.get("Content-Type", ""), reply.read()
    finally:
        connection.close()


LINE = st.builds(
    "{}{}:{}".format,
    st.sampled_from(["NOTE", "FN", "X-ANY", "item1.TEL", "EMAIL", "N", "ORG", "CATEGORIES"]),
    st.sampled_from(["", ";TYPE=work", ';X-P="a,b;c:d"', ";LANGUAGE=ko"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40),
)


@budget
@given(lines=st.lists(LINE, max_size=6), version=st.sampled_from(["3.0", "4.0"]))
@pytest.mark.soak
def test_any_card_taken_comes_back_in_well_formed_answers(book: Book, lines: list[str], version: str) -> None:
    card = vcard("any", "Any One", *lines, version=version)
    reply = book.alice.put(book.of_alice("any.vcf"), card)
    assert reply.status in (201, 204, 403), reply.text
    if reply.status == 403:
        assert reply.conditions
    elif reply.headers.get("etag"):
        assert book.alice.get(book.of_alice("any.vcf")).body == card.encode()
    for answer in (book.alice.sync(book.of_alice(), data=True), book.alice.propfind(book.of_alice(), depth="1")):
        assert answer.found() is not None
