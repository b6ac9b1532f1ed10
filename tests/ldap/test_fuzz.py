"""Damaged messages: only the errors that are defined, in bounded memory, and the session lives or says goodbye.

In `make test` some ten thousand messages, in `make soak` two million; the seed and the slowest are printed.
"""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest

from ldap_gateway import messages as m
from ldap_gateway import schema, wire
from ldap_gateway.wire import BadRequest, BrokenStream
from tests.ldap import wiring
from tests.ldap.talk import Talk
from tests.ldap.wiring import BOUNDS, number, octets, search, text, tlv
from tests.ldap.world import BASE, contact, world

MESSAGES, SOAK_MESSAGES = 40_000, 2_000_000
TALKED, SOAK_TALKED = 40_000, 100_000
MOST_MEMORY = 50 * 1024 * 1024

SEEDS = [
    m.Message(1, m.Bind(3, b"uid=alice,ou=members," + BASE.encode(), None, b"ecila")),
    m.Message(2, m.Bind(3, b"", "PLAIN", b"\0alice\0ecila")),
    m.Message(3, search("(&(|(cn=*k*)(mail=k*x*y)(!(sn>=a)))(o~=x)(l:dn:2.5.13.2:=S)(cn=*))", attributes=("cn", "*"))),
    m.Message(4, search("(cn=*)"), (m.Control(schema.PAGED_RESULTS, True, tlv(0x30, number(2) + text(b""))),)),
    m.Message(5, search("(cn=*)"), (m.Control(schema.SORT_REQUEST, True, tlv(0x30, tlv(0x30, text("cn")))),)),
    m.Message(6, m.Compare(f"ou=groups,{BASE}".encode(), "ou", b"groups")),
    m.Message(7, m.Extended(schema.WHO_AM_I, None)),
    m.Message(8, m.Extended(schema.CANCEL, tlv(0x30, number(4)))),
    m.Message(9, m.Abandon(4)),
    m.Message(10, m.Write(0x67)),
]  # fmt: skip
INTERESTING = b"\x00\x01\x30\x7f\x80\x81\x84\x88\xff\xa0\xa1\xa2\xa3\xa4\xa9\x87\x63\x60\x04\x02\x0a"


def damaged(chance: random.Random, data: bytes) -> bytes:
    """A message with a few octets changed, taken out, doubled or put in, and perhaps its length made right again."""
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(mutable))
        match chance.randrange(5):
            case 0:
                mutable[at] = chance.choice(INTERESTING)
            case 1:
                mutable[at] ^= 1 << chance.randrange(8)
            case 2:
                del mutable[at : at + chance.randint(1, 8)]
            case 3:
                mutable[at:at] = mutable[at : at + chance.randint(1, 40)]
            case 4:
                mutable[at:at] = bytes(chance.choices(INTERESTING, k=chance.randint(1, 4)))
        mutable = mutable or bytearray(b"0")
    if chance.random() < 0.7 and len(mutable) > 2:
        return tlv(0x30, bytes(mutable[2:]))
    return bytes(mutable)


@pytest.mark.soak
def test_damaged_messages_give_defined_errors_only(seed: int, soak: bool) -> None:
    """The decoder alone."""
    chance, seeds, count = random.Random(seed), [octets(each) for each in SEEDS], SOAK_MESSAGES if soak else MESSAGES
    slowest, understood = 0.0, 0
    tracemalloc.start()
    for turn in range(count):
        data = damaged(chance, chance.choice(seeds))
        began = time.thread_time()
        try:
            framed = wire.frame(data, 0, BOUNDS.message)
            if framed is not None:
                wire.decode(data, *framed, BOUNDS)
                understood += 1
        except (BrokenStream, BadRequest):
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, message {turn}: {data.hex()}") from error
        slowest = max(slowest, time.thread_time() - began)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"seed {seed}: {count} messages, {understood} understood, slowest {slowest * 1000:.2f} ms, peak {peak} octets"
    )
    assert understood > count // 100
    assert peak < MOST_MEMORY, f"seed {seed}"


def test_an_id_whose_length_is_written_in_a_longer_form() -> None:
    talk = Talk(world([contact(1, "EMAIL:p@example.com", name="Person 1")]))
    talk.say(SEEDS[0])
    usual = octets(m.Message(5, search("(mail=p*)")))
    head, rest = usual[:5], usual[5:]
    assert head[2:] == b"\x02\x01\x05"
    odd = tlv(0x30, b"\x02\x81\x01\x05" + rest)
    assert talk.say(odd) == talk.say(usual) != []


@pytest.mark.soak
def test_damaged_conversations(seed: int, soak: bool) -> None:
    """The whole session: it answers, or says goodbye; it never raises and never answers what cannot be read."""
    chance, seeds = random.Random(seed), [octets(each) for each in SEEDS]
    place = world([contact(n, "EMAIL:p@example.com", name=f"Person {n}") for n in range(1, 30)])
    count = 0
    while count < (SOAK_TALKED if soak else TALKED):
        talk = Talk(place)
        for _ in range(chance.randint(1, 6)):
            data = damaged(chance, chance.choice(seeds)) if chance.random() < 0.8 else chance.choice(seeds)
            count += 1
            try:
                said = talk.say(data)
            except Exception as error:
                raise AssertionError(f"seed {seed}, message {count}: {data.hex()}") from error
            notices = [each for each in said if each.id == 0]
            assert not notices or (talk.session.closed and said[-1] is notices[0]), f"seed {seed}: {data.hex()}"
            assert not any(each.code == 80 for each in said), f"seed {seed}: {data.hex()}"
            if talk.session.closed:
                break
            if talk.session.start_tls:
                talk.session.tls_started()
    print(f"seed {seed}: {count} messages")


def test_a_message_just_inside_the_bounds_is_quick() -> None:
    """The largest and the widest filter that are let in."""
    large = m.Message(
        1, m.Search(b"", m.Scope.SUBTREE, 0, 0, False, m.Assertion(m.Relation.EQUAL, "cn", b"x" * 1_048_000), ())
    )
    assert wiring.decode(octets(large)) == large
    part: m.Filter = m.Or((m.Substrings("cn", b"a", (b"b",) * 500, b"c"),) * 200)
    for _ in range(30):
        part = m.Not(part)
    wide = m.Message(1, m.Search(b"", m.Scope.SUBTREE, 0, 0, False, part, ()))
    assert wiring.decode(octets(wide)) == wide
