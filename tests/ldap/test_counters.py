"""What the gateway counts, as Prometheus and ``sharedbook doctor`` are told it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import ldap3
import pytest

from ldap_gateway import messages as m
from ldap_gateway.counters import METRICS, Counters, text
from ldap_gateway.log import Access, Said
from ldap_gateway.messages import Code
from tests.ldap import served
from tests.ldap.served import BASE, Site, code_of, soon
from tests.ldap.wiring import search
from tests.support.guesses import guess_much
from tests.support.ports import free_port
from tests.support.processes import Server

PORT = free_port()
URL = f"http://127.0.0.1:{PORT}/metrics"
SAMPLE = re.compile(
    r'sharedbook_ldap_(\w+)\{(worker="\d+"(?:,(?:kind="[a-z-]+",result="\d+"|le="[\d.]+"|le="\+Inf"))?)\} (\S+)'
)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo organisation, served with counters."""
    app = served.make(tmp_path_factory.mktemp("counted") / "site", ldap_metrics_listen=served.local(PORT))
    with served.serve(app) as site:
        yield site
    app.close()


def counters() -> dict[str, float]:
    """Every sample as it is now, by name and labels without the worker's."""
    with urllib.request.urlopen(URL, timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            found[f"{sample[1]} {sample[2].partition(',')[2]}".strip()] = float(sample[3])
    return found


def test_what_was_asked_is_counted(counted: Site) -> None:
    soon(lambda: counters()["indexed"] == 1)
    before = counters()
    connection = counted.connect("alice", "demo-alice")
    connection.search(BASE, "(cn=*a*)", attributes=["cn"])
    entries = len(connection.entries)
    connection.search("cn=config", "(objectClass=*)", ldap3.BASE)
    codes = [code_of(counted, "carol", "secret-wrong") for _ in range(5)]
    guess_much(counted.app, "carol")
    codes.append(code_of(counted, "carol", "secret-wrong"))
    assert codes == [Code.INVALID_CREDENTIALS] * 5 + [Code.BUSY]
    after = counters()
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown['requests_total kind="bind",result="0"'] == 1
    assert grown['requests_total kind="bind",result="49"'] == 5
    assert grown['requests_total kind="bind",result="51"'] == 1
    assert grown['requests_total kind="search",result="0"'] == 1
    assert grown['requests_total kind="search",result="32"'] == 1
    assert grown["entries_total"] == entries > 20
    assert grown["search_seconds_count"] == grown['search_seconds_bucket le="+Inf"'] == 2
    assert grown["search_seconds_sum"] > 0
    assert after["connections"] >= 1 and after["contacts"] > 20 and after["database_answers"] == 1
    connection.unbind()
    soon(lambda: counters()["connections"] == 0)


def test_a_followed_change_is_timed(counted: Site) -> None:
    counted.group()
    soon(lambda: counters()["catch_up_seconds"] > 0)


def test_nothing_else_is_served(counted: Site) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=60)


def test_doctor_tells_of_the_index(counted: Site) -> None:
    soon(lambda: counters()["indexed"] == 1)
    done = subprocess.run(
        [Path(sys.executable).with_name("sharedbook"), "doctor"],
        env={**os.environ, **counted.app.settings.as_environment()},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = [line for line in done.stdout.splitlines() if URL in line]
    assert re.search(r"ok +http\S+: 1 worker, \d+ contacts indexed, \d+ connections? open; logins \d+ good", line), line


def test_elsewhere_than_on_this_machine_it_is_refused(tmp_path: Path) -> None:
    app = served.new_site(tmp_path / "site")
    settings = {**app.settings.as_environment(), "SHAREDBOOK_LDAP_METRICS_LISTEN": "0.0.0.0:9389"}
    with Server([sys.executable, "-m", "ldap_gateway.server"], env=settings) as server:
        server.wait_for_line("ldap: ldap.metrics_listen is 0.0.0.0:9389, where others could read it")
        assert server.process.wait(60) == 1
    app.close()


def test_the_histogram_counts_up() -> None:
    counted = Counters()
    for seconds in (0.0001, 0.0002, 0.003, 60.0):
        counted.note(Access("192.0.2.7", 1, search("(cn=secret)"), Code.SUCCESS, 2, seconds))
    counted.note(Access("192.0.2.7", 1, m.Compare(b"cn=secret", "cn", b"secret"), Code.COMPARE_TRUE, 0, 0.1))
    counted.note(Access("192.0.2.7", None, Said("disconnected", "disconnected"), Code.PROTOCOL_ERROR, 0, 0.1))
    told = text({0: counted.samples(), 1: []})
    found = {
        name: float(value) for name, value in (line.rsplit(" ", 1) for line in told.splitlines() if line[0] != "#")
    }
    ends = [
        found[f'sharedbook_ldap_search_seconds_bucket{{worker="0",le="{end}"}}'] for end in (0.0002, 0.005, 5.0, "+Inf")
    ]
    assert ends == [2, 3, 3, 4]
    assert found['sharedbook_ldap_entries_total{worker="0"}'] == 8
    assert found['sharedbook_ldap_requests_total{worker="0",kind="compare",result="6"}'] == 1
    assert "secret" not in told and "192.0.2" not in told
    assert all(f"# TYPE sharedbook_ldap_{name} " in told for name in METRICS)
