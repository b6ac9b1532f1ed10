"""The access log tells what was asked and how it went, never about whom."""

from __future__ import annotations

import io
import logging
import re

import pytest

from ldap_gateway import messages as m
from ldap_gateway.log import Access, AccessLog, Said, describe, shape
from ldap_gateway.messages import Code
from tests.ldap.talk import Talk
from tests.ldap.wiring import parse_filter, search
from tests.ldap.world import BASE, contact, key_of, world


@pytest.mark.parametrize(
    ("written", "logged"),
    [
        ("(cn=*kim*)", "(cn=*<3>*)"),
        ("(cn=kim*)", "(cn=<3>*)"),
        ("(cn=*kim)", "(cn=*<3>)"),
        ("(cn=a*bc*def)", "(cn=<1>*<2>*<3>)"),
        ("(&(|(mail=kim@example.com)(!(sn>=m)))(o<=김)(l~=x))", "(&(|(mail=<15>)(!(sn>=<1>)))(o<=<3>)(l~=<1>))"),
        ("(objectClass=*)", "(objectClass=*)"),
        ("(cn:dn:2.5.13.2:=kim)", "(cn:dn:2.5.13.2:=<3>)"),
    ],
)
def test_shapes(written: str, logged: str) -> None:
    assert shape(parse_filter(written)) == logged


def test_a_name_that_is_no_name_is_its_length() -> None:
    assert shape(m.Present("kim\nresult=0")) == "(<12>=*)"


def test_no_line_holds_a_value() -> None:
    talk = Talk(world([contact(1, "EMAIL:secret@example.com", name="Secret Person")]))
    secrets = ["alice", "ecila", "secret", "person", key_of(1)]
    talk.request(m.Bind(3, b"alice", None, b"wrong-ecila"))
    talk.request(m.Bind(3, b"", "PLAIN", b"\0alice\0ecila"))
    talk.request(search("(|(cn=*secret*)(mail=secret@example.com))"))
    talk.request(m.Compare(f"uid={key_of(1)},{BASE}".encode(), "cn", b"secret person"))
    talk.request(search(base=f"uid={key_of(1)},{BASE}"))
    talk.say(b"secret")
    lines = [describe(access) for access in talk.log]
    assert len(lines) == 6
    for line in lines:
        assert "\n" not in line and not any(secret in line.lower() for secret in secrets), line
    assert lines[0] == "127.0.0.1 member=- bind method=simple name=<5> result=49 entries=0 ms=0.0"
    assert lines[2].endswith("search base=<29> scope=subtree filter=(|(cn=*<6>*)(mail=<18>)) result=0 entries=1 ms=0.0")
    assert "member=11" in lines[2]


def test_it_never_waits(caplog: pytest.LogCaptureFixture) -> None:
    """Written by its own thread, each in a line that starts with its time; what is too much is counted."""
    stream = io.StringIO()
    log = AccessLog(stream, most=100)
    with caplog.at_level(logging.WARNING, "sharedbook.ldap"):
        for number in range(2000):
            log(Access("127.0.0.1", number, Said("disconnected", "disconnected"), Code.SUCCESS, 0, 0.001))
        log.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 100
    start = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} sharedbook\.ldap 127\.0\.0\.1 member=")
    assert all(start.match(line) and line.endswith(" disconnected result=0 entries=0 ms=1.0") for line in lines)
    assert caplog.messages == [f"{2000 - len(lines)} requests were not logged: too many at once"]
