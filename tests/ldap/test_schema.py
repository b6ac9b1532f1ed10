"""The subschema: in its grammar, complete, and right about what entries hold."""

from __future__ import annotations

from ldap3.protocol.rfc4512 import AttributeTypeInfo, LdapSyntaxInfo, MatchingRuleInfo, ObjectClassInfo

from ldap_gateway import schema
from ldap_gateway.attributes import ABSENT, ATTRIBUTES, SERVER_ATTRIBUTES, Names, Unresolved
from ldap_gateway.entries import attributes_of
from ldap_gateway.people import CONSTANTS, OBJECT_CLASSES
from tests.ldap import world as w

VALUES = schema.subschema()
TYPES = AttributeTypeInfo.from_definition(VALUES["attributeTypes"])
CLASSES = ObjectClassInfo.from_definition(VALUES["objectClasses"])
RULES = MatchingRuleInfo.from_definition(VALUES["matchingRules"])
SYNTAXES = LdapSyntaxInfo.from_definition(VALUES["ldapSyntaxes"])


def allowed(*classes: str) -> set[str]:
    """Names that some classes, and those above them, require or allow."""
    found: set[str] = set()
    for name in classes:
        info = CLASSES[name]
        found |= {*(info.must_contain or ()), *(info.may_contain or ()), *allowed(*(info.superior or ()))}
    return found


def test_everything_is_parsed() -> None:
    assert len({info.oid for info in TYPES.values()}) == len(VALUES["attributeTypes"])
    assert len({info.oid for info in CLASSES.values()}) == len(VALUES["objectClasses"])
    assert len({info.oid for info in RULES.values()}) == len(VALUES["matchingRules"])


def test_every_attribute_that_is_used_is_in_it() -> None:
    place = w.world(w.demo(), parts=("note", "birthday", "home-address", "home-phone"))
    used = {name for number in place.contacts for name in attributes_of(place.directory.index.document(number))}
    assert used <= set(TYPES) and len(used) >= 22
    for values in (schema.root_dse(w.BASE, start_tls=True, mechanisms=()), VALUES):
        assert set(values) <= set(TYPES)
    operational = {each.name for each in ATTRIBUTES if each.operational}
    assert used - operational <= allowed(*OBJECT_CLASSES), "the classes allow what entries hold"
    assert set(OBJECT_CLASSES) <= set(CLASSES)
    assert allowed("groupOfNames") >= {"objectClass", "cn", "member", "ou", "description"}
    for name in CLASSES:
        assert allowed(name) <= set(TYPES), "and every attribute that a class names is there"


def test_every_rule_and_syntax_that_is_named_is_in_it() -> None:
    for info in TYPES.values():
        assert not info.syntax or info.syntax.split("{")[0] in SYNTAXES
        for names in (info.equality, info.substring, info.ordering):
            assert all(name in RULES for name in names or ())


def test_ldap3_may_read_it_again() -> None:
    """It checks what it asks a subschema for against the schema that it has read before."""
    asked = "createTimestamp modifyTimestamp dITStructureRules nameForms dITContentRules objectClasses"
    assert set(asked.split()) | {"attributeTypes", "ldapSyntaxes", "matchingRules", "matchingRuleUse"} <= set(TYPES)


def test_names_are_unique_and_absent_ones_are_absent() -> None:
    names = [name.lower() for each in (*ATTRIBUTES, *SERVER_ATTRIBUTES) for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    assert not ABSENT & set(names)
    assert all(Names(()).resolve(name) is Unresolved.ABSENT for name in ABSENT)


def test_single_values_are_single() -> None:
    place = w.world(w.demo(), parts=("note", "birthday", "home-address", "home-phone"))
    singles = [each.name for each in ATTRIBUTES if each.single and each.name not in CONSTANTS]
    for number, contact in place.contacts.items():
        record = place.directory.people.document(contact)[1]
        shown = place.directory.index.document(number)
        assert shown is not None
        for name in singles:
            assert name == "displayName" or len(record.get(name, ())) <= 1


def test_the_root_dse_tells_what_there_is() -> None:
    with_tls, without = (schema.root_dse("dc=x", start_tls=each, mechanisms=()) for each in (True, False))
    assert schema.START_TLS in with_tls["supportedExtension"]
    assert schema.START_TLS not in without["supportedExtension"]
