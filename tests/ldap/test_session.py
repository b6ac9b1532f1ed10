"""The protocol, without a socket: binding, searching, paging, extended operations, what is refused and how."""

from __future__ import annotations

import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.ber import Reader
from ldap_gateway.messages import Code, Scope
from ldap_gateway.searching import COOKIES
from ldap_gateway.session import CHUNK, STREAMS, Rules
from sharedbook.domain.errors import Busy, Throttled, Unavailable
from tests.ldap import wiring
from tests.ldap import world as w
from tests.ldap.talk import ELSEWHERE, Talk
from tests.ldap.wiring import BOUNDS, Answer, number, search, text, tlv
from tests.ldap.world import BASE, SECRET, World, contact, key_of, world

WHO = m.Extended(schema.WHO_AM_I, None)


@pytest.fixture
def place() -> World:
    return world([contact(n, f"EMAIL:p{n}@example.com", name=f"Person {n:03}") for n in range(1, 21)])


@pytest.fixture(scope="module")
def crowd() -> World:
    """More than fit into some chunks."""
    return world([contact(n, name=f"Person {n:04}") for n in range(1, 3 * CHUNK + 2)])


def names(found: list[Answer]) -> list[str]:
    return [each.attributes["cn"][0].decode() for each in found if each.tag == wire.ENTRY]


# ---- bind


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
    assert sizes == [CHUNK, CHUNK, CHUNK, 1, 1, 0]
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


def test_an_id_in_use(crowd: World) -> None:
    talk = Talk(crowd).bind("carol")
    talk.session.receive(wiring.octets(m.Message(9, search())) * 2)
    while talk.session.advance():
        pass
    (answer,) = wiring.answers(talk.session.take())
    assert (answer.id, answer.code) == (9, Code.PROTOCOL_ERROR)


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


# ---- paged results


def paged(size: int, cookie: bytes = b"", *, critical: bool = False) -> m.Control:
    return m.Control(schema.PAGED_RESULTS, critical, tlv(0x30, number(size) + text(cookie)))


def _page(done: Answer) -> tuple[int, bytes]:
    reader = Reader(done.controls[schema.PAGED_RESULTS]).enter()
    return reader.integer(), reader.octets()


def cookie(done: Answer) -> bytes:
    return _page(done)[1]


def estimate(done: Answer) -> int:
    return _page(done)[0]


def test_pages(place: World) -> None:
    talk = Talk(place, rules=Rules(BOUNDS, size_limit=3)).bind("carol")
    found, pages, next_ = [], 0, b""
    while True:
        *entries, done = talk.request(search(attributes=("cn",)), paged(6, next_, critical=True))
        found += names(entries)
        pages += 1
        next_ = cookie(done)
        assert done.code == 0 and estimate(done) == 20
        if not next_:
            break
    assert pages == 4 and sorted(found) == [f"Person {n:03}" for n in range(1, 21)]


def test_a_page_checks_again_what_is_there(place: World) -> None:
    talk = Talk(place).bind("carol")
    *first, done = talk.request(search(attributes=("cn",)), paged(5))
    rest = sorted(set(place.contacts) - {int(name.split()[1]) for name in names(first)})
    place.directory.index.remove(rest[0])
    place.put(contact(rest[1], groups=(SECRET,)))
    place.put(contact(99, name="Person 099"))
    *second, done = talk.request(search(attributes=("cn",)), paged(50, cookie(done)))
    assert len(second) == 13 and cookie(done) == b""
    assert "Person 099" not in names(second), "a page continues the search; it does not run it again"


def test_a_size_limit_of_the_client_counts_over_all_pages(place: World) -> None:
    talk = Talk(place).bind("carol")
    *first, done = talk.request(search(size_limit=7), paged(5))
    assert (len(first), done.code) == (5, 0)
    *second, done = talk.request(search(size_limit=7), paged(5, cookie(done)))
    assert (len(second), done.code, cookie(done)) == (2, Code.SIZE_LIMIT_EXCEEDED, b"")


def test_cookies_are_bound(place: World) -> None:
    """To connection, identity and request; each is good for one page."""

    def fresh(talk: Talk) -> bytes:
        return cookie(talk.request(search(), paged(5))[-1])

    def code(talk: Talk, asked: m.Search, *controls: m.Control) -> int:
        return talk.request(asked, *controls)[-1].code

    talk = Talk(place).bind("carol")
    refused = Code.UNWILLING_TO_PERFORM
    assert code(talk, search(), paged(5, b"forged")) == refused
    assert code(Talk(place).bind("carol"), search(), paged(5, fresh(talk))) == refused
    assert code(talk, search("(mail=*)"), paged(5, fresh(talk))) == refused
    assert code(talk, search(attributes=("cn",)), paged(5, fresh(talk))) == refused
    assert code(talk, search(), paged(5, fresh(talk)), sort("cn")) == refused
    used = fresh(talk)
    assert code(talk, search(), paged(7, used)) == Code.SUCCESS
    assert code(talk, search(), paged(7, used)) == refused
    before = fresh(talk)
    talk.bind("carol")
    assert code(talk, search(), paged(5, before)) == refused


def test_the_oldest_cookies_are_dropped(place: World) -> None:
    talk = Talk(place).bind("carol")
    cookies = [cookie(talk.request(search(), paged(1))[-1]) for _ in range(2000)]
    assert talk.request(search(), paged(1, cookies[-COOKIES - 1]))[-1].code == Code.UNWILLING_TO_PERFORM
    assert talk.request(search(), paged(1, cookies[-COOKIES]))[-1].code == Code.SUCCESS
    assert len(talk.session._searches._rests) == COOKIES


