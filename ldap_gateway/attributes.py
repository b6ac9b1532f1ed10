"""The attributes that the directory knows, once: names, OIDs, how each is compared, which ones a site must ask for.

An attribute that clients name habitually and that no contact has is known and absent: a test of it is FALSE, so that
its negation holds. Any other name is unknown: a test of it is Undefined, negated or not (RFC 4511 section 4.5.1.7).
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from sharedbook.domain import folding


class Kind(enum.Enum):
    """Syntax and matching rules: OID of the syntax, then the rules for equality, substrings and order ("" for none)."""

    TEXT = ("1.3.6.1.4.1.1466.115.121.1.15", "caseIgnoreMatch", "caseIgnoreSubstringsMatch", "caseIgnoreOrderingMatch")
    IA5 = ("1.3.6.1.4.1.1466.115.121.1.26", "caseIgnoreIA5Match", "caseIgnoreIA5SubstringsMatch", "")
    LINES = ("1.3.6.1.4.1.1466.115.121.1.41", "caseIgnoreListMatch", "caseIgnoreListSubstringsMatch", "")
    PHONE = ("1.3.6.1.4.1.1466.115.121.1.50", "telephoneNumberMatch", "telephoneNumberSubstringsMatch", "")
    TIME = ("1.3.6.1.4.1.1466.115.121.1.24", "generalizedTimeMatch", "", "generalizedTimeOrderingMatch")
    UUID = ("1.3.6.1.1.16.1", "UUIDMatch", "", "UUIDOrderingMatch")
    DN = ("1.3.6.1.4.1.1466.115.121.1.12", "distinguishedNameMatch", "", "")
    OID = ("1.3.6.1.4.1.1466.115.121.1.38", "objectIdentifierMatch", "", "")
    BOOLEAN = ("1.3.6.1.4.1.1466.115.121.1.7", "booleanMatch", "", "")
    JPEG = ("1.3.6.1.4.1.1466.115.121.1.28", "", "", "")
    DESCRIPTION = ("1.3.6.1.4.1.1466.115.121.1.3", "objectIdentifierFirstComponentMatch", "", "")

    @property
    def syntax(self) -> str:
        """OID of the syntax."""
        return self.value[0]

    @property
    def equality(self) -> str:
        """Name of the equality rule, "" for none."""
        return self.value[1]

    @property
    def substrings(self) -> str:
        """Name of the substrings rule, "" for none."""
        return self.value[2]

    @property
    def ordering(self) -> str:
        """Name of the ordering rule, "" for none."""
        return self.value[3]


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name`` as answers write it. ``part``: the word of the setting ldap.attributes without which nobody sees it.

    ``runs``: the list of runs of characters by which it is searched (``index.ColumnOf``), "" for none. ``whole``:
    clients ask whose value it is.
    """

    name: str
    oid: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    part: str = ""
    single: bool = False
    operational: bool = False
    runs: str = "rest"
    whole: bool = False


class Unresolved(enum.Enum):
    """What an attribute description means when no contact can have that attribute."""

    ABSENT = enum.auto()
    UNKNOWN = enum.auto()


_MOZILLA = "1.3.6.1.4.1.13769"
_PILOT = "0.9.2342.19200300.100.1"
# Attributes that were never registered have numbers below 2.25 (UUIDs), where anybody may make some.
_OWN = "2.25.209483746190245713398412508734125983012"


