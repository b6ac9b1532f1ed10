"""What the server says of itself: the rootDSE (RFC 4512 section 5.1), the subschema (section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from ldap_gateway.attributes import ATTRIBUTES, SERVER_ATTRIBUTES, Attribute, Kind

SUBSCHEMA = "cn=Subschema"

START_TLS = "1.3.6.1.4.1.1466.20037"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
CANCEL = "1.3.6.1.1.8"
PAGED_RESULTS = "1.2.840.113556.1.4.319"
SORT_REQUEST = "1.2.840.113556.1.4.473"
SORT_RESPONSE = "1.2.840.113556.1.4.474"
VLV_REQUEST = "2.16.840.1.113730.3.4.9"
VLV_RESPONSE = "2.16.840.1.113730.3.4.10"
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"
ALL_OPERATIONAL = "1.3.6.1.4.1.4203.1.5.1"
TRUE_FALSE_FILTERS = "1.3.6.1.4.1.4203.1.5.3"

CONTROLS = (PAGED_RESULTS, SORT_REQUEST, VLV_REQUEST, MANAGE_DSA_IT)

_PERSON = "userPassword telephoneNumber seeAlso description"
_ORGANIZATIONAL = "title facsimileTelephoneNumber street postOfficeBox postalCode postalAddress ou st l"
_INET = "displayName givenName homePhone homePostalAddress jpegPhoto labeledURI mail manager mobile o pager uid"
_MOZILLA = (
    "c description displayName facsimileTelephoneNumber givenName homePhone l mail mobile mozillaHomeCountryName"
    " mozillaHomeLocalityName mozillaHomePostalCode mozillaHomeState mozillaHomeStreet mozillaHomeStreet2"
    " mozillaHomeUrl mozillaNickname mozillaSecondEmail mozillaWorkStreet2 mozillaWorkUrl o ou pager postalCode"
    " postOfficeBox sn st street telephoneNumber title"
)
_SERVER = " ".join(each.name for each in SERVER_ATTRIBUTES)

# OID, name, superior, kind, MUST, MAY. sharedbookPerson allows what we serve and no registered class does.
_CLASSES: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("2.5.6.0", "top", "", "ABSTRACT", "objectClass", ""),
    ("2.5.6.6", "person", "top", "STRUCTURAL", "sn cn", _PERSON),
    ("2.5.6.7", "organizationalPerson", "person", "STRUCTURAL", "", _ORGANIZATIONAL),
    ("2.16.840.1.113730.3.2.2", "inetOrgPerson", "organizationalPerson", "STRUCTURAL", "", _INET),
    ("1.3.6.1.4.1.13769.9.1", "mozillaAbPersonAlpha", "top", "AUXILIARY", "cn", _MOZILLA),
    (
        "2.25.209483746190245713398412508734125983012.10",
        "sharedbookPerson",
        "top",
        "AUXILIARY",
        "",
        "co birthyear birthmonth birthday",
    ),
    ("2.5.6.9", "groupOfNames", "top", "STRUCTURAL", "member cn", "ou description"),
    ("1.2.826.0.1.3458854.2.1.1.1", "groupOfEntries", "top", "STRUCTURAL", "cn", "member ou description"),
    ("2.5.6.4", "organization", "top", "STRUCTURAL", "o", "description"),
    ("2.5.6.5", "organizationalUnit", "top", "STRUCTURAL", "ou", "description"),
    ("0.9.2342.19200300.100.4.13", "domain", "top", "STRUCTURAL", "dc", "description"),
    ("2.5.20.1", "subschema", "top", "AUXILIARY", "", "objectClasses attributeTypes matchingRules ldapSyntaxes"),
    ("2.25.209483746190245713398412508734125983012.11", "sharedbookServer", "top", "STRUCTURAL", "", f"cn {_SERVER}"),
)

# Attributes that no entry has: a class above allows them, or ldap3 asks for them when it reads a schema.
_NAMED_ONLY = (
    Attribute("userPassword", "2.5.4.35", Kind.TEXT),
    Attribute("seeAlso", "2.5.4.34", Kind.DN),
    Attribute("createTimestamp", "2.5.18.1", Kind.TIME, single=True, operational=True),
    Attribute("creatorsName", "2.5.18.3", Kind.DN, single=True, operational=True),
    Attribute("modifiersName", "2.5.18.4", Kind.DN, single=True, operational=True),
    Attribute("dITStructureRules", "2.5.21.1", Kind.DESCRIPTION),
    Attribute("dITContentRules", "2.5.21.2", Kind.DESCRIPTION),
    Attribute("nameForms", "2.5.21.7", Kind.DESCRIPTION),
    Attribute("matchingRuleUse", "2.5.21.8", Kind.DESCRIPTION),
)

_SYNTAXES = {
    Kind.TEXT: "Directory String",
    Kind.IA5: "IA5 String",
    Kind.LINES: "Postal Address",
    Kind.PHONE: "Telephone Number",
    Kind.TIME: "Generalized Time",
    Kind.UUID: "UUID",
    Kind.DN: "DN",
    Kind.OID: "OID",
    Kind.BOOLEAN: "Boolean",
    Kind.JPEG: "JPEG",
    Kind.DESCRIPTION: "Attribute Type Description",
}
_SUBSTRING_SYNTAX = "1.3.6.1.4.1.1466.115.121.1.58"
_RULES = (
    ("2.5.13.0", "objectIdentifierMatch", Kind.OID.syntax),
    ("2.5.13.1", "distinguishedNameMatch", Kind.DN.syntax),
    ("2.5.13.2", "caseIgnoreMatch", Kind.TEXT.syntax),
    ("2.5.13.3", "caseIgnoreOrderingMatch", Kind.TEXT.syntax),
    ("2.5.13.4", "caseIgnoreSubstringsMatch", _SUBSTRING_SYNTAX),
    ("2.5.13.11", "caseIgnoreListMatch", Kind.LINES.syntax),
    ("2.5.13.12", "caseIgnoreListSubstringsMatch", _SUBSTRING_SYNTAX),
    ("2.5.13.13", "booleanMatch", Kind.BOOLEAN.syntax),
    ("2.5.13.20", "telephoneNumberMatch", Kind.PHONE.syntax),
    ("2.5.13.21", "telephoneNumberSubstringsMatch", _SUBSTRING_SYNTAX),
    ("2.5.13.27", "generalizedTimeMatch", Kind.TIME.syntax),
    ("2.5.13.28", "generalizedTimeOrderingMatch", Kind.TIME.syntax),
    ("2.5.13.30", "objectIdentifierFirstComponentMatch", Kind.OID.syntax),
    ("1.3.6.1.1.16.2", "UUIDMatch", Kind.UUID.syntax),
    ("1.3.6.1.1.16.3", "UUIDOrderingMatch", Kind.UUID.syntax),
    ("1.3.6.1.4.1.1466.109.114.2", "caseIgnoreIA5Match", Kind.IA5.syntax),
    ("1.3.6.1.4.1.1466.109.114.3", "caseIgnoreIA5SubstringsMatch", _SUBSTRING_SYNTAX),
)


def _quoted(names: Sequence[str]) -> str:
    """One or several quoted names."""
    return f"'{names[0]}'" if len(names) == 1 else f"( {' '.join(map(repr, names))} )"


def _attribute_type(attribute: Attribute) -> str:
    kind = attribute.kind
    rules = zip(("EQUALITY", "ORDERING", "SUBSTR"), (kind.equality, kind.ordering, kind.substrings), strict=True)
    return " ".join(
        (
            f"( {attribute.oid} NAME {_quoted((attribute.name, *attribute.aliases))}",
            *(f"{word} {rule}" for word, rule in rules if rule),
            f"SYNTAX {kind.syntax}",
            *(("SINGLE-VALUE",) if attribute.single else ()),
            *(("NO-USER-MODIFICATION USAGE directoryOperation",) if attribute.operational else ()),
            ")",
        )
    )


def _object_class(oid: str, name: str, superior: str, kind: str, must: str, may: str) -> str:
    sets = ((word, " $ ".join(names.split())) for word, names in (("MUST", must), ("MAY", may)))
    above = f"SUP {superior} " if superior else ""
    return f"( {oid} NAME '{name}' {above}{kind} {''.join(f'{word} ( {names} ) ' for word, names in sets if names)})"


def subschema() -> dict[str, list[str]]:
    """The values of cn=Subschema."""
    return {
        "objectClass": ["top", "sharedbookServer", "subschema"],
        "cn": ["Subschema"],
        "ldapSyntaxes": [f"( {kind.syntax} DESC '{description}' )" for kind, description in _SYNTAXES.items()],
        "matchingRules": [f"( {oid} NAME '{name}' SYNTAX {syntax} )" for oid, name, syntax in _RULES],
        "attributeTypes": [_attribute_type(each) for each in (*ATTRIBUTES, *SERVER_ATTRIBUTES, *_NAMED_ONLY)],
        "objectClasses": [_object_class(*each) for each in _CLASSES],
        "entryDN": [SUBSCHEMA],
        "subschemaSubentry": [SUBSCHEMA],
    }


def root_dse(base: str, *, start_tls: bool, mechanisms: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of the rootDSE. ``base``: the naming context. ``start_tls``: whether a certificate is there."""
    extensions = [WHO_AM_I, CANCEL]
    return {
        "objectClass": ["top", "sharedbookServer"],
        "namingContexts": [base],
        "defaultNamingContext": [base],
        "subschemaSubentry": [SUBSCHEMA],
        "supportedLDAPVersion": ["3"],
        "supportedControl": list(CONTROLS),
        "supportedExtension": [START_TLS, *extensions] if start_tls else extensions,
        "supportedFeatures": [ALL_OPERATIONAL, TRUE_FALSE_FILTERS],
        "supportedSASLMechanisms": list(mechanisms),
        "vendorName": ["sharedbook"],
        "vendorVersion": [version("sharedbook")],
    }
