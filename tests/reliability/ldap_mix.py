"""Clients of every kind at a directory, in a process of their own: people who compose, a phone, whole lists in pages.

``python -m tests.reliability.ldap_mix PORT LOGIN SECRET SECONDS`` writes "ready", asks for so long without a pause, and
writes what came as JSON: ``codes``, how often each result came; ``times``, the seconds of each good answer.
"""

from __future__ import annotations

import json
import sys

from ldap_gateway import messages as m
from tests.bench.ber_load import BIND_ID, Load, Target, drive, whole_answer
from tests.bench.ldap_rows import PERSON, PHONES, Requests
from tests.ldap.served import BASE
from tests.ldap.wiring import answers, octets


def loads(target: Target) -> list[Load]:
    """What each client asks."""
    found = answers(whole_answer(target, Requests(BASE, ()).everything()))
    people = [each for each in found if {*PERSON, *PHONES} <= set(each.attributes)]
    requests = Requests(BASE, people)
    return [
        Load(requests.contains(requests.parts(3))),
        Load(requests.contains(requests.parts(2)), fresh=True),
        Load(requests.phone(suffix=7)),
        Load(requests.sorted()),
        requests.paged(100),
    ]


def main(port: str, login: str, secret: str, seconds: str) -> None:
    """As the module says."""
    bind = m.Bind(3, login.encode(), None, secret.encode())
    target = Target(int(port), octets(m.Message(BIND_ID, bind)))
    clients = loads(target)
    print("ready", flush=True)
    found = drive(target, clients, float(seconds), most=sys.maxsize)
    print(json.dumps({"codes": found.codes, "times": found.times}))


if __name__ == "__main__":
    main(*sys.argv[1:])