def _home(name: str, oid: str, kind: Kind = Kind.TEXT, *aliases: str) -> Attribute:
    return Attribute(name, oid, kind, aliases, part="home-address")


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("objectClass", "2.5.4.0", Kind.OID),
    Attribute("uid", f"{_PILOT}.1", aliases=("userid",), runs=""),
    Attribute("cn", "2.5.4.3", aliases=("commonName",), runs="names"),
    Attribute("displayName", "2.16.840.1.113730.3.1.241", aliases=("display-name",), single=True, runs="names"),
    Attribute("sn", "2.5.4.4", aliases=("surname",), runs="names"),
    Attribute("givenName", "2.5.4.42", aliases=("gn",), runs="names"),
    Attribute("mozillaNickname", f"{_MOZILLA}.2.1.1", aliases=("xmozillanickname", "nickname"), runs="names"),
    Attribute("mail", f"{_PILOT}.3", Kind.IA5, ("rfc822Mailbox", "email", "emailAddress"), runs="names", whole=True),
    Attribute("mozillaSecondEmail", f"{_MOZILLA}.2.1.3", Kind.IA5, ("xmozillasecondemail",), runs="names"),
    Attribute("telephoneNumber", "2.5.4.20", Kind.PHONE, ("phone", "workPhone"), runs="numbers"),
    Attribute("mobile", f"{_PILOT}.41", Kind.PHONE, ("mobileTelephoneNumber", "cellPhone", "carPhone"), runs="numbers"),
    Attribute("homePhone", f"{_PILOT}.20", Kind.PHONE, ("homeTelephoneNumber",), part="home-phone", runs="numbers"),
    Attribute("facsimileTelephoneNumber", "2.5.4.23", Kind.PHONE, ("fax",), runs="numbers"),
    Attribute("pager", f"{_PILOT}.42", Kind.PHONE, ("pagerTelephoneNumber", "pagerPhone"), runs="numbers"),
    Attribute("o", "2.5.4.10", aliases=("organizationName", "company"), runs="names"),
    Attribute("ou", "2.5.4.11", aliases=("organizationalUnitName", "department", "departmentNumber", "orgUnit")),
    Attribute("title", "2.5.4.12"),
    Attribute("street", "2.5.4.9", aliases=("streetAddress",)),
    Attribute("mozillaWorkStreet2", f"{_MOZILLA}.3.8", single=True),
    Attribute("postOfficeBox", "2.5.4.18"),
    Attribute("l", "2.5.4.7", aliases=("localityName", "locality")),
    Attribute("st", "2.5.4.8", aliases=("stateOrProvinceName", "region")),
    Attribute("postalCode", "2.5.4.17", aliases=("zip",), runs=""),
    Attribute("c", "2.5.4.6", aliases=("countryName",), single=True, runs=""),
    Attribute("co", f"{_PILOT}.43", aliases=("friendlyCountryName",)),
    Attribute("postalAddress", "2.5.4.16", Kind.LINES),
    _home("mozillaHomeStreet", f"{_MOZILLA}.3.1"),
    _home("mozillaHomeStreet2", f"{_MOZILLA}.3.2"),
    _home("mozillaHomeLocalityName", f"{_MOZILLA}.2.1.4"),
    _home("mozillaHomeState", f"{_MOZILLA}.2.1.7"),
    _home("mozillaHomePostalCode", f"{_MOZILLA}.2.1.8"),
    _home("mozillaHomeCountryName", f"{_MOZILLA}.2.1.9"),
    _home("homePostalAddress", f"{_PILOT}.39", Kind.LINES),
    Attribute("mozillaWorkUrl", f"{_MOZILLA}.2.1.12", Kind.IA5, ("workUrl",)),
    Attribute("mozillaHomeUrl", f"{_MOZILLA}.2.1.11", Kind.IA5, ("homeUrl",)),
    Attribute("labeledURI", "1.3.6.1.4.1.250.1.57", aliases=("labeledURL",)),
    Attribute("description", "2.5.4.13", aliases=("notes",), part="note"),
    Attribute("birthyear", f"{_OWN}.1", part="birthday", single=True, runs=""),
    Attribute("birthmonth", f"{_OWN}.2", part="birthday", single=True, runs=""),
    Attribute("birthday", f"{_OWN}.3", part="birthday", single=True, runs=""),
    Attribute("jpegPhoto", f"{_PILOT}.60", Kind.JPEG, runs=""),
    Attribute("member", "2.5.4.31", Kind.DN),
    Attribute("manager", f"{_PILOT}.10", Kind.DN),
    Attribute("dc", f"{_PILOT}.25", Kind.IA5, ("domainComponent",), single=True),
    Attribute("entryUUID", "1.3.6.1.1.16.4", Kind.UUID, single=True, operational=True, runs=""),
    Attribute("entryDN", "1.3.6.1.1.20", Kind.DN, single=True, operational=True),
    Attribute("modifyTimestamp", "2.5.18.2", Kind.TIME, single=True, operational=True, runs=""),
    Attribute("hasSubordinates", "2.5.18.9", Kind.BOOLEAN, single=True, operational=True),
    Attribute("structuralObjectClass", "2.5.21.9", Kind.OID, single=True, operational=True),
    Attribute("subschemaSubentry", "2.5.18.10", Kind.DN, single=True, operational=True),
)
"""Every attribute of an entry below the base."""

