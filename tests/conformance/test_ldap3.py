"""ldap3, the Python client, against the directory: schema, pages, many questions at once, changes as they happen."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPSocketOpenError

from sharedbook.domain.model import PRIVATE, Right
from sharedbook.services.contacts import contacts, trash
from sharedbook.services.members import grants
from tests.conformance.directory import COUNT, EVERYBODY, Directory, mail, person
from tests.ldap.served import BASE
from tests.ldap.wiring import number, text, tlv
from tests.support.eventually import eventually
from tests.support.sites import as_console

VLV_REQUEST, VLV_RESPONSE = "2.16.840.1.113730.3.4.9", "2.16.840.1.113730.3.4.10"


@contextmanager
def connected(directory: Directory, *, user: str = "", **options: Any) -> Iterator[ldap3.Connection]:
    """A bound connection."""
    server = ldap3.Server("127.0.0.1", directory.site.port, get_info=ldap3.ALL)
    connection = ldap3.Connection(server, user or directory.dn, directory.secret, auto_bind=True, **options)
    try:
        yield connection
    finally:
        connection.unbind()


def found(connection: ldap3.Connection, filter_: str = "(mail=*)", base: str = BASE) -> list[str]:
    """Sorted addresses of what a filter finds."""
    connection.search(base, filter_, attributes=["mail"])
    return sorted(entry.mail.value for entry in connection.entries)


def test_server_information(directory: Directory) -> None:
    with connected(directory) as connection:
        info, schema = connection.server.info, connection.server.schema
        assert info.naming_contexts == [BASE]
        assert info.schema_entry == ["cn=Subschema"]
        assert schema.attribute_types["mail"].equality and schema.attribute_types["sn"].syntax
        assert {"inetOrgPerson", "mozillaAbPersonAlpha"} <= set(schema.object_classes)
        connection.search(BASE, f"(mail={mail(5)})", attributes=["*", "+"])
        [entry] = connection.entries
        unknown = [name for name in entry.entry_attributes if name not in schema.attribute_types]
        assert unknown == [], "the schema does not list what is answered"
        classes = [schema.object_classes[name] for name in entry.objectClass.values]
        assert all(set(each.must_contain or ()) <= set(entry.entry_attributes) for each in classes)


@pytest.mark.parametrize("user", ["{dn}", "{login}", "UID={login}, OU=Members, {base}"])
def test_who_logs_in(directory: Directory, user: str) -> None:
    written = user.format(dn=directory.dn, login=directory.login.upper(), base=BASE)
    with connected(directory, user=written) as connection:
        assert connection.extend.standard.who_am_i() == f"dn:{directory.dn}"
        assert found(connection) == sorted(EVERYBODY)


def test_start_tls_with_the_certificate_verified(directory: Directory) -> None:
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=str(directory.certificate), version=ssl.PROTOCOL_TLS_CLIENT
    )
    server = ldap3.Server("127.0.0.1", directory.site.port, tls=tls, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, directory.dn, directory.secret, auto_bind=ldap3.AUTO_BIND_TLS_BEFORE_BIND)
    assert connection.tls_started
    assert found(connection) == sorted(EVERYBODY)
    connection.unbind()
    stranger = ldap3.Server(
        "127.0.0.1",
        directory.site.tls_port,
        use_ssl=True,
        tls=ldap3.Tls(validate=ssl.CERT_REQUIRED),
        get_info=ldap3.NONE,
    )
    with pytest.raises(LDAPSocketOpenError):
        ldap3.Connection(stranger, directory.dn, directory.secret, auto_bind=True)


def test_pages_tell_how_many_the_reader_may_see(directory: Directory) -> None:
    with connected(directory) as connection:
        pages = connection.extend.standard.paged_search(BASE, "(mail=*)", attributes=["mail"], paged_size=9)
        assert sorted(page["attributes"]["mail"][0] for page in pages) == sorted(EVERYBODY)
        connection.search(BASE, "(mail=*)", attributes=["mail"], paged_size=9)
        control = connection.result["controls"]["1.2.840.113556.1.4.319"]["value"]
        assert (control["size"], len(connection.entries)) == (COUNT, 9)


def test_a_forged_cookie(directory: Directory) -> None:
    with connected(directory) as connection:
        connection.search(BASE, "(mail=*)", attributes=["mail"], paged_size=9, paged_cookie=b"forged")
        assert (connection.result["result"], connection.entries) == (53, [])
        assert found(connection) == sorted(EVERYBODY)


def test_a_window_of_a_sorted_list(directory: Directory) -> None:
    by_position = tlv(0xA0, number(20) + number(COUNT))
    by_name = text("NAME30", 0x81)
    order = ("1.2.840.113556.1.4.473", True, tlv(0x30, tlv(0x30, text("sn"))))
    with connected(directory) as connection:
        for before, after, target, wanted in ((2, 3, by_position, EVERYBODY[17:23]), (0, 4, by_name, EVERYBODY[30:35])):
            view = (VLV_REQUEST, True, tlv(0x30, number(before) + number(after) + target))
            connection.search(BASE, "(mail=*)", attributes=["mail"], controls=[order, view])
            assert [entry.mail.value for entry in connection.entries] == wanted
            at = EVERYBODY.index(wanted[before]) + 1
            answer = connection.result["controls"][VLV_RESPONSE]["value"]
            assert answer == tlv(0x30, number(at) + number(COUNT) + number(0, 10))


def test_many_questions_on_one_connection(directory: Directory) -> None:
    with connected(directory, client_strategy=ldap3.ASYNC) as connection:
        asked = {
            number: connection.search(BASE, f"(mail={mail(number)})", attributes=["mail"]) for number in range(COUNT)
        }
        for number, message in asked.items():
            entries, result = connection.get_response(message)
            assert result["result"] == 0
            assert [entry["attributes"]["mail"] for entry in entries] == [[mail(number)]]


def test_what_cannot_be_done(directory: Directory) -> None:
    with connected(directory) as connection:
        connection.search(BASE, f"(mail={mail(3)})", attributes=["sn"])
        dn = connection.entries[0].entry_dn
        changes = {"sn": [(ldap3.MODIFY_REPLACE, ["Other"])]}
        assert not connection.add(f"uid=new,{BASE}", "inetOrgPerson", {"sn": "New", "cn": "New"})
        assert connection.result["description"] == "unwillingToPerform"
        assert not connection.modify(dn, changes)
        assert connection.result["description"] == "unwillingToPerform"
        assert not connection.modify_dn(dn, "uid=other")
        assert connection.result["description"] == "unwillingToPerform"
        assert not connection.delete(dn)
        assert connection.result["description"] == "unwillingToPerform"
        assert found(connection) == sorted(EVERYBODY)


def test_an_open_connection_sees_each_change(directory: Directory) -> None:
    console, group = partial(as_console, directory.site.app), directory.site.group()
    base = f"ou={group.slug},ou=groups,{BASE}"
    with connected(directory) as connection:
        with console() as tx:
            grants.grant(tx, group.slug, directory.login, Right.VIEW)
            ids = [contacts.add(tx, group, person(group, number)).id for number in (901, 902)]
        eventually(partial(found, connection, "(mail=*)", base), [mail(901), mail(902)])
        with console() as tx:
            contacts.replace(tx, ids[0], person(group, 901, "TITLE:Keeper"))
            contacts.delete(tx, ids[1:])
        eventually(partial(found, connection, "(mail=*)", base), [mail(901)])
        eventually(partial(found, connection, "(title=keeper)", base), [mail(901)])
        with console() as tx:
            trash.restore(tx, ids[1:])
            contacts.set_visibility(tx, ids[:1], PRIVATE)
        eventually(partial(found, connection, "(mail=*)", base), [mail(902)])
        with console() as tx:
            grants.revoke(tx, group.slug, directory.login)
        eventually(lambda: len(found(connection, f"(mail={mail(902)})")), 0)
        assert found(connection) == sorted(EVERYBODY)
