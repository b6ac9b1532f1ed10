"""The protocol, without a socket: searching, extended operations, what is refused and how."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.messages import Code, Scope
from ldap_gateway.session import CHUNK, STREAMS, Rules
from tests.ldap import wiring
from tests.ldap.asked import (
    WHO,
    estimate,
    listed,
    many,
    names,
    paged,
    sort,
    twenty,
    view,
)
from tests.ldap.talk import ELSEWHERE, Talk
from tests.ldap.wiring import BOUNDS, number, search, text, tlv
from tests.ldap.world import BASE, SECRET, World, contact, key_of, world


@pytest.fixture
def place() -> World:
    return twenty()


@pytest.fixture(scope="module")
def crowd() -> World:
    return many()


# ---- search


def test_entries_then_the_result(place: World) -> None:
    *found, done = Talk(place).bind("carol").request(search("(cn=person 00*)", attributes=("cn",)))
    assert sorted(names(found)) == [f"Person {n:03}" for n in range(1, 10)]
    assert (done.tag, done.code, done.matched, done.text) == (wire.DONE, 0, "", "")


@pytest.mark.parametrize(
    ("asked", "site", "exist", "entries", "code"),
    [
        (0, 0, 20, 20, 0),
        (5, 0, 20, 5, 4),
        (20, 0, 20, 20, 0),
        (19, 0, 20, 19, 4),
        (0, 7, 20, 7, 4),
        (5, 7, 20, 5, 4),
        (9, 7, 20, 7, 4),
        (0, 20, 20, 20, 0),
        (1, 0, 1, 1, 0),
    ],
)
def test_size_limits(place: World, asked: int, site: int, exist: int, entries: int, code: int) -> None:
    """The first N, and 4 only when more exist."""
    filter_ = "(cn=*)" if exist == 20 else "(mail=p1@example.com)"
    talk = Talk(place, rules=Rules(BOUNDS, size_limit=site)).bind("carol")
    *found, done = talk.request(search(filter_, size_limit=asked))
    assert (len(found), done.code) == (entries, code)


def test_hidden_contacts_count_for_nothing(place: World) -> None:
    for hidden in range(30, 60):
        place.put(contact(hidden, name=f"Person {hidden:03}", groups=(SECRET,)))
    talk = Talk(place).bind("carol")
    assert talk.request(search("(cn=person*)", size_limit=20))[-1].code == Code.SUCCESS
    assert talk.request(search("(!(cn=person 001))", size_limit=19))[-1].code == Code.SUCCESS
    page = talk.request(search("(cn=*)"), paged(5))
    assert estimate(page[-1]) == 20
    window = talk.request(search("(cn=*)"), sort("cn"), view(0, 0, 1, 0))
    assert listed(window[-1]) == (1, 20)


def test_large_answers_come_in_chunks(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    talk.session.receive(wiring.octets(m.Message(9, search())))
    assert talk.session.advance() and talk.session.take() == b"" and talk.session.streaming
    sizes = []
    while talk.session.streaming:
        sizes.append(len(wiring.answers(talk.session.next_chunk())))
    assert sizes == [CHUNK, CHUNK, CHUNK, 1, 1], "with the result the id is free"
    assert talk.log[-1].entries == 3 * CHUNK + 1


def test_other_requests_are_answered_in_between(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    talk.session.receive(wiring.octets(m.Message(9, search())) + wiring.octets(m.Message(10, WHO)))
    while talk.session.advance():
        pass
    (who,) = wiring.answers(talk.session.take())
    assert who.id == 10 and talk.session.streaming


def test_what_is_hidden_while_an_answer_is_sent_is_not_sent(crowd: World) -> None:
    place = world([contact(n, name=f"Person {n:04}") for n in range(1, 2 * CHUNK + 1)])
    talk = Talk(place).bind("carol")
    talk.session.receive(wiring.octets(m.Message(9, search(attributes=("cn",)))))
    talk.session.advance()
    first = wiring.answers(talk.session.next_chunk())
    rest = sorted(set(place.contacts) - {int(name.split()[1]) for name in names(first)})
    place.directory.index.remove(rest[0])
    place.put(contact(rest[1], name="Hidden", groups=(SECRET,)))
    found = wiring.answers(talk.work())
    assert len(names(found)) == CHUNK - 2 and "Hidden" not in names(found)
    assert len(crowd.contacts) == 3 * CHUNK + 1


def test_time_limit(crowd: World) -> None:
    now = [0.0]
    talk = Talk(crowd, rules=Rules(BOUNDS, time_limit=30), clock=lambda: now[0]).bind("carol")
    for asked, seconds in ((2, 3), (0, 31), (60, 31)):
        talk.session.receive(wiring.octets(m.Message(9, search(time_limit=asked))))
        talk.session.advance()
        talk.session.next_chunk()
        now[0] += seconds
        *none, done = wiring.answers(talk.work())
        assert (none, done.code) == ([], Code.TIME_LIMIT_EXCEEDED)


def test_too_many_large_answers_wait(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    talk.session.receive(b"".join(wiring.octets(m.Message(n, search())) for n in range(1, STREAMS + 3)))
    while talk.session.advance():
        pass
    assert talk.session.blocked
    found = wiring.answers(talk.work())
    assert sum(each.tag == wire.DONE for each in found) == STREAMS + 2


@pytest.mark.parametrize("again", ["(objectClass=*)", "(cn=person 0002)"])
def test_an_id_in_use(crowd: World, again: str) -> None:
    """The second is one like an earlier search."""
    talk = Talk(crowd).bind("carol")
    talk.request(search("(cn=person 0001)"))
    talk.session.receive(b"".join(wiring.octets(m.Message(9, each)) for each in (search(), search(again))))
    while talk.session.advance():
        pass
    (answer,) = wiring.answers(talk.session.take())
    assert (answer.id, answer.code) == (9, Code.PROTOCOL_ERROR)


def test_searches_like_an_earlier_one_that_come_together_are_all_answered(place: World) -> None:
    talk = Talk(place).bind("carol")
    found = talk.say(*(m.Message(each, search(f"(cn=person 00{each})")) for each in range(2, 6)))
    assert [each.id for each in found if each.tag == wire.DONE] == [2, 3, 4, 5]


def test_a_search_like_an_earlier_one_needs_an_id_too(place: World) -> None:
    talk = Talk(place).bind("carol")
    for each in (1, 2):
        assert len(talk.request(search(f"(cn=person 00{each})"))) == 2
    (notice,) = talk.say(m.Message(0, search("(cn=person 003)")))
    assert (notice.id, notice.code) == (0, Code.PROTOCOL_ERROR) and talk.session.closed


def test_abandon(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    talk.session.receive(wiring.octets(m.Message(9, search())) + wiring.octets(m.Message(10, m.Abandon(9))))
    assert talk.work() == b""
    assert talk.say(m.Message(11, m.Abandon(77))) == []
    assert talk.one(WHO).code == 0


def test_cancel(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")

    def cancel(message_id: int) -> m.Extended:
        return m.Extended(schema.CANCEL, tlv(0x30, number(message_id)))

    found = talk.say(m.Message(9, search()), m.Message(10, cancel(9)))
    assert [(each.id, each.code) for each in found] == [(9, Code.CANCELED), (10, Code.SUCCESS)]
    assert talk.one(cancel(9)).code == Code.NO_SUCH_OPERATION
    assert talk.one(m.Extended(schema.CANCEL, None)).code == Code.PROTOCOL_ERROR
    assert talk.one(m.Extended(schema.CANCEL, b"\x30\x00")).code == Code.PROTOCOL_ERROR


def test_unknown_base_and_filter_shapes(place: World) -> None:
    talk = Talk(place).bind("carol")
    missing = talk.one(search(base=f"uid=x,{BASE}", scope=Scope.BASE))
    assert (missing.code, missing.matched) == (Code.NO_SUCH_OBJECT, BASE)
    assert talk.one(search(base="cn=config")).code == Code.NO_SUCH_OBJECT
    assert talk.one(search(base="nonsense")).code == Code.INVALID_DN_SYNTAX
    assert talk.one(m.Search(b"\xff", Scope.BASE, 0, 0, False, m.Present("cn"), ())).code == Code.INVALID_DN_SYNTAX


# ---- controls, extended operations, what is refused


def test_controls(place: World) -> None:
    talk = Talk(place).bind("carol")
    assert talk.one(search(), m.Control("1.2.3.4", True, None)).code == Code.UNAVAILABLE_CRITICAL_EXTENSION
    assert len(talk.request(search(), m.Control("1.2.3.4", False, b"x"))) == 21
    assert len(talk.request(search(), m.Control(schema.MANAGE_DSA_IT, True, None))) == 21
    unknown = m.Control("1.2.3.4", True, None)
    assert talk.one(m.Compare(BASE.encode(), "ou", b"x"), unknown).code == Code.UNAVAILABLE_CRITICAL_EXTENSION
    assert talk.one(m.Bind(3, b"carol", None, b"lorac"), unknown).code == Code.UNAVAILABLE_CRITICAL_EXTENSION
    for value in (None, b"", b"\x30\x03\x02\x01", b"\x30\x05\x02\x01\xff\x04\x00"):
        assert talk.one(search(), m.Control(schema.PAGED_RESULTS, False, value)).code == Code.PROTOCOL_ERROR


@pytest.mark.parametrize("tag", list(wire.WRITES.values()))
def test_writes(place: World, tag: int) -> None:
    talk = Talk(place).bind("alice")
    answer = talk.one(m.Write(tag))
    assert (answer.tag, answer.code) == (tag, Code.UNWILLING_TO_PERFORM)
    assert talk.one(WHO).code == 0 and not talk.session.closed


def test_unknown_extended_operation(place: World) -> None:
    assert Talk(place).one(m.Extended("1.2.3", b"x")).code == Code.PROTOCOL_ERROR


def test_start_tls(place: World) -> None:
    talk = Talk(place, peer=ELSEWHERE)
    answer = talk.one(m.Extended(schema.START_TLS, None))
    assert (answer.code, answer.oid) == (0, schema.START_TLS)
    assert talk.session.start_tls and talk.session.blocked
    talk.session.tls_started()
    talk.bind("alice")
    assert talk.one(m.Extended(schema.START_TLS, None)).code == Code.OPERATIONS_ERROR
    assert Talk(place, can_tls=False).one(m.Extended(schema.START_TLS, None)).code == Code.UNAVAILABLE


def test_tls_does_not_start_while_an_answer_is_under_way(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    found = talk.say(m.Message(9, search()), m.Message(10, m.Extended(schema.START_TLS, None)))
    assert (found[0].id, found[0].code) == (10, Code.OPERATIONS_ERROR)
    assert [each.tag for each in found if each.id == 9].count(wire.DONE) == 1


def test_what_is_pipelined_behind_start_tls_is_dropped(place: World) -> None:
    talk = Talk(place).bind("alice")
    found = talk.say(m.Message(9, m.Extended(schema.START_TLS, None)), m.Message(10, search()), m.Message(11, WHO))
    assert [each.id for each in found] == [9]
    talk.session.tls_started()
    assert talk.work() == b""
    assert talk.one(WHO).value == b"", "who was bound in clear text is nobody now"


def test_compare(place: World) -> None:
    talk = Talk(place).bind("carol")
    dn = f"uid={key_of(1)},{BASE}".encode()
    assert talk.one(m.Compare(dn, "cn", b"PERSON 001")).code == Code.COMPARE_TRUE
    assert talk.one(m.Compare(dn, "cn", b"x")).code == Code.COMPARE_FALSE
    assert talk.one(m.Compare(dn, "title", b"x")).code == Code.NO_SUCH_ATTRIBUTE


def test_unbind(place: World) -> None:
    talk = Talk(place).bind("carol")
    assert talk.say(m.Message(9, m.Unbind()), m.Message(10, WHO)) == []
    assert talk.session.closed


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("30800201"),
        bytes.fromhex("3084ffffffff"),
        bytes.fromhex("30050201014200"),  # an id of 0 would do as well
        wiring.octets(m.Message(0, WHO)),
        tlv(0x30, number(1) + tlv(0x50, b"")),
    ],
)
def test_broken_streams_end_in_a_notice(place: World, data: bytes) -> None:
    data = data if data != bytes.fromhex("30050201014200") else tlv(0x30, number(1) + tlv(0x41, b""))
    talk = Talk(place).bind("carol")
    (notice,) = talk.say(data + wiring.octets(m.Message(9, WHO)))
    assert (notice.id, notice.code, notice.oid) == (0, Code.PROTOCOL_ERROR, wire.NOTICE_OF_DISCONNECTION)
    assert talk.session.closed and not talk.session.waiting
    talk.session.receive(b"more")
    assert not talk.session.waiting


def test_deep_wide_and_empty_filters(place: World) -> None:
    talk = Talk(place).bind("carol")
    assert talk.one(m.Search(b"", Scope.BASE, 0, 0, False, m.Or((m.Present("cn"),) * 256), ())).code == 11
    empty = text("") + number(0, 10) * 2 + number(0) * 2 + tlv(1, b"\0") + tlv(0xA2, b"") + tlv(0x30, b"")
    (answer,) = talk.say(tlv(0x30, number(5) + tlv(0x63, empty)))
    assert (answer.id, answer.tag, answer.code) == (5, wire.DONE, Code.PROTOCOL_ERROR)
    deep: m.Filter = m.Present("cn")
    for _ in range(65):
        deep = m.Not(deep)
    (notice,) = talk.say(m.Message(6, m.Search(b"", Scope.BASE, 0, 0, False, deep, ())))
    assert (notice.id, notice.code) == (0, Code.PROTOCOL_ERROR) and talk.session.closed


def test_octet_by_octet(crowd: World) -> None:
    """However octets arrive, the conversation is the same."""
    script: list[m.Message] = [
        m.Message(1, m.Bind(3, b"alice", None, b"ecila")),
        m.Message(2, WHO),
        m.Message(3, search("(|(cn=*00*)(mail=x))", attributes=("cn", "mail"))),
        m.Message(4, search(), (paged(300),)),
        m.Message(5, m.Compare(BASE.encode(), "ou", b"contacts")),
        m.Message(6, m.Write(0x6B)),
        m.Message(7, search(base="cn=config")),
    ]

    def heard(at_once: bool) -> list[tuple[int, int, int, str]]:
        said = Talk(crowd, at_once=at_once).say(*script)
        return sorted((each.id, each.tag, each.code, each.dn) for each in said)

    assert heard(True) == heard(False)


def test_root_dse_and_subschema_before_bind(place: World) -> None:
    talk = Talk(place)
    for attributes in ((), ("*",), ("+",), ("*", "+"), ("supportedSASLMechanisms",)):
        entry, done = talk.request(search(base="", scope=Scope.BASE, attributes=attributes))
        assert entry.dn == "" and done.code == 0
        assert entry.attributes["supportedSASLMechanisms"] == [b"PLAIN"]
    entry, _ = talk.request(search(base="", scope=Scope.BASE))
    assert set(entry.attributes) == {
        "objectClass", "namingContexts", "defaultNamingContext", "subschemaSubentry", "supportedLDAPVersion",
        "supportedControl", "supportedExtension", "supportedFeatures", "supportedSASLMechanisms", "vendorName",
        "vendorVersion",
    }  # fmt: skip
    name = entry.attributes["subschemaSubentry"][0].decode()
    entry, _ = talk.request(
        search("(objectClass=subschema)", base=name, scope=Scope.BASE, attributes=("objectClasses",))
    )
    assert any(b"'inetOrgPerson'" in value for value in entry.attributes["objectClasses"])
