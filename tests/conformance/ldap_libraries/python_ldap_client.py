"""What a program on python-ldap does with a directory; prints JSON. Runs on the Python of Debian's python3-ldap."""

from __future__ import annotations

import json
import sys

import ldap
from ldap.controls.libldap import SimplePagedResultsControl
from ldap.controls.sss import SSSRequestControl
from ldap.controls.vlv import VLVRequestControl
from ldap.schema import AttributeType, SubSchema

URL, CERTIFICATE, DN, PASSWORD, BASE = sys.argv[1:]
AUTOCOMPLETE = "(|(cn=*given4*)(mail=*given4*)(givenName=*given4*)(sn=*given4*))"


def connect(certificate=None, dn=DN, password=PASSWORD):
    """A bound connection; with a certificate to trust, after StartTLS."""
    connection = ldap.initialize(URL)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 60)
    if certificate:
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, certificate)
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.start_tls_s()
    connection.simple_bind_s(dn, password)
    return connection


def code_of(what):
    """The result code of a call that is refused."""
    try:
        what()
    except ldap.LDAPError as error:
        return error.args[0].get("result")
    return 0


def mails(connection, filter_, controls=None, limit=0):
    """The addresses and the controls of an answer."""
    message = connection.search_ext(BASE, ldap.SCOPE_SUBTREE, filter_, ["mail"], serverctrls=controls, sizelimit=limit)
    _, entries, _, answered = connection.result3(message)
    return [attributes["mail"][0].decode() for _, attributes in entries], answered


def pages(connection):
    """Each page's addresses."""
    control, found = SimplePagedResultsControl(True, size=20, cookie=b""), []
    while True:
        page, answered = mails(connection, "(mail=*)", [control])
        found.append(page)
        control.cookie = answered[0].cookie
        if not control.cookie:
            return found


bound = connect()
secure = connect(CERTIFICATE)
order = SSSRequestControl(criticality=True, ordering_rules=["sn"])
view = VLVRequestControl(True, before_count=2, after_count=3, offset=20, content_count=0)
[(_, root)] = bound.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["namingContexts", "subschemaSubentry"])
schema = SubSchema(bound.read_subschemasubentry_s(root["subschemaSubentry"][0].decode()))

print(
    json.dumps(
        {
            "wrong": code_of(lambda: connect(password="wrong")),
            "written": code_of(lambda: bound.modify_s(DN, [(ldap.MOD_REPLACE, "sn", [b"Other"])])),
            "found": mails(bound, AUTOCOMPLETE, limit=100)[0],
            "limited": code_of(lambda: mails(bound, "(mail=*)", limit=5)),
            "pages": pages(bound),
            "sorted": mails(bound, "(mail=*)", [order])[0],
            "window": mails(bound, "(mail=*)", [order, view])[0],
            "base": root["namingContexts"][0].decode(),
            "attributes": [schema.get_obj(AttributeType, oid).names[0] for oid in ("mozillaSecondEmail", "2.5.4.4")],
            "who": secure.whoami_s(),
            "trusted": mails(secure, "(sn=name07)")[0],
        }
    )
)
