"""Who is bound: every way to log in, what is refused, and what a bind waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ldap_gateway import messages as m
from ldap_gateway import wire
from ldap_gateway.binding import Bound, Known, Verify
from ldap_gateway.messages import Code, Scope
from ldap_gateway.session import Rules
from sharedbook.domain.errors import Busy, Throttled, Unavailable
from sharedbook.services.feed import FeedAppPassword
from sharedbook.services.keys.secrets import Secrets
from sharedbook.services.people import passwords
from tests.ldap import wiring
from tests.ldap import world as w
from tests.ldap.asked import (
    WHO,
    twenty,
)
from tests.ldap.talk import ELSEWHERE, Talk
from tests.ldap.wiring import BOUNDS, number, search, text, tlv
from tests.ldap.world import BASE, SECRET, World, contact


@pytest.fixture
def place() -> World:
    return twenty()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["alice", f"uid=alice,ou=members,{BASE}", f"UID=Alice, ou=members,{BASE}"])
def test_bind(place: World, name: str, version: int) -> None:
    talk = Talk(place)
    assert talk.one(m.Bind(version, name.encode(), None, b"ecila")).code == Code.SUCCESS
    assert talk.one(WHO).value == f"dn:uid=alice,ou=members,{BASE}".encode()


@pytest.mark.parametrize(
    ("bind", "code"),
    [
        (m.Bind(3, b"alice", None, b"wrong"), Code.INVALID_CREDENTIALS),
        (m.Bind(3, b"nobody", None, b"wrong"), Code.INVALID_CREDENTIALS),
        (m.Bind(3, b"uid=nobody,ou=members," + BASE.encode(), None, b"x"), Code.INVALID_CREDENTIALS),
        (m.Bind(3, b"cn=odd", None, b"\xff\0"), Code.INVALID_CREDENTIALS),
        (m.Bind(3, b"alice", None, b""), Code.UNWILLING_TO_PERFORM),
        (m.Bind(3, f"uid=alice,ou=members,{BASE}".encode(), None, b""), Code.UNWILLING_TO_PERFORM),
        (m.Bind(3, b"", None, b"x"), Code.UNWILLING_TO_PERFORM),
        (m.Bind(1, b"alice", None, b"ecila"), Code.PROTOCOL_ERROR),
        (m.Bind(4, b"alice", None, b"ecila"), Code.PROTOCOL_ERROR),
        (m.Bind(3, b"", "GSSAPI", b""), Code.AUTH_METHOD_NOT_SUPPORTED),
        (m.Bind(3, b"", "EXTERNAL", b""), Code.AUTH_METHOD_NOT_SUPPORTED),
        (m.Bind(3, b"", "PLAIN", b"alice"), Code.PROTOCOL_ERROR),
        (m.Bind(3, b"", "PLAIN", b"\0alice\0"), Code.UNWILLING_TO_PERFORM),
        (m.Bind(3, b"", "PLAIN", b"\0alice\0wrong"), Code.INVALID_CREDENTIALS),
        (m.Bind(3, b"", "PLAIN", b"bob\0alice\0ecila"), Code.INSUFFICIENT_ACCESS_RIGHTS),
    ],
)
def test_bind_refused(place: World, bind: m.Bind, code: Code) -> None:
    talk = Talk(place).bind("bob")
    assert talk.one(bind).code == code
    assert talk.one(WHO).value == b"", "a failed bind leaves nobody bound"
    assert not talk.session.closed


def test_unknown_and_wrong_have_the_same_words(place: World) -> None:
    talk = Talk(place)
    unknown, wrong = (talk.one(m.Bind(3, login, None, b"x")) for login in (b"nobody", b"alice"))
    assert (unknown.code, unknown.text, unknown.matched) == (wrong.code, wrong.text, wrong.matched)


def test_an_unknown_way_to_bind(place: World) -> None:
    request = tlv(0x30, number(1) + tlv(0x60, number(3) + text("alice") + text("x", 0x8A)))
    (answer,) = Talk(place).say(request)
    assert (answer.tag, answer.code) == (wire.BIND_ANSWER, Code.AUTH_METHOD_NOT_SUPPORTED)


@pytest.mark.parametrize("identity", ["", "alice", "u:alice"])
def test_sasl_plain(place: World, identity: str) -> None:
    talk = Talk(place, tls=True, peer=ELSEWHERE)
    assert talk.one(m.Bind(3, b"", "PLAIN", f"{identity}\0alice\0ecila".encode())).code == Code.SUCCESS
    assert talk.one(WHO).value == f"dn:uid=alice,ou=members,{BASE}".encode()


def certificate(*mails: str, cn: str = "", end: str = "Jan  1 00:00:00 2100 GMT") -> dict[str, object]:
    """As Python gives a verified one."""
    names = tuple(("email", mail) for mail in mails)
    return {"subject": ((("commonName", cn),),), "subjectAltName": names, "notAfter": end}


@pytest.mark.parametrize("identity", ["", "u:alice", f"dn:uid=alice,ou=members,{BASE}"])
@pytest.mark.parametrize(("part", "held"), [("mail", certificate("alice")), ("cn", certificate("bob", cn="Alice"))])
def test_sasl_external(place: World, part: str, held: dict[str, object], identity: str) -> None:
    talk = Talk(place, tls=True, peer=ELSEWHERE, rules=Rules(BOUNDS, certified_by=part), certificate=held)
    assert talk.one(m.Bind(3, b"", "EXTERNAL", identity.encode())).code == Code.SUCCESS
    assert talk.one(WHO).value == f"dn:uid=alice,ou=members,{BASE}".encode()
    assert talk.request(search())[-1].code == Code.SUCCESS
    assert talk.one(m.Bind(3, b"", "EXTERNAL", b"u:bob")).code == Code.INSUFFICIENT_ACCESS_RIGHTS
    assert talk.one(WHO).value == b""


@pytest.mark.parametrize("held", [certificate("nobody"), certificate("alice", "bob"), certificate(cn="alice")])
def test_certificates_that_name_nobody(place: World, held: dict[str, object]) -> None:
    talk = Talk(place, tls=True, rules=Rules(BOUNDS, certified_by="mail"), certificate=held)
    assert talk.one(m.Bind(3, b"", "EXTERNAL", b"")).code == Code.INVALID_CREDENTIALS


def test_a_certificate_lasts_as_long_as_it_and_its_member_do(place: World) -> None:
    external, rules = m.Bind(3, b"", "EXTERNAL", b""), Rules(BOUNDS, certified_by="mail")
    ended = Talk(place, tls=True, rules=rules, certificate=certificate("alice", end="Jan  1 00:00:00 2020 GMT"))
    ended.one(external)
    assert ended.one(search()).code == Code.INSUFFICIENT_ACCESS_RIGHTS
    dave = Talk(place, tls=True, rules=rules, certificate=certificate("dave"))
    assert dave.one(external).code == Code.INVALID_CREDENTIALS, "he is disabled"
    alice, bob = w.MEMBERS[:2]
    talk = Talk(place, tls=True, rules=rules, certificate=certificate("bob"))
    assert talk.one(external).code == Code.SUCCESS
    place.directory.set_members([alice], gone=[bob.id])
    assert talk.one(search()).code == Code.INSUFFICIENT_ACCESS_RIGHTS


def test_the_root_names_what_is_open_on_this_connection(place: World) -> None:
    root = search(base="", scope=Scope.BASE, attributes=("supportedSASLMechanisms",))
    for talk, wanted in (
        (Talk(place, peer=ELSEWHERE), []),
        (Talk(place, peer=ELSEWHERE, tls=True), [b"PLAIN"]),
        (Talk(place), [b"PLAIN"]),
        (Talk(place, tls=True, certificate=certificate("alice")), [b"PLAIN", b"EXTERNAL"]),
    ):
        entry, _ = talk.request(root)
        assert entry.attributes.get("supportedSASLMechanisms", []) == wanted
        asked = m.Compare(b"", "supportedSASLMechanisms", b"EXTERNAL")
        assert (talk.one(asked).code == Code.COMPARE_TRUE) is (b"EXTERNAL" in wanted)


def test_passwords_in_clear_text_from_elsewhere(place: World) -> None:
    bind = m.Bind(3, b"alice", None, b"ecila")
    for request in (bind, m.Bind(3, b"", "PLAIN", b"\0alice\0ecila")):
        assert Talk(place, peer=ELSEWHERE).one(request).code == Code.CONFIDENTIALITY_REQUIRED
    assert Talk(place, peer=ELSEWHERE, tls=True).one(bind).code == Code.SUCCESS
    assert Talk(place, peer=ELSEWHERE, rules=Rules(BOUNDS, clear_text_binds=True)).one(bind).code == Code.SUCCESS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Throttled("too many failed logins", retry_after=5), Code.BUSY),
        (Busy("too many logins at once"), Code.BUSY),
        (Unavailable("the database is away"), Code.UNAVAILABLE),
        (ZeroDivisionError("secret detail"), Code.OTHER),
    ],
)
def test_our_faults_are_never_wrong_passwords(place: World, error: Exception, code: Code) -> None:
    """Thunderbird deletes a stored password at 49."""
    talk = Talk(place)
    talk.session.receive(wiring.octets(m.Message(1, m.Bind(3, b"alice", None, b"ecila"))))
    assert talk.session.advance() and talk.session.verify is not None and talk.session.blocked
    talk.session.verified(error)
    (answer,) = wiring.answers(talk.work())
    assert answer.code == code and "secret" not in answer.text


def test_requests_wait_for_the_bind(place: World) -> None:
    talk = Talk(place)
    found = talk.say(m.Message(1, m.Bind(3, b"alice", None, b"ecila")), m.Message(2, search("(cn=person 001)")))
    assert [each.tag for each in found] == [wire.BIND_ANSWER, wire.ENTRY, wire.DONE]


def test_a_disabled_or_deleted_member_is_nobody_at_once(place: World) -> None:
    talk, other = Talk(place).bind("alice"), Talk(place).bind("bob")
    assert talk.one(WHO).code == other.request(search())[-1].code == Code.SUCCESS
    assert talk.request(search())[-1].code == Code.SUCCESS
    alice, bob = w.MEMBERS[:2]
    place.directory.set_members([w.FeedMember(alice.id, "alice", "", None, True, alice.subjects)], gone=[bob.id])
    for each in (talk, other):
        assert each.one(search()).code == Code.INSUFFICIENT_ACCESS_RIGHTS


HOUR = timedelta(hours=1)


def with_app_password(place: World, mac: bytes, door: str, left: timedelta) -> w.FeedMember:
    """Alice as the directory knows her from now on."""
    key = FeedAppPassword(5, mac, frozenset({door}), datetime.now(UTC) + left)
    alice = replace(w.MEMBERS[0], app_passwords=(key,))
    place.directory.set_members([alice])
    return alice


@pytest.mark.parametrize(("door", "left"), [("ldap", -HOUR), ("carddav", HOUR)])
def test_an_app_password_lasts_until_it_ends(place: World, door: str, left: timedelta) -> None:
    alice = with_app_password(place, b"", "ldap", HOUR)
    talk = Talk(place)
    talk.session.receive(wiring.octets(m.Message(1, m.Bind(3, b"alice", None, b"app password"))))
    talk.session.advance()
    talk.session.verified(Bound(alice.id, alice.login, alice.subjects, 5))
    assert talk.request(search())[-1].code == Code.SUCCESS
    with_app_password(place, b"", door, left)
    assert talk.request(search())[-1].code == Code.INSUFFICIENT_ACCESS_RIGHTS


def test_an_app_password_is_known_for_an_hour_after_the_database_knew_it(place: World) -> None:
    now, secrets, text = 0.0, Secrets(b"a key of 32 octets, made for this"), passwords.new_app_password()
    mac = passwords.app_password_mac(secrets, text) or b""
    alice = with_app_password(place, mac, "ldap", HOUR)
    known, claimed = Known(place.directory, secrets, clock=lambda: now), Verify("Alice", text)
    bound = Bound(alice.id, "alice", alice.subjects, 5)
    assert known.recognise(claimed) is None
    known.note(bound)
    assert known.recognise(claimed) == bound
    assert known.recognise(Verify("alice", passwords.new_app_password())) is None
    assert known.recognise(Verify("bob", text)) is None
    for door, left in (("ldap", -HOUR), ("carddav", HOUR)):
        with_app_password(place, mac, door, left)
        assert known.recognise(claimed) is None
    with_app_password(place, mac, "ldap", HOUR)
    now = 3600
    assert known.recognise(claimed) is None


def test_a_member_made_a_moment_ago_may_read(place: World) -> None:
    """The bind knows him before the directory does."""
    place.directory.set_members([], gone=[w.ALICE])
    talk = Talk(place)
    talk.session.receive(wiring.octets(m.Message(1, m.Bind(3, b"alice", None, b"ecila"))))
    talk.work()
    assert len(talk.request(search())) == 21


def test_anonymous(place: World) -> None:
    talk = Talk(place)
    assert talk.one(m.Bind(3, b"", None, b"")).code == Code.SUCCESS
    assert talk.one(WHO).value == b""
    assert talk.one(search()).code == Code.INSUFFICIENT_ACCESS_RIGHTS
    assert talk.one(m.Compare(BASE.encode(), "ou", b"contacts")).code == Code.INSUFFICIENT_ACCESS_RIGHTS
    opened = Talk(place, rules=Rules(BOUNDS, anonymous=True))
    assert len(opened.request(search())) == 21
    place.put(contact(1, groups=(SECRET,)))
    assert len(opened.request(search())) == 20