def test_a_page_of_nothing(place: World) -> None:
    """A size of 0 asks how many there are, and ends a paged search."""
    talk = Talk(place).bind("carol")
    done = talk.one(search(), paged(0))
    assert (done.code, _page(done)) == (0, (20, b""))
    next_ = cookie(talk.request(search(), paged(5))[-1])
    assert _page(talk.one(search(), paged(0, next_))) == (20, b"")
    assert talk.one(search(), paged(5, next_)).code == Code.UNWILLING_TO_PERFORM
    assert _page(talk.one(search("(cn=none)"), paged(5))) == (0, b"")


# ---- sorting


def sort(*keys: str, critical: bool = False, rule: str = "", reverse: bool = False) -> m.Control:
    def key(name: str) -> bytes:
        return tlv(0x30, text(name) + (text(rule, 0x80) if rule else b"") + (tlv(0x81, b"\xff") if reverse else b""))

    return m.Control(schema.SORT_REQUEST, critical, tlv(0x30, b"".join(map(key, keys))))


def sorted_as_asked(done: Answer) -> int:
    return Reader(done.controls[schema.SORT_RESPONSE]).enter().integer(10)


@pytest.mark.parametrize("rule", ["", "2.5.13.3", "caseIgnoreOrderingMatch"])
def test_sorted(place: World, rule: str) -> None:
    """SOGo sends it critical, with a rule."""
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("commonName", critical=True, rule=rule))
    assert names(found) == [f"Person {n:03}" for n in range(1, 21)]
    assert done.code == sorted_as_asked(done) == 0
    *found, done = talk.request(search(attributes=("cn",), size_limit=3), sort("cn", rule=rule, reverse=True))
    assert names(found) == ["Person 020", "Person 019", "Person 018"] and done.code == Code.SIZE_LIMIT_EXCEEDED
    *found, done = talk.request(search(attributes=("cn",)), sort("cn", rule=rule), paged(8))
    *more, done = talk.request(search(attributes=("cn",)), sort("cn", rule=rule), paged(20, cookie(done)))
    assert names(found + more) == [f"Person {n:03}" for n in range(1, 21)] and sorted_as_asked(done) == 0


@pytest.mark.parametrize(
    ("control", "code"),
    [
        (sort("foo"), Code.NO_SUCH_ATTRIBUTE),
        (sort("cn", "memberOf"), Code.NO_SUCH_ATTRIBUTE),
        (sort("jpegPhoto"), Code.NO_SUCH_ATTRIBUTE),
        (sort("cn", rule="1.2.3"), Code.INAPPROPRIATE_MATCHING),
    ],
)
def test_impossible_orders(place: World, control: m.Control, code: Code) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(), control)
    assert (len(found), done.code, sorted_as_asked(done)) == (20, 0, code)
    critical = m.Control(control.oid, True, control.value)
    done = talk.one(search(), critical)
    assert (done.code, sorted_as_asked(done)) == (Code.UNAVAILABLE_CRITICAL_EXTENSION, code)


# ---- virtual list view


def view(before: int, after: int, offset: int, count: int) -> m.Control:
    return m.Control(
        schema.VLV_REQUEST, True, tlv(0x30, number(before) + number(after) + tlv(0xA0, number(offset) + number(count)))
    )


def view_from(before: int, after: int, value: str) -> m.Control:
    return m.Control(schema.VLV_REQUEST, True, tlv(0x30, number(before) + number(after) + text(value, 0x81)))


def listed(done: Answer) -> tuple[int, int]:
    reader = Reader(done.controls[schema.VLV_RESPONSE]).enter()
    target, count = reader.integer(), reader.integer()
    assert reader.integer(10) == 0
    return target, count


@pytest.mark.parametrize(
    ("control", "reverse", "first", "last", "target"),
    [
        (view(0, 4, 1, 0), False, 1, 5, 1),
        (view(2, 2, 10, 20), False, 8, 12, 10),
        (view(2, 2, 1, 20), False, 1, 3, 1),
        (view(2, 9, 20, 20), False, 18, 20, 20),
        (view(0, 0, 50, 100), False, 10, 10, 10),
        (view(0, 0, 100, 100), False, 20, 20, 20),
        (view(1, 0, 99, 0), False, 19, 20, 20),
        (view_from(1, 1, "PERSON 007"), False, 6, 8, 7),
        (view_from(0, 1, "person 0075"), False, 8, 9, 8),
        (view_from(0, 1, "person 007"), True, 7, 6, 14),
    ],
)
def test_list_views(place: World, control: m.Control, reverse: bool, first: int, last: int, target: int) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("cn", reverse=reverse), control)
    step = -1 if reverse else 1
    assert names(found) == [f"Person {n:03}" for n in range(first, last + step, step)]
    assert listed(done) == (target, 20)


def test_list_views_at_the_end(place: World) -> None:
    talk = Talk(place).bind("carol")
    *found, done = talk.request(search(attributes=("cn",)), sort("cn"), view_from(1, 5, "zz"))
    assert names(found) == ["Person 020"] and listed(done) == (21, 20)
    assert talk.one(search(), view(0, 0, 1, 0)).code == Code.SORT_CONTROL_MISSING
    assert talk.one(search(), sort("cn"), view(0, 0, 0, 0)).code == Code.OFFSET_RANGE_ERROR
    assert talk.one(search(), sort("cn"), view(0, 0, 1, 0), paged(3)).code == Code.UNWILLING_TO_PERFORM


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
