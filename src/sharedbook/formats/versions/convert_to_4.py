"""vCard 3.0 (RFC 2426) to 4.0 (RFC 6350), property by property.

Left out, as 4.0 has no word for it: CLASS, MAILER, NAME, PROFILE, a card inside AGENT, SORT-STRING without a name.
What neither version defines (X-, and names that IANA registered later) stays as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from sharedbook.formats.vcards.content_line import Params, Property, escape_text, raw_value, unescape_text
from sharedbook.formats.versions import convert_parts as parts
from sharedbook.formats.versions.convert_parts import Unit

_SPENT = frozenset({"TYPE", "ENCODING", "CHARSET", "VALUE", "CONTEXT", parts.OMIT_YEAR})
_OLD_TYPES = frozenset(
    {
        *("internet", "x400"),
        *("dom", "intl", "postal", "parcel"),
        *("msg", "bbs", "modem", "car", "isdn", "pcs"),
    }
)
"""TYPE values of RFC 2426 that RFC 6350 has not."""

_NO_TYPE = frozenset({"N", "BDAY", "REV", "PRODID", "KIND", "MEMBER", "GENDER", "ANNIVERSARY"})
"""Properties whose grammar in RFC 6350 has neither TYPE nor PREF; PREF of a member is not in 3.0 either."""

_LEFT_OUT = frozenset({"CLASS", "MAILER", "NAME", "PROFILE", "SORT-STRING"})


def units(properties: Sequence[Property]) -> list[Unit]:
    """Every property but VERSION, converted; what belongs to another one stands behind it in that one's unit."""
    partners = {**_labels(properties), **_sort_strings(properties), **_anniversaries(properties)}
    spent = set(partners.values())
    told: set[str] = set()
    found = []
    for each in properties:
        if each.name == "VERSION" or each in spent:
            continue
        partner = partners.get(each)
        line = _converted(each, partner)
        if line is not None and line.name in parts.SINGLE:
            line = None if line.name in told else line
            told |= {line.name} if line else set()
        found.append(Unit((each,) if partner is None else (each, partner), () if line is None else (line,)))
    return found


def _labels(properties: Iterable[Property]) -> dict[Property, Property]:
    """ADR -> the LABEL of the same types (RFC 2426 section 3.2.2)."""
    labels = [each for each in properties if each.name == "LABEL"]
    pairs = {}
    for address in properties:
        same = (each for each in labels if each.types() - {"pref"} == address.types() - {"pref"})
        if address.name == "ADR" and (label := next(same, None)):
            labels.remove(label)
            pairs[address] = label
    return pairs


def _sort_strings(properties: Iterable[Property]) -> dict[Property, Property]:
    """N -> SORT-STRING."""
    name = next((each for each in properties if each.name == "N" and not each.param("SORT-AS")), None)
    key = next((each for each in properties if each.name == "SORT-STRING" and each.text().strip()), None)
    return {name: key} if name and key else {}


def _anniversaries(properties: Iterable[Property]) -> dict[Property, Property]:
    """Apple's date -> the label that says it is the anniversary; no more than one, as 4.0 has it once."""
    labels = {each.group.lower(): each for each in properties if each.name == "X-ABLABEL"}
    for each in properties:
        label = labels.get(each.group.lower())
        if each.name == "X-ABDATE" and label and label.text().strip(" _$!<>").lower() == "anniversary":
            return {each: label}
    return {}


def _converted(found: Property, partner: Property | None) -> Property | None:
    if found.name == "X-ABDATE":
        return _date(found, "ANNIVERSARY") if partner else found
    if (found.param("ENCODING") or "").upper() == "QUOTED-PRINTABLE" or found.name in _LEFT_OUT:
        return None
    line = _converter(found.name)(found)
    if line is None or partner is None:
        return line
    added = ("LABEL", (partner.text(),)) if partner.name == "LABEL" else ("SORT-AS", (partner.text(),))
    return line._replace(params=(*line.params, added))


def _converter(name: str) -> Callable[[Property], Property | None]:
    if name in parts.TEXTS:
        return lambda found: _line(found, escape_text(found.text()))
    if name in parts.URIS:
        return lambda found: _line(found, parts.uri(found))
    if name in parts.BINARY:
        return _file
    if name in parts.MESSENGERS:
        return _messenger
    if name in parts.ANNIVERSARIES:
        return lambda found: _date(found, "ANNIVERSARY")
    return _CONVERTERS.get(name, lambda found: found)


def _params(found: Property, name: str) -> Params:
    """The parameters of 4.0 for a property that has this name there."""
    kept = tuple((param, values) for param, values in found.params if param not in _SPENT and param)
    if name in _NO_TYPE:
        return kept
    types = [word for word in parts.types_of(found) if word not in _OLD_TYPES]
    preferred = (("PREF", ("1",)),) if "pref" in types and not found.param("PREF") else ()
    return (*(("TYPE", (word,)) for word in types if word != "pref"), *preferred, *kept)