_DSE = "1.3.6.1.4.1.1466.101.120"
SERVER_ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("namingContexts", f"{_DSE}.5", Kind.DN),
    Attribute("defaultNamingContext", f"{_OWN}.4", Kind.DN, single=True),
    Attribute("supportedExtension", f"{_DSE}.7", Kind.OID),
    Attribute("supportedControl", f"{_DSE}.13", Kind.OID),
    Attribute("supportedSASLMechanisms", f"{_DSE}.14"),
    Attribute("supportedLDAPVersion", f"{_DSE}.15"),
    Attribute("supportedFeatures", "1.3.6.1.4.1.4203.1.3.5", Kind.OID),
    Attribute("vendorName", "1.3.6.1.1.4", single=True),
    Attribute("vendorVersion", "1.3.6.1.1.5", single=True),
    Attribute("ldapSyntaxes", f"{_DSE}.16", Kind.DESCRIPTION),
    Attribute("matchingRules", "2.5.21.4", Kind.DESCRIPTION),
    Attribute("attributeTypes", "2.5.21.5", Kind.DESCRIPTION),
    Attribute("objectClasses", "2.5.21.6", Kind.DESCRIPTION),
)
"""The attributes of the rootDSE and of the subschema."""

GROUP_ATTRIBUTES = frozenset({"objectClass", "cn", "ou", "description", "member"})
"""User attributes of group entries and of the nodes above them; a group's description is no contact's note."""

_OF_OTHER_SCHEMAS = """
    accountExpires anniversary anr apple-birthday apple-emailcontacts apple-generateduid apple-imhandle
    apple-serviceslocator apple-user-picture appleFloor assistantPhone birthDate buildingName businessCategory calCalURI
    calFBURL callbackPhone carLicense companyPhone destinationIndicator dnQualifier employeeNumber employeeType
    fileAs gender generationQualifier gidNumber icsCalendar icsFreebusy imHandle info initials
    internationaliSDNNumber ipPhone isMemberOfDL jabberID legacyExchangeDN mailAlternateAddress mailer mailNickname
    memberOf memberUid middleName mozillaCustom1 mozillaCustom2 mozillaCustom3 mozillaCustom4
    mozillaUseHtmlMail msExchHideFromAddressLists msExchRecipientDisplayType note nsAIMid objectCategory objectGUID
    objectSid otherFacsimileTelephoneNumber otherHomePhone otherMailbox otherMobile otherPhone otherPostalAddress
    otherTelephone owner personalTitle photo physicalDeliveryOfficeName preferredLanguage primaryPhone
    proxyAddresses radio registeredAddress roleOccupant roomNumber sAMAccountName sAMAccountType secretary seeAlso
    showInAddressBook spouseName telexNumber textEncodedORAddress thumbnailPhoto tty uidNumber uniqueMember
    userAccountControl userCertificate userPassword userPKCS12 userPrincipalName userSMIMECertificate
    vcardCategories wWWHomePage
    createTimestamp creatorsName dITContentRules dITStructureRules matchingRuleUse modifiersName nameForms
"""
ABSENT = frozenset(_OF_OTHER_SCHEMAS.lower().split())
"""Names of other schemas that mail clients, phones and printers ask for, in lower case."""


_WRITTEN = frozenset(each.name for each in ATTRIBUTES if each.kind in (Kind.TEXT, Kind.IA5, Kind.LINES))
"""Attributes whose values are words."""


class Names:
    """Attribute descriptions (RFC 4512 section 2.5) to attributes, and what of their values counts.

    ``parts``: words of the setting ldap.attributes. ``accents``: whether é is another letter than e.
    """

    def __init__(self, parts: Collection[str], *, accents: bool = True) -> None:
        self.accents = accents
        self._known: dict[str, Attribute | Unresolved] = dict.fromkeys(ABSENT, Unresolved.ABSENT)
        for attribute in (*ATTRIBUTES, *SERVER_ATTRIBUTES):
            shown = not attribute.part or attribute.part in parts or attribute.name in GROUP_ATTRIBUTES
            for name in (attribute.name, attribute.oid, *attribute.aliases):
                self._known[name.lower()] = attribute if shown else Unresolved.ABSENT
        self._hidden = frozenset(each.name for each in ATTRIBUTES if each.part and each.part not in parts)

    def resolve(self, description: str) -> Attribute | Unresolved:
        """The attribute of a description in any case, by any of its names. No value here has a language tag."""
        name, semicolon, options = description.lower().partition(";")
        if semicolon and options != "binary":
            return Unresolved.ABSENT if name in self._known else Unresolved.UNKNOWN
        return self._known.get(name, Unresolved.UNKNOWN)

    def compared(self, name: str, text: str) -> str:
        """What of a value, or of a piece that is sought in one, is compared."""
        return text if self.accents or name not in _WRITTEN else folding.without_accents(text)

    def hides(self, name: str) -> bool:
        """Whether no contact shows this attribute, since the site has not asked for it."""
        return name in self._hidden
