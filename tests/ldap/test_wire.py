"""The codec: what clients send is read, whatever the lengths; what we answer is what an independent codec encodes."""

from __future__ import annotations

import pytest
import sansldap
from hypothesis import given
from hypothesis import strategies as st

from ldap_gateway import ber, wire
from ldap_gateway import messages as m
from ldap_gateway.messages import Code
from ldap_gateway.wire import BadRequest, Bounds, BrokenStream
from tests.ldap import wiring
from tests.ldap.wiring import decode, octets, search, text, tlv

# ---- everything that can be said is understood

names = st.sampled_from(["cn", "objectClass", "mail;lang-de", "2.5.4.3"])
values = st.binary(max_size=200)
filters: st.SearchStrategy[m.Filter] = st.recursive(
    st.one_of(
        st.builds(m.Present, names),
        st.builds(m.Assertion, st.sampled_from(m.Relation), names, values),
        st.builds(m.Substrings, names, values, st.lists(values, max_size=3).map(tuple), values),
        st.builds(m.Extensible, st.sampled_from(["", "2.5.13.2"]), names, values, st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(m.And, st.lists(inner, max_size=4).map(tuple)),
        st.builds(m.Or, st.lists(inner, max_size=4).map(tuple)),
        st.builds(m.Not, inner),
    ),
    max_leaves=8,
)
counts = st.integers(0, 2**31 - 1)
operations: st.SearchStrategy[m.Operation] = st.one_of(
    st.builds(m.Bind, st.integers(0, 127), values, st.none() | st.just("PLAIN"), values),
    st.just(m.Unbind()),
    st.builds(
        m.Search, values, st.sampled_from(m.Scope), counts, counts, st.booleans(), filters, st.lists(names).map(tuple)
    ),
    st.builds(m.Compare, values, names, values),
    st.builds(m.Abandon, counts),
    st.builds(m.Extended, names, st.none() | values),
    st.builds(m.Write, st.sampled_from(list(wire.WRITES.values()))),
)
controls = st.lists(st.builds(m.Control, names, st.booleans(), st.none() | values), max_size=3).map(tuple)
messages = st.builds(m.Message, st.integers(1, 2**31 - 1), operations, controls)


@given(messages)
def test_what_is_said_is_understood(message: m.Message) -> None:
    if isinstance(message.operation, m.Write):
        # nothing of a write is read, not even its controls: it is refused whatever it holds
        message = m.Message(message.id, message.operation)
    assert decode(octets(message)) == message


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_minimal_and_signed(value: int) -> None:
    assert ber.integer(value) == wiring.number(value)
    assert ber.Reader(ber.integer(value)).integer() == value


@given(st.integers(0, 2**24))
def test_lengths_are_short(size: int) -> None:
    written = ber.length(size)
    assert written == (
        bytes((size,)) if size < 128 else bytes((0x80 | len(written) - 1,)) + size.to_bytes(len(written) - 1)
    )


def test_long_lengths_as_windows_writes_them() -> None:
    """wldap32 writes every constructed length in four octets."""
    substrings = tlv(0xA4, text("cn") + tlv(0x30, text("kim", 0x80), long=True), long=True)
    contents = text("dc=x") + wiring.number(2, 10) + wiring.number(3, 10) + wiring.number(100) + wiring.number(60)
    contents += tlv(1, b"\0") + tlv(0xA0, substrings, long=True) + tlv(0x30, text("mail"), long=True)
    message = decode(tlv(0x30, wiring.number(7) + tlv(0x63, contents, long=True), long=True))
    part = m.Substrings("cn", b"kim", (), b"")
    assert message.operation == m.Search(b"dc=x", m.Scope.SUBTREE, 100, 60, False, m.And((part,)), ("mail",))


@pytest.mark.parametrize("scope", list(m.Scope))
def test_sansldap_says_the_same(scope: m.Scope) -> None:
    written = "(&(|(cn=*k\\2am*x*)(mail=a@b.c)(!(sn>=m))(l<=z)(o~=q))(objectClass=*)(cn:dn:2.5.13.2:=v)(:1.2.3:=w))"
    client = sansldap.LDAPClient()
    client.bind_simple("uid=alice,dc=x", "secret")
    assert client.data_to_send() == octets(m.Message(1, m.Bind(3, b"uid=alice,dc=x", None, b"secret")))
    client.receive(wire.envelope(1, wire.result(wire.BIND_ANSWER, Code.SUCCESS)))
    control = sansldap.PagedResultControl(critical=True, size=100, cookie=b"c")
    client.search_request(
        "dc=x",
        scope.value,
        size_limit=5,
        time_limit=6,
        types_only=True,
        filter=sansldap.LDAPFilter.from_string(written),
        attributes=["cn", "*"],
        controls=[control],
    )
    said = client.data_to_send()
    found = decode(said)
    assert octets(found) == said
    assert isinstance(found.operation, m.Search)
    assert found.operation.filter == wiring.parse_filter(written)
    assert found.controls[0].critical and found.controls[0].oid == "1.2.840.113556.1.4.319"


# ---- what we answer, octet by octet


def test_entries_are_as_sansldap_encodes_them_and_results_are_read_by_it() -> None:
    server = sansldap.LDAPServer()
    client = sansldap.LDAPClient()
    client.bind_simple()
    server.receive(client.data_to_send())
    server.bind_response(1)
    server.data_to_send()
    client.receive(wire.envelope(1, wire.result(wire.BIND_ANSWER, Code.SUCCESS)))
    client.search_request("dc=x", filter=sansldap.LDAPFilter.from_string("(cn=*)"))
    server.receive(client.data_to_send())
    values_ = [b"Kim", "김".encode(), b"x" * 300]
    server.search_result_entry(2, "uid=1,dc=x", [sansldap.PartialAttribute("cn", values_)])
    ours = wire.envelope(2, wire.entry(b"uid=1,dc=x", wire.attribute("cn", ber.values(values_))))
    assert server.data_to_send() == ours
    client.receive(ours)
    done = wire.envelope(2, wire.result(wire.DONE, Code.NO_SUCH_OBJECT, "dc=x", "no"), wire.control("1.2", b"v"))
    (read,) = client.receive(done)
    assert isinstance(read, sansldap.SearchResultDone)
    assert read.result.result_code is sansldap.LDAPResultCode.NO_SUCH_OBJECT
    assert (read.result.matched_dn, read.result.diagnostics_message) == ("dc=x", "no")
    assert read.controls[0].control_type == "1.2"


def test_notice_of_disconnection() -> None:
    (notice,) = wiring.answers(wire.notice(Code.PROTOCOL_ERROR, "why"))
    assert (notice.id, notice.tag, notice.code, notice.text) == (0, wire.EXTENDED_ANSWER, 2, "why")
    assert notice.oid == "1.3.6.1.4.1.1466.20036"


# ---- what cannot be understood


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("3080020101"),  # indefinite length
        bytes.fromhex("308900000000000000000a"),  # a length of nine octets
        bytes.fromhex("3084ffffffff"),  # a bomb
        bytes.fromhex("3083100001"),  # one octet over 1 MiB
    ],
)
def test_no_message_can_come_of_this(data: bytes) -> None:
    with pytest.raises(BrokenStream):
        wire.frame(data, 0, Bounds().message)


