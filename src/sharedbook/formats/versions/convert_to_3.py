"""vCard 4.0 (RFC 6350, 9554, 9555) to 3.0 (RFC 2426), property by property.

A name that 3.0 does not define is an extension there (section 4: ``iana-token / x-name``) and stays as it stands. Of
the properties that 3.0 defines, the parameters that 4.0 added are left out, and those that need RFC 6868; so are
CLIENTPIDMAP, incomplete dates, numbers that are no tel: URI, second names (FN, N) and all but the first of an ALTID.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from sharedbook.formats.vcards.content_line import Params, Property, escape_text, raw_value, unescape_text
from sharedbook.formats.versions import convert_parts as parts
from sharedbook.formats.versions.convert_parts import Unit

_NEEDS_CARET = re.compile('["^\n]')
_TYPED = frozenset({"ADR", "EMAIL", "IMPP", "TEL", "URL"})
"""Properties that have TYPE=home and TYPE=pref in 3.0: by RFC 2426 or RFC 4770, URL by what every program writes."""


def units(properties: Sequence[Property]) -> list[Unit]:
    """Every property but VERSION, converted; the others of an ALTID stand behind the first in its unit."""
    alternatives = _alternatives(properties)
    spent = {each for others in alternatives.values() for each in others}
    names = {_main_name(properties), _preferred(properties, "FN")}
    ranked = {each.name for each in properties if each.param("PREF")} & _TYPED
    preferred = {_preferred(properties, name) for name in ranked}
    found = []
    for each in properties:
        if each.name == "VERSION" or each in spent:
            continue
        second = each.name in ("N", "FN") and each not in names
        lines = () if second else tuple(_converted(each, preferred=each in preferred))
        found.append(Unit((each, *alternatives.get(each, ())), lines))
    return found


def _alternatives(properties: Iterable[Property]) -> dict[Property, list[Property]]:
    """The first property of each ALTID -> the others: the same value in other languages or scripts."""
    groups: dict[tuple[str, str], list[Property]] = {}
    for each in properties:
        if each.param("ALTID"):
            groups.setdefault((each.name, each.param("ALTID") or ""), []).append(each)
    found = {}
    for group in groups.values():
        group.sort(key=lambda each: each.param("PHONETIC") is not None)
        found[group[0]] = group[1:]
    return found


def _main_name(properties: Iterable[Property]) -> Property | None:
    """The N that is no pronunciation (RFC 9554 section 4.6)."""
    return next((each for each in properties if each.name == "N" and not each.param("PHONETIC")), None)


def _preferred(properties: Iterable[Property], name: str) -> Property | None:
    return min((each for each in properties if each.name == name), key=lambda each: each.pref() or 101, default=None)


def _converted(found: Property, *, preferred: bool) -> Iterable[Property]:
    if found.name in parts.STRUCTURED:
        return _structured(found, preferred=preferred)
    line = _converter(found.name)(found)
    return () if line is None else (_marked(line) if preferred else line,)


def _marked(line: Property) -> Property:
    """The line as the preferred one of its name."""
    return line if "pref" in line.types() else line._replace(params=(*line.params, ("TYPE", ("PREF",))))


def _converter(name: str) -> Callable[[Property], Property | None]:
    if name in parts.TEXTS:
        return lambda found: _line(found, escape_text(found.text()))
    if name in parts.URIS:
        return lambda found: _line(found, parts.uri(found))
    if name in parts.BINARY:
        return _file
    return _CONVERTERS.get(name, lambda found: found)


def _params(found: Property) -> Params:
    types = [word.upper() for word in parts.types_of(found)] if found.name in _TYPED else []
    if found.name == "EMAIL" and "INTERNET" not in types:
        types.insert(0, "INTERNET")
    return (*(("TYPE", (word,)) for word in types), *_kept(found))


def _kept(found: Property) -> Params:
    """The parameters that 3.0 can say: its own LANGUAGE, and extensions that can be written without RFC 6868."""
    return tuple(
        (name, values)
        for name, values in found.params
        if (name == "LANGUAGE" or name.startswith("X-")) and not any(map(_NEEDS_CARET.search, values))
    )


def _line(found: Property, raw: str, *more: tuple[str, str], name: str = "") -> Property:
    """The property with the parameters of 3.0, ``more`` of them, and another value."""
    params = (*_params(found), *((key, (text,)) for key, text in more))
    return found._replace(name=name or found.name, params=params, raw=raw)


def _structured(found: Property, *, preferred: bool) -> list[Property]:
    """N and ADR with the components of 3.0, and what it says of them in a property of its own."""
    size = parts.STRUCTURED[found.name]
    line = _line(found, raw_value([*found.parts(), *[("",)] * size][:size]))
    types = tuple(each for each in line.params if each[0] == "TYPE")
    if preferred:
        line = _marked(line)
    if found.name == "N":
        key = " ".join(
            filter(None, (part.strip() for value in found.values_of("SORT-AS") for part in value.split(",")))
        )
        return [line, found._replace(name="SORT-STRING", params=(), raw=escape_text(key))] if key else [line]
    label = (found.param("LABEL") or "").replace("\\n", "\n")
    return [line, found._replace(name="LABEL", params=types, raw=escape_text(label))] if label else [line]


def _list(found: Property) -> Property:
    return _line(found, raw_value([found.values()]))


def _organization(found: Property) -> Property:
    return _line(found, raw_value(found.components()))


def _number(found: Property) -> Property | None:
    """A number as it is read. 3.0 has no other URI here."""
    text = found.text().strip()
    if text[:4].lower() != "tel:":
        return None if (found.param("VALUE") or "").lower() == "uri" else _line(found, escape_text(text))
    return _line(found, escape_text(parts.number_for_3(text)))


def _date(found: Property) -> Property | None:
    said = None if (found.param("VALUE") or "").lower() == "text" else parts.date_for_3(found)
    return None if said is None else found._replace(params=(*said[1], *_kept(found)), raw=said[0])


def _anniversary(found: Property) -> Property | None:
    return (_date(found) or found)._replace(name="X-ANNIVERSARY")


def _place(found: Property) -> Property | None:
    text = parts.place_for_3(found.text().strip())
    return None if text is None else _line(found, text)


def _zone(found: Property) -> Property | None:
    text = found.text().strip()
    if (found.param("VALUE") or "").lower() == "uri" or not text:
        return None
    offset = parts.offset_for_3(text)
    return _line(found, escape_text(text), ("VALUE", "text")) if offset is None else _line(found, offset)


def _file(found: Property) -> Property | None:
    """A file as base64, anything else by its URI; text is a KEY's only, which cannot be a URI (section 3.7.2)."""
    file = parts.data_uri(found)
    kept = _kept(found)
    text = unescape_text(found.raw).strip()
    if found.name == "KEY" and (found.param("VALUE") or "").lower() == "text":
        return found._replace(params=(("VALUE", ("text",)), *kept), raw=escape_text(text))
    word = parts.type_for_3(file[0] if file else found.param("MEDIATYPE") or "")
    typed: Params = (("TYPE", (word,)),) if word else ()
    if file is not None:
        return found._replace(params=(("ENCODING", ("b",)), *typed, *kept), raw=file[1])
    if not text or found.name == "KEY":
        return None
    return found._replace(params=(("VALUE", ("uri",)), *typed, *kept), raw=parts.uri(found))