def _line(found: Property, raw: str, *more: tuple[str, str], name: str = "") -> Property:
    """The property with the parameters of 4.0, ``more`` of them, and another value."""
    name = name or found.name
    params = (*_params(found, name), *((param, (text,)) for param, text in more))
    return Property(found.group, name, params, raw, found.start, found.end, found.line)


def _structured(found: Property) -> Property:
    size = parts.STRUCTURED[found.name]
    components = [*found.parts(), *[("",)] * size]
    return _line(found, raw_value(components[: max(size, len(found.parts()))]))


def _list(found: Property) -> Property:
    return _line(found, raw_value([found.values()]))


def _organization(found: Property) -> Property:
    return _line(found, raw_value(found.components()))


def _number(found: Property) -> Property:
    text = found.text().strip()
    uri = text if (found.param("VALUE") or "").lower() == "uri" else parts.number_for_4(text)
    return _line(found, escape_text(found.text())) if uri is None else _line(found, uri, ("VALUE", "uri"))


def _birthday(found: Property) -> Property | None:
    text = found.text().strip()
    return _date(found, "BDAY") or (_line(found, escape_text(text), ("VALUE", "text")) if text else None)


def _date(found: Property, name: str) -> Property | None:
    raw = parts.date_for_4(found)
    return None if raw is None else _line(found, raw, name=name)


def _place(found: Property) -> Property | None:
    uri = parts.place_for_4(found.text())
    return None if uri is None else _line(found, uri)


def _zone(found: Property) -> Property | None:
    text = found.text().strip()
    offset = parts.offset_for_4(text)
    if offset is not None:
        return _line(found, offset, ("VALUE", "utc-offset"))
    return _line(found, escape_text(text)) if text else None


def _file(found: Property) -> Property | None:
    """A file as a data: URI (RFC 2397), a URI as it is; text is a KEY's only."""
    file = parts.data_uri(found)
    params = tuple((name, values) for name, values in found.params if name not in _SPENT)
    if file is not None and (found.param("VALUE") or "").lower() != "text":
        return found._replace(params=params, raw=f"data:{file[0]};base64,{file[1]}")
    text = unescape_text(found.raw).strip()
    if not text:
        return None
    if found.name == "KEY" and (found.param("VALUE") or "").lower() == "text":
        return found._replace(params=(("VALUE", ("text",)), *params), raw=escape_text(text))
    media_type = parts.media_type_for_4(found)
    said: Params = (("MEDIATYPE", (media_type,)),) if media_type and not found.param("MEDIATYPE") else ()
    return found._replace(params=(*said, *params), raw=parts.uri(found))


def _agent(found: Property) -> Property | None:
    """The address of another card. A card inside this one cannot be told."""
    if (found.param("VALUE") or "").lower() != "uri":
        return None
    return _line(found._replace(params=(("TYPE", ("agent",)), *found.params)), found.text().strip(), name="RELATED")


def _label(found: Property) -> Property:
    """A label whose address is not in the card."""
    return _line(found, ";" * 6, ("LABEL", found.text()), name="ADR")


def _messenger(found: Property) -> Property | None:
    address = found.text().strip()
    scheme = parts.MESSENGERS[found.name]
    return _line(found, f"{scheme}:{quote(address, safe='@+.-_~/')}", name="IMPP") if address else None


_SEXES = {"male": "M", "m": "M", "female": "F", "f": "F"}


def _gender(found: Property) -> Property | None:
    """The letter of RFC 6350 section 6.2.7, or the words."""
    sex, _, words = found.text().strip().partition(";")
    if sex.upper() in ("M", "F", "O", "N", "U") or (not sex and words):
        return _line(found, f"{sex.upper()};{escape_text(words)}" if words else sex.upper(), name="GENDER")
    letter = _SEXES.get(sex.lower())
    return _line(found, letter or f";{escape_text(sex)}", name="GENDER") if sex else None


_CONVERTERS: dict[str, Callable[[Property], Property | None]] = {
    **dict.fromkeys(parts.STRUCTURED, _structured),
    **dict.fromkeys(parts.LISTS, _list),
    "ORG": _organization,
    "TEL": _number,
    "BDAY": _birthday,
    "REV": lambda found: _date(found, "REV"),
    "GEO": _place,
    "TZ": _zone,
    "AGENT": _agent,
    "LABEL": _label,
    "X-GENDER": _gender,
    "X-ADDRESSBOOKSERVER-KIND": lambda found: _line(found, escape_text(found.text().strip()), name="KIND"),
    "X-ADDRESSBOOKSERVER-MEMBER": lambda found: _line(found, parts.uri(found), name="MEMBER"),
}