@pytest.mark.parametrize("data", [b"", b"0", bytes.fromhex("3084000000"), bytes.fromhex("30030201")])
def test_more_must_come(data: bytes) -> None:
    assert wire.frame(data, 0, Bounds().message) is None


@pytest.mark.parametrize(
    "contents",
    [
        "",
        "0201",
        "020101",
        "0201ff4200",  # a negative id
        "0201004200",  # the id of what the server says unasked
        "02050100000000" + "4200",  # an id over maxInt
        "020101" + "9f8100",  # a tag of several octets
        "020101" + "6100",  # an answer is no request
        "020101" + "6305",  # longer than what holds it
    ],
)
def test_broken_envelopes_end_the_connection(contents: str) -> None:
    with pytest.raises(BrokenStream):
        decode(tlv(0x30, bytes.fromhex(contents)))


def _refused(operation: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        decode(tlv(0x30, wiring.number(9) + operation))
    assert refused.value.message_id == 9
    return refused.value


def _search_with(filter_: bytes) -> bytes:
    head = text("") + wiring.number(2, 10) + wiring.number(0, 10) + wiring.number(0) * 2 + tlv(1, b"\0")
    return tlv(0x63, head + filter_ + tlv(0x30, b""))


@pytest.mark.parametrize(
    "filter_",
    [
        tlv(0xA2, b""),  # NOT without child
        tlv(0xA2, text("cn", 0x87) * 2),
        tlv(0xAA, b""),
        tlv(0xA3, text("cn")),
        tlv(0xA4, text("cn") + tlv(0x30, text("a", 0x82) + text("b", 0x81))),
        tlv(0xA4, text("cn") + tlv(0x30, text("a", 0x81) + text("b", 0x80))),
        tlv(0xA4, text("cn") + tlv(0x30, text("a", 0x82) * 2)),
        tlv(0xA4, text("cn") + tlv(0x30, text("a", 0x83))),
        tlv(0xA9, text("v", 0x83)),
        text(b"\xff", 0x87),
    ],
)
def test_wrong_filters_are_protocol_errors(filter_: bytes) -> None:
    refused = _refused(_search_with(filter_))
    assert (refused.code, refused.answer) == (Code.PROTOCOL_ERROR, wire.DONE)


def test_bounds_of_filters() -> None:
    present: m.Filter = m.Present("cn")
    for _ in range(31):
        present = m.Not(present)
    decode(tlv(0x30, wiring.number(9) + _search_with(wiring.filter_octets(present))))
    for deep in (m.Not(present), m.Not(m.Not(present))):
        with pytest.raises(BrokenStream):
            decode(tlv(0x30, wiring.number(9) + _search_with(wiring.filter_octets(deep))))
    wide = m.Or((m.Present("cn"),) * 255)
    decode(tlv(0x30, wiring.number(9) + _search_with(wiring.filter_octets(wide))))
    wider = m.Or((m.Present("cn"),) * 256)
    assert _refused(_search_with(wiring.filter_octets(wider))).code is Code.ADMIN_LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        (tlv(0x60, b""), wire.BIND_ANSWER),
        (tlv(0x63, text("")), wire.DONE),
        (tlv(0x63, text("") + wiring.number(3, 10) + wiring.number(0, 10) * 1), wire.DONE),
        (tlv(0x6E, text("cn=x")), wire.COMPARE_ANSWER),
        (tlv(0x77, b""), wire.EXTENDED_ANSWER),
        (tlv(0x50, b""), 0),
    ],
)
def test_wrong_requests_are_answered_in_kind(operation: bytes, answer: int) -> None:
    assert _refused(operation).answer == answer


def test_a_wrong_control_is_a_protocol_error() -> None:
    request = wiring.operation_octets(search())
    assert _refused(request + tlv(0xA0, tlv(0x30, b""))).code is Code.PROTOCOL_ERROR
    assert _refused(request + tlv(0xA1, b"")).code is Code.PROTOCOL_ERROR
