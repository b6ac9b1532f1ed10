"""The parts of the door that need no server: the table of errors, programs' names, texts in XML, filters."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radicale_storage import errors, filters, guards
from radicale_storage.errors import TABLE, Asked, Refused
from radicale_storage.limits import Crowd
from radicale_storage.multistatus import Layout, document, name_in_path, path, text
from radicale_storage.request import Request, bound, current, product
from sharedbook.domain import errors as domain
from sharedbook.domain.errors import SharedbookError
from sharedbook.domain.query import Comparison, HasParam, Not, Op, Or, Some, Test

ASKED = Asked(path="/alice/friends/a b.vcf", parent="/alice/friends/")


def every_error(base: type[SharedbookError] = SharedbookError) -> list[type[SharedbookError]]:
    return [base, *(each for child in base.__subclasses__() for each in every_error(child))]


def make(kind: type[SharedbookError]) -> SharedbookError:
    if kind is domain.Throttled:
        return domain.Throttled("too many <b>", retry_after=7, hint="wait")
    if kind is domain.DeletionHeld:
        return domain.DeletionHeld(
            "20 <b> of 100", group_id=1, at=datetime.now(UTC), taken=20, size=100, known=False, hint="the next step"
        )
    return kind("what <b> & where", hint="the next step")


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_an_answer(kind: type[SharedbookError]) -> None:
    answer = errors.response(make(kind), ASKED)
    assert 400 <= answer.status < 600
    if kind is not SharedbookError:
        assert answer.status != 500, "the table knows no class of this error's ancestors"
    if answer.headers["Content-Type"] == errors.XML:
        root = ET.fromstring(answer.body)
        assert "the next step" in (root.findtext("{DAV:}responsedescription") or "")


@pytest.mark.parametrize(
    ("error", "status", "condition"),
    [
        (domain.QuotaExceeded("full"), 507, "{DAV:}quota-not-exceeded"),
        (domain.CardGone("dead"), 409, None),
        (domain.CardErased("erased"), 409, None),
        (domain.HrefTaken("taken"), 409, None),
        (domain.Busy("busy"), 503, None),
        (domain.InvalidToken("old"), 403, "{DAV:}valid-sync-token"),
        (Refused(507, "many", "D:number-of-matches-within-limits"), 507, "{DAV:}number-of-matches-within-limits"),
        (Refused(413, "large"), 413, None),
    ],
)
def test_the_table(error: errors.Refusal, status: int, condition: str | None) -> None:
    answer = errors.response(error, ASKED)
    assert answer.status == status
    if condition:
        assert ET.fromstring(answer.body)[0].tag == condition
    else:
        assert answer.headers["Content-Type"] == errors.TEXT


def test_a_name_in_use_fails_the_condition_of_who_asked_for_a_new_one() -> None:
    assert errors.response(domain.HrefTaken("taken"), Asked(conditional=True)).status == 412


def test_waiting_is_told() -> None:
    assert errors.response(make(domain.Throttled), ASKED).headers["Retry-After"] == "7"
    assert int(errors.response(domain.Busy("busy"), ASKED).headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("right", "privilege", "href"),
    [
        ("add", "bind", "/alice/friends/"),
        ("delete", "unbind", "/alice/friends/"),
        ("edit", "write-content", "/alice/friends/a%20b.vcf"),
        ("view", "read", "/alice/friends/a%20b.vcf"),
        (None, "write", "/alice/friends/a%20b.vcf"),
    ],
)
def test_need_privileges(right: str | None, privilege: str, href: str) -> None:
    root = ET.fromstring(errors.response(domain.Forbidden("no", right=right), ASKED).body)
    resource = root.find("{DAV:}need-privileges/{DAV:}resource")
    assert resource is not None and resource.findtext("{DAV:}href") == href
    assert resource.find(f"{{DAV:}}privilege/{{DAV:}}{privilege}") is not None


def test_the_table_names_only_errors_of_the_domain() -> None:
    assert set(TABLE) <= set(every_error())


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0", "Thunderbird/128.0"),
        ("DAVx5/4.4.3-ose (2024/09/10; dav4jvm; okhttp/4.12.0) Android/14", "DAVx5/4.4.3-ose"),
        ("iOS/17.5 (21F79) dataaccessd/1.0", "iOS/17.5"),
        ("vdirsyncer", "vdirsyncer"),
        ("", ""),
        ("x" * 200, "x" * 80),
    ],
)
def test_programs(agent: str, named: str) -> None:
    assert product(agent) == named


def test_the_request_of_a_thread() -> None:
    with bound(Request("GET")) as request:
        assert current() is request
        first, second = domain.Busy("first"), domain.Busy("second")
        request.refuse(first)
        request.refuse(second)
        assert request.refusal is first
    assert current() is not request
    with pytest.raises(domain.Unavailable):
        _ = request.tx


# ---- text in XML

XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\r\n\t%<>&\"'")
)


@given(XML_TEXT, XML_TEXT)
def test_any_text_comes_out_as_it_went_in(value: str, name: str) -> None:
    layout = Layout({"{DAV:}x": text, "{urn:y}z": text(value)}, ["{DAV:}x", "{urn:y}z", "{urn:y}none"])
    root = ET.fromstring(document([layout.write(path("", name) + name_in_path(name), value)]))
    assert root.findtext(".//{DAV:}x") == value
    assert root.findtext(".//{urn:y}z") == value


@given(st.binary(max_size=300))
def test_any_bytes_are_xml_or_refused(body: bytes) -> None:
    try:
        guards.parse_xml(body)
    except Refused as error:
        assert error.status == 400


@given(st.text(max_size=60))
def test_any_path_is_segments_or_refused(path: str) -> None:
    try:
        segments = guards.path_segments("/" + path)
    except Refused as error:
        assert error.status == 400
    else:
        assert all(segment and "/" not in segment and segment not in (".", "..") for segment in segments)


@given(st.text(max_size=60))
def test_any_authorization_is_a_login_or_none(header: str) -> None:
    found = guards.credentials({"HTTP_AUTHORIZATION": header})
    assert found is None or all(found)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', ('"a"',)),
        ('"a", "b"', ('"a"', '"b"')),
        ('W/"a","b,c"', ('"a"', '"b,c"')),
        ("*", ("*",)),
        (" * ", ("*",)),
        ("unquoted", ("unquoted",)),
    ],
)
def test_entity_tags(header: str, tags: tuple[str, ...]) -> None:
    assert guards.etags(header) == tags


# ---- filters


def translated(inner: str, **attributes: str) -> object:
    given_ = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return filters.translate(ET.fromstring(f'<filter xmlns="urn:ietf:params:xml:ns:carddav"{given_}>{inner}</filter>'))


def test_a_filter_becomes_a_query() -> None:
    inner = (
        '<prop-filter name="email" test="allof">'
        '<text-match collation="i;octet" match-type="ends-with">.org</text-match>'
        '<param-filter name="type"><text-match negate-condition="yes">home</text-match></param-filter>'
        '<param-filter name="pref"><is-not-defined/></param-filter></prop-filter>'
        '<prop-filter name="note"><is-not-defined/></prop-filter>'
    )
    assert translated(inner) == Or(
        (
            Some(
                "EMAIL",
                (
                    Test(Op.LIKE, final=".org", comparison=Comparison.OCTET),
                    Test(Op.LIKE, middle=("home",), comparison=Comparison.UNICODE, negate=True, param="TYPE"),
                    HasParam("PREF", absent=True),
                ),
            ),
            Not(Some("NOTE")),
        )
    )


@pytest.mark.parametrize(
    "inner",
    [
        "<prop-filter/>",
        '<prop-filter name="FN"><is-not-defined/><text-match>a</text-match></prop-filter>',
        '<prop-filter name="FN"><param-filter name="TYPE"><text-match/><text-match/></param-filter></prop-filter>',
        '<prop-filter name="FN"><param-filter/></prop-filter>',
        '<prop-filter name="FN"><time-range/></prop-filter>',
        "<text-match>a</text-match>",
    ],
)
def test_filters_that_mean_nothing(inner: str) -> None:
    with pytest.raises(domain.InvalidQuery):
        translated(inner)


def test_one_address_cannot_take_every_thread() -> None:
    crowd = Crowd()
    with crowd.one("192.0.2.1", 2), crowd.one("192.0.2.1", 2):
        with pytest.raises(domain.Busy), crowd.one("192.0.2.1", 2):
            pass
        with crowd.one("192.0.2.2", 2):
            pass
    with crowd.one("192.0.2.1", 1):
        pass
