"""Distinguished names: RFC 4514, and what clients make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldap_gateway import dn
from ldap_gateway.dn import InvalidDN


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("UID=alice, OU=Members ,dc=Example", "uid=ALICE,ou=members,dc=example"),
        ("ou=a;dc=b", "ou=a,dc=b"),
        ("cn=Kim+uid=1,dc=x", "UID=1 + CN=kim,dc=x"),
        ("0.9.2342.19200300.100.1.1=alice", "userid=alice"),
        ("OID.2.5.4.11=x", "organizationalUnitName=x"),
        (r"cn=Lu\C4\8Di\C4\87", "cn=lučić"),
        (r"cn=a\,b\+c\\d\"e", 'cn="a,b+c\\\\d\\"e"'),
        (r"cn=\ two \ ", "cn=two"),
        ("cn=two  words", "cn=two words"),
        (r"cn=\#1", r"cn=\231"),
        ("cn=#0403414243", "cn=abc"),
        ("ou=서울-지사", "ou=서울-지사"),
        ("ou=STRASSE", "ou=straße"),
        ("cn=", "cn= "),
        ("", "  "),
    ],
)
def test_same_name(written: str, same: str) -> None:
    assert dn.parse(written) == dn.parse(same)


@pytest.mark.parametrize(
    "written",
    ["alice", "=x", "cn", "cn=a,", "cn=a,,dc=x", "cn=a+,dc=x", 'cn="a', 'cn="a"b', "cn=a<b", "cn=#0", "cn=#04",
     "cn=\\", "cn=\\x", "cn=\\ff", "cn=a\0", "c n=a", "cñ=a"],
)  # fmt: skip
def test_no_name(written: str) -> None:
    with pytest.raises(InvalidDN):
        dn.parse(written)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_values_come_back(value: str) -> None:
    assert dn.split(f"cn={dn.escape(value)},dc=x") == [[("cn", value)], [("dc", "x")]]


@given(st.text(st.sampled_from('ab=,+;"\\#<> 0\0ä'), max_size=12))
def test_anything_is_a_name_or_an_error(text: str) -> None:
    try:
        dn.parse(text)
    except InvalidDN:
        return


def test_below() -> None:
    base = dn.parse("ou=contacts,dc=example,dc=com")
    assert base.under(base) == ()
    below = dn.parse("uid=1, ou=Contacts,dc=example,dc=com").under(base)
    assert below is not None and dn.only(below[0], "uid") == "1"
    assert dn.parse("dc=example,dc=com").under(base) is None
    assert dn.parse("ou=contacts,dc=example,dc=org").under(base) is None
    assert dn.only(next(iter(dn.parse("uid=1+cn=x").rdns)), "uid") is None
