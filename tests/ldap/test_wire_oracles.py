"""Octet for octet: what two other codecs (sansldap, ldap3) encode is read and meant alike, and written alike by us."""

from __future__ import annotations

import ldap3
import sansldap
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.bind import bind_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode

from ldap_gateway import ber, wire
from ldap_gateway import messages as m
from ldap_gateway.messages import Code
from tests.ldap.wiring import decode, octets, parse_filter

NAMES = st.sampled_from(["cn", "objectClass", "mail;lang-de", "2.5.4.3"])
VALUES = st.binary(min_size=1, max_size=200)
FILTERS: st.SearchStrategy[m.Filter] = st.recursive(
    st.one_of(
        st.builds(m.Present, NAMES),
        st.builds(m.Assertion, st.sampled_from(m.Relation), NAMES, VALUES),
        st.builds(m.Substrings, NAMES, VALUES, st.lists(VALUES, max_size=3).map(tuple), st.just(b"") | VALUES),
        st.builds(m.Extensible, st.sampled_from(["", "2.5.13.2"]), NAMES, VALUES, st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(m.And, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(m.Or, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(m.Not, inner),
    ),
    max_leaves=8,
)
ASSERTIONS = {
    m.Relation("="): sansldap.FilterEquality,
    m.Relation(">="): sansldap.FilterGreaterOrEqual,
    m.Relation("<="): sansldap.FilterLessOrEqual,
    m.Relation("~="): sansldap.FilterApproxMatch,
}


def as_sansldap(found: m.Filter) -> sansldap.LDAPFilter:
    """A filter as sansldap holds it."""
    match found:
        case m.And(parts):
            return sansldap.FilterAnd([as_sansldap(each) for each in parts])
        case m.Or(parts):
            return sansldap.FilterOr([as_sansldap(each) for each in parts])
        case m.Not(part):
            return sansldap.FilterNot(as_sansldap(part))
        case m.Present(attribute):
            return sansldap.FilterPresent(attribute)
        case m.Assertion(relation, attribute, value):
            return ASSERTIONS[relation](attribute, value)
        case m.Substrings(attribute, initial, middle, final):
            return sansldap.FilterSubstrings(attribute, initial or None, list(middle), final or None)
        case m.Extensible(rule, attribute, value, dn_attributes):
            return sansldap.FilterExtensibleMatch(rule or None, attribute or None, value, dn_attributes)


def bound() -> sansldap.LDAPClient:
    """A client that has logged in."""
    client = sansldap.LDAPClient()
    client.bind_simple()
    client.data_to_send()
    client.receive(wire.envelope(1, wire.result(wire.BIND_ANSWER, Code.SUCCESS)))
    return client


@given(FILTERS, st.sampled_from(m.Scope), st.integers(0, 2**31 - 1), st.booleans(), st.lists(NAMES, max_size=3))
def test_searches_of_sansldap(found: m.Filter, scope: m.Scope, limit: int, types: bool, names: list[str]) -> None:
    client = bound()
    client.search_request(
        "ou=김,dc=x", scope=scope.value, size_limit=limit, time_limit=limit, types_only=types,
        filter=as_sansldap(found), attributes=names,
    )  # fmt: skip
    said = client.data_to_send()
    asked = m.Search("ou=김,dc=x".encode(), scope, limit, limit, types, found, tuple(names))
    assert decode(said) == m.Message(2, asked)
    assert octets(m.Message(2, asked)) == said


@given(st.lists(st.tuples(NAMES, st.lists(VALUES, min_size=1, max_size=4)), max_size=4, unique_by=lambda each: each[0]))
def test_entries_for_sansldap(attributes: list[tuple[str, list[bytes]]]) -> None:
    client, server = bound(), sansldap.LDAPServer()
    client.search_request("dc=x")
    first = sansldap.LDAPClient()
    first.bind_simple()
    server.receive(first.data_to_send())
    server.bind_response(1)
    server.data_to_send()
    server.receive(client.data_to_send())
    server.search_result_entry(2, "uid=김,dc=x", [sansldap.PartialAttribute(name, held) for name, held in attributes])
    ours = b"".join(wire.attribute(name, ber.values(held)) for name, held in attributes)
    assert server.data_to_send() == wire.envelope(2, wire.entry("uid=김,dc=x".encode(), ours))


def said_by_ldap3(name: str, operation: object, controls: object = None) -> bytes:
    """A request as ldap3 encodes it, under the id 2."""
    message = LDAPMessage()
    message["messageID"] = MessageID(2)
    message["protocolOp"] = ProtocolOp().setComponentByName(name, operation)
    if controls is not None:
        message["controls"] = controls
    data: bytes = encode(message)
    return data


def test_requests_of_ldap3() -> None:
    written = "(&(|(cn=*k\\2am*x*)(mail=a@b.c)(!(sn>=m))(l<=z)(o~=q))(objectClass=*)(cn:dn:2.5.13.2:=v)(:1.2.3:=w))"
    bind = said_by_ldap3("bindRequest", bind_operation(3, ldap3.SIMPLE, "uid=alice,dc=x", "secret"))
    assert bind == octets(m.Message(2, m.Bind(3, b"uid=alice,dc=x", None, b"secret")))
    names = ["cn", "*"]
    asked = m.Search(b"dc=x", m.Scope.SUBTREE, 5, 6, True, parse_filter(written), tuple(names))
    operation = search_operation(
        "dc=x", written, ldap3.SUBTREE, ldap3.DEREF_NEVER, names, 5, 6, True, None, None, check_names=False
    )
    assert said_by_ldap3("searchRequest", operation) == octets(m.Message(2, asked))
