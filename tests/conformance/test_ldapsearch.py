"""The programs of ldap-utils against the directory: pages, order, limits, StartTLS, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharedbook.services.keys import certificate
from tests.conformance.directory import COUNT, EVERYBODY, Directory, Done, mail
from tests.ldap.served import BASE
from tests.support.authority import Authority
from tests.support.processes import Server

pytestmark = pytest.mark.needs("ldap-utils")

SIZE_LIMIT, NO_SUCH_OBJECT, WRONG_PASSWORD, UNWILLING, COMPARE_FALSE, COMPARE_TRUE = 4, 32, 49, 53, 5, 6
NO_RIGHT = 50


def test_everybody_whom_the_reader_may_see(directory: Directory) -> None:
    found = directory.search("(mail=*)", "mail")
    assert (found.code, sorted(found.mails)) == (0, sorted(EVERYBODY))
    assert all(set(entry) == {"dn", "mail"} for entry in found.entries)


@pytest.mark.parametrize(("size", "pages"), [(7, 8), (COUNT, 1), (1, COUNT), (500, 1)])
def test_pages(directory: Directory, size: int, pages: int) -> None:
    found = directory.search("-E", f"!pr={size}/noprompt", "(mail=*)", "mail")
    assert (found.code, found.pages, sorted(found.mails)) == (0, pages, sorted(EVERYBODY))


def test_order(directory: Directory) -> None:
    assert directory.search("-E", "!sss=sn", "(mail=*)", "mail").mails == EVERYBODY
    assert directory.search("-E", "!sss=-sn", "(mail=*)", "mail").mails == EVERYBODY[::-1]
    assert directory.search("-E", "!sss=givenName", "(mail=*)", "mail").mails == EVERYBODY[::-1]
    assert directory.search("-E", "!sss=cn:caseIgnoreOrderingMatch", "(mail=*)", "mail").mails == EVERYBODY[::-1]


def test_pages_in_order(directory: Directory) -> None:
    found = directory.search("-E", "!sss=sn", "-E", "!pr=10/noprompt", "(mail=*)", "mail")
    assert (found.mails, found.pages) == (EVERYBODY, 6)


@pytest.mark.parametrize(("view", "wanted"), [("2/3/20/0", EVERYBODY[17:23]), ("0/4:NAME30", EVERYBODY[30:35])])
def test_a_window_of_a_sorted_list(directory: Directory, view: str, wanted: list[str]) -> None:
    command = ["stdbuf", "-oL", "ldapsearch", "-x", "-H", f"ldap://127.0.0.1:{directory.site.port}", "-b", BASE]
    options = ["-D", directory.dn, "-w", directory.secret, "-E", "!sss=sn", "-E", f"!vlv={view}", "(mail=*)", "mail"]
    with Server([*command, *options], env={"LDAPCONF": "/dev/null"}) as running:
        running.wait_for_line("^Press .* for the next window")  # it asks for ever, whatever it reads
        window = running.output.partition("\nPress ")[0]
    assert Done(0, window, "").mails == wanted


def test_an_order_that_there_is_not(directory: Directory) -> None:
    found = directory.search("-E", "!sss=noSuchAttribute", "(mail=*)", "mail")
    assert (found.code, found.mails) == (12, [])


def test_limits(directory: Directory) -> None:
    few = directory.search("-z", "5", "(mail=*)", "mail")
    assert (few.code, len(few.mails)) == (SIZE_LIMIT, 5)
    exactly = directory.search("-z", str(COUNT), "(mail=*)", "mail")
    assert (exactly.code, len(exactly.mails)) == (0, COUNT)


def test_who_asks(directory: Directory) -> None:
    assert directory.run("ldapwhoami").output.strip() == f"dn:{directory.dn}"


def test_start_tls_and_ldaps(directory: Directory, tmp_path: Path) -> None:
    ldaps = f"ldaps://127.0.0.1:{directory.site.tls_port}"
    stranger, _key = certificate.self_signed(tmp_path, ["127.0.0.1"])
    for arguments, url in (("-ZZ", ""), ("-LLL", ldaps)):
        assert directory.search(arguments, f"(mail={mail(7)})", "mail", url=url).mails == [mail(7)]
        refused = directory.search(arguments, f"(mail={mail(7)})", "mail", url=url, trust=stranger)
        assert refused.code != 0 and not refused.output, "a stranger's certificate was taken"


def test_a_certificate_in_place_of_a_password(directory: Directory, tmp_path: Path) -> None:
    """SASL EXTERNAL: over ldaps and StartTLS; a certificate of nobody, and one that was taken back, log nobody in."""
    mine = directory.authority.client(directory.login)
    for options, tls in (((), True), (("-ZZ",), False)):
        asked = (*options, "-LLL", "-o", "ldif-wrap=no", "-b", BASE, f"(mail={mail(7)})", "mail")
        assert directory.run_with(mine, "ldapsearch", *asked, tls=tls).mails == [mail(7)]
        assert directory.run_with(mine, "ldapwhoami", *options, tls=tls).output.strip() == f"dn:{directory.dn}"
    assert directory.run_with(mine, "ldapwhoami", "-X", "u:nobody").code == NO_RIGHT
    nobodys = directory.authority.client("nobody")
    assert directory.run_with(nobodys, "ldapwhoami").code == WRONG_PASSWORD
    assert "no mechanism available" in directory.run_with(mine, "ldapwhoami", tls=False).errors
    stranger = Authority(tmp_path).client(directory.login)
    for refused in (stranger, directory.authority.taken_back):
        assert "Can't contact LDAP server" in directory.run_with(refused, "ldapwhoami").errors, "no handshake"


def test_filters(directory: Directory) -> None:
    for filter_, wanted in {
        "(sn=NAME07)": [7],
        "(&(sn=name0*)(!(sn=*5)))": [0, 1, 2, 3, 4, 6, 7, 8, 9],
        "(|(cn=*given53*)(mail=PERSON52@*))": [0, 52],
        "(mobile=4155550111)": [11],
        "(mobile=+1-415-555-0111)": [11],
        "(sn>=name50)": [50, 51, 52],
        "(sn:caseIgnoreMatch:=NAME11)": [11],
        "(&(objectClass=inetOrgPerson)(sn~=name12))": [12],
        "(!(msExchHideFromAddressLists=TRUE))": list(range(COUNT)),
        "(!(noSuchAttribute=x))": [],
        "(sn=\\6eame13)": [13],
        "(uid=nobody)": [],
    }.items():
        found = directory.search(filter_, "mail", base=f"ou={directory.group.slug},ou=groups,{BASE}")
        people = [entry["mail"][0] for entry in found.entries if "mail" in entry]
        assert (found.code, sorted(people)) == (0, sorted(map(mail, wanted))), filter_


def test_one_entry_whole(directory: Directory) -> None:
    [entry] = directory.search(f"(mail={mail(11)})", "*", "+").entries
    assert entry["cn"] == ["Given42 Name11"]
    assert (entry["sn"], entry["givenName"]) == (["Name11"], ["Given42"])
    assert entry["mobile"] == ["+1 415 555 0111"]
    assert entry["dn"] == entry["entryDN"] and entry["dn"][0] == f"uid={entry['uid'][0]},{BASE}"
    again = directory.search("-s", "base", "(objectClass=*)", "mail", base=entry["dn"][0])
    assert again.mails == [mail(11)]


def test_scopes(directory: Directory) -> None:
    group = f"ou={directory.group.slug},ou=groups,{BASE}"
    assert sorted(directory.search("-s", "one", "(mail=*)", "mail").mails) == sorted(EVERYBODY)
    assert sorted(directory.search("(mail=*)", "mail", base=group).mails) == sorted(EVERYBODY)
    assert directory.search("-s", "base", "(mail=*)", "mail").mails == []
    assert directory.search("(mail=*)", base=f"ou=nowhere,{BASE}").code == NO_SUCH_OBJECT
    assert directory.search("(uid=*)", base=f"ou=members,{BASE}").entries == []


def test_a_group_is_expanded_member_by_member(directory: Directory) -> None:
    """What a program does that writes to a list: the group by its name, then each DN of ``member`` by itself."""
    [group] = directory.search(f"(&(objectClass=groupOfNames)(cn={directory.group.name}))").entries
    assert group["dn"] == [f"ou={directory.group.slug},ou=groups,{BASE}"]
    assert "mail" not in group and len(group["member"]) == COUNT
    read = [directory.search("-s", "base", "(objectClass=*)", "mail", base=dn) for dn in group["member"][:5]]
    assert all(done.code == 0 and len(done.mails) == 1 for done in read)
    [first, *_] = group["member"]
    back = directory.search(f"(&(objectClass=groupOfNames)(member={first}))", "cn").entries
    assert [entry["dn"] for entry in back] == [group["dn"]]
    assert directory.search("(&(objectClass=groupOfNames)(mail=*))").entries == []


def test_compare(directory: Directory) -> None:
    [entry] = directory.search(f"(mail={mail(3)})", "sn").entries
    assert directory.run("ldapcompare", entry["dn"][0], "sn:NAME03").code == COMPARE_TRUE
    assert directory.run("ldapcompare", entry["dn"][0], "sn:name04").code == COMPARE_FALSE
    assert directory.run("ldapcompare", f"uid=nobody,{BASE}", "sn:name04").code == NO_SUCH_OBJECT


def test_the_root_without_a_login(directory: Directory) -> None:
    [root] = directory.search_as_nobody("-s", "base", "(objectClass=*)", "+", base="").entries
    assert root["namingContexts"] == [BASE]
    assert {"3"} <= set(root["supportedLDAPVersion"])
    assert {"1.2.840.113556.1.4.319", "1.2.840.113556.1.4.473"} <= set(root["supportedControl"])
    assert {"1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.3"} <= set(root["supportedExtension"])
    assert directory.search_as_nobody("(mail=*)", "mail").entries == []


def test_a_wrong_password_and_an_unknown_login_are_told_the_same(directory: Directory) -> None:
    login, _ = directory.site.member()  # with its reader's login other programs have been wrong before: it has to wait
    answers = [directory.run_as((f"uid={each},ou=members,{BASE}", "wrong"), "ldapwhoami") for each in (login, "nobody")]
    assert {answer.code for answer in answers} == {WRONG_PASSWORD}
    assert len({answer.errors for answer in answers}) == 1


def test_writes_are_refused_in_words(directory: Directory, tmp_path: Path) -> None:
    [entry] = directory.search(f"(mail={mail(3)})", "sn").entries
    change = tmp_path / "change.ldif"
    change.write_text(f"dn: {entry['dn'][0]}\nchangetype: modify\nreplace: sn\nsn: Other\n")
    for refused in (
        directory.run("ldapmodify", "-f", str(change)),
        directory.run("ldapdelete", entry["dn"][0]),
        directory.run("ldapmodrdn", entry["dn"][0], "uid=other"),
    ):
        assert refused.code == UNWILLING
        assert "CardDAV" in refused.output + refused.errors
    assert directory.search(f"(mail={mail(3)})", "sn").entries == [entry]
