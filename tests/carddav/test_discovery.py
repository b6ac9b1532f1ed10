"""How a client finds the address books with nothing but a host name and a login (RFC 6764, RFC 5397, RFC 6352)."""

from __future__ import annotations

import pytest

from sharedbook.domain.model import ALL_RIGHTS, Right
from tests.carddav.dav import CR, CS, Client, D
from tests.carddav.served import SERVED, Book, Site


def test_well_known_redirects_without_a_login(site: Site) -> None:
    for method in ("GET", "PROPFIND"):
        reply = Client(site.port).request(method, "/.well-known/carddav")
        assert (reply.status, reply.headers["location"]) == (301, "/")


def test_a_login_is_asked_for(site: Site) -> None:
    for method, path in (("GET", "/"), ("PROPFIND", "/"), ("PROPFIND", "/alice/"), ("REPORT", "/x/y/")):
        reply = Client(site.port).request(method, path)
        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith('Basic realm="sharedbook"')


def test_options_needs_no_login(book: Book) -> None:
    needed = {"/": {"PROPFIND", "REPORT"}, book.of_alice(): {"PROPFIND", "REPORT", "PUT", "DELETE"}}
    for path, methods in needed.items():
        reply = Client(book.site.port).request("OPTIONS", path)
        assert reply.status == 200
        assert "addressbook" in reply.headers["dav"]
        assert methods <= set(reply.headers["allow"].split(", "))


def test_from_the_root_to_the_books(book: Book) -> None:
    principal = book.alice.propfind("/", f"{D}current-user-principal")
    home_path = principal.found()["/"][f"{D}current-user-principal"].findtext(f"{D}href")
    assert home_path == f"/{book.alice.login}/"
    names = (f"{CR}addressbook-home-set", f"{D}displayname", f"{D}resourcetype", f"{D}principal-URL")
    home = book.alice.propfind(home_path, *names).found()[home_path]
    assert home[f"{CR}addressbook-home-set"].findtext(f"{D}href") == home_path
    assert home[f"{D}displayname"].text == book.alice.login
    assert {child.tag for child in home[f"{D}resourcetype"]} == {f"{D}principal", f"{D}collection"}


def test_the_home_lists_what_a_member_may_view(book: Book) -> None:
    hidden = book.site.group()
    names = (f"{D}displayname", f"{D}resourcetype", f"{CS}getctag", f"{D}sync-token")
    listed = book.alice.propfind(f"/{book.alice.login}/", *names, depth="1").found()
    assert set(listed) == {f"/{book.alice.login}/", book.of_alice()}
    assert hidden.slug not in str(listed)
    found = listed[book.of_alice()]
    assert found[f"{D}displayname"].text == book.group.name
    assert {child.tag for child in found[f"{D}resourcetype"]} == {f"{CR}addressbook", f"{D}collection"}
    assert found[f"{CS}getctag"].text and found[f"{D}sync-token"].text


def test_a_login_in_capitals_is_the_same_member(book: Book) -> None:
    loud = Client(book.alice.port, book.alice.login.upper(), book.alice.password)
    reply = loud.propfind(f"/{loud.login}/{book.group.slug}/", f"{D}current-user-principal")
    assert list(reply.found()) == [book.of_alice()]


@SERVED
def test_status_lines_are_literal_and_200_comes_first(book: Book) -> None:
    body = book.alice.propfind(book.of_alice(), f"{D}nonsense", f"{D}displayname").text
    assert 0 < body.index("HTTP/1.1 200 OK") < body.index("HTTP/1.1 404 Not Found")


def test_a_property_of_a_foreign_namespace_is_404(book: Book) -> None:
    strange = "{http://example.com/100%/ns?a=1&amp;b}colour"
    reply = book.alice.propfind(book.of_alice(), f"{D}displayname", strange)
    assert reply.missing(book.of_alice()) == {strange.replace("&amp;", "&")}