def _related(found: Property) -> Property | None:
    """An agent is a property of 3.0; any other relation is an extension."""
    if "agent" not in found.types() or (found.param("VALUE") or "").lower() == "text":
        return found
    return found._replace(name="AGENT", params=(("VALUE", ("uri",)), *_kept(found)), raw=parts.uri(found))


_SEXES = {"M": "Male", "F": "Female"}


def _gender(found: Property) -> Property:
    """The word that programs write; what is no M or F stays as RFC 6350 has it."""
    text = found.raw.strip()
    return found._replace(name="X-GENDER", params=_kept(found), raw=_SEXES.get(text.upper(), text))


_CONVERTERS: dict[str, Callable[[Property], Property | None]] = {
    **dict.fromkeys(parts.LISTS, _list),
    "ORG": _organization,
    "TEL": _number,
    "BDAY": _date,
    "REV": _date,
    "ANNIVERSARY": _anniversary,
    "GEO": _place,
    "TZ": _zone,
    "RELATED": _related,
    "GENDER": _gender,
    "CLIENTPIDMAP": lambda found: None,
    "KIND": lambda found: _line(found, found.raw.strip(), name="X-ADDRESSBOOKSERVER-KIND"),
    "MEMBER": lambda found: found._replace(
        name="X-ADDRESSBOOKSERVER-MEMBER", params=_kept(found), raw=found.raw.strip()
    ),
}