def test_a_property_of_xml_s_own_namespace_is_404(book: Book) -> None:
    body = '<propfind xmlns="DAV:"><prop><xml:colour/></prop></propfind>'
    reply = book.alice.request("PROPFIND", book.of_alice(), body, Depth="0")
    assert reply.missing(book.of_alice()) == {"{http://www.w3.org/XML/1998/namespace}colour"}


@pytest.mark.parametrize(
    ("rights", "privileges"),
    [
        (Right.VIEW, {"read"}),
        (Right.VIEW | Right.EXPORT, {"read"}),
        (ALL_RIGHTS, {"read", "write", "write-content"}),
    ],
)
def test_privileges_tell_read_only_books_apart(book: Book, rights: Right, privileges: set[str]) -> None:
    bob = book.viewer(rights)
    assert privileges <= _privileges(book, bob)
    if rights & Right.EDIT == Right(0):
        assert _privileges(book, bob) == {"read"}


def _privileges(book: Book, client: Client) -> set[str]:
    path = book.path(client)
    found = client.propfind(path, f"{D}current-user-privilege-set").found()[path]
    return {each[0].tag.removeprefix(D) for each in found[f"{D}current-user-privilege-set"]}


@SERVED
@pytest.mark.parametrize(
    ("rights", "privileges"),
    [
        (Right.VIEW | Right.ADD, {"read", "bind"}),
        (Right.VIEW | Right.EDIT, {"read", "write-content"}),
        (Right.VIEW | Right.DELETE, {"read", "unbind"}),
        (ALL_RIGHTS, {"read", "bind", "write-content", "unbind", "write"}),
    ],
)
def test_privileges_right_by_right(book: Book, rights: Right, privileges: set[str]) -> None:
    assert _privileges(book, book.viewer(rights)) == privileges


def test_an_app_password_that_may_only_read_makes_books_read_only(site: Site) -> None:
    reader = site.member("reader", write=False)
    group = site.group(**{reader.login: ALL_RIGHTS})
    path = f"/{reader.login}/{group.slug}/"
    found = reader.propfind(path, f"{D}current-user-privilege-set").found()[path]
    assert [each[0].tag for each in found[f"{D}current-user-privilege-set"]] == [f"{D}read"]


@SERVED
def test_versions_collations_and_sizes_are_announced(book: Book) -> None:
    names = (f"{CR}supported-address-data", f"{CR}supported-collation-set", f"{CR}max-resource-size")
    found = book.alice.propfind(book.of_alice(), *names).found()[book.of_alice()]
    assert {each.get("version") for each in found[names[0]]} == {"3.0", "4.0"}
    assert {each.text for each in found[names[1]]} >= {"i;ascii-casemap", "i;unicode-casemap"}
    assert int(found[names[2]].text or "") == book.site.app.settings.limits_card_bytes


def test_reports_are_announced(book: Book) -> None:
    found = book.alice.propfind(book.of_alice(), f"{D}supported-report-set").found()[book.of_alice()]
    names = {each[0][0].tag for each in found[f"{D}supported-report-set"]}
    assert names >= {f"{D}sync-collection", f"{CR}addressbook-multiget", f"{CR}addressbook-query"}


def test_allprop_and_propname(book: Book) -> None:
    everything = book.alice.propfind(book.of_alice()).found()[book.of_alice()]
    assert everything[f"{D}displayname"].text == book.group.name
    body = '<propfind xmlns="DAV:"><propname/></propfind>'
    names = book.alice.request("PROPFIND", book.of_alice(), body).found()[book.of_alice()]
    assert f"{CS}getctag" in names and not any(each.text for each in names.values())


def test_the_root_greets_who_logs_in(book: Book) -> None:
    assert "sharedbook" in book.alice.get("/").text
    wrong = Client(book.alice.port, book.alice.login, "wrong")
    assert wrong.get("/").status == 401
