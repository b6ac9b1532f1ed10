"""Several workers at the same addresses: connections are spread, one that dies is replaced, all end together."""

from __future__ import annotations

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sharedbook.domain.model import Right
from sharedbook.formats.vcards import vcard
from sharedbook.services.contacts import contacts
from sharedbook.services.members import grants
from tests.ldap import served
from tests.ldap.served import Site, code_of, people, soon
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.sites import as_console, card

PORT = free_port()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo organisation, served by two workers."""
    app = served.make(
        tmp_path_factory.mktemp("workers") / "site", ldap_workers=2, ldap_metrics_listen=served.local(PORT)
    )
    with served.serve(app) as site:
        yield site
    app.close()


def by_worker(metric: str) -> dict[str, float]:
    """The value of a counter in each worker that answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    pattern = rf"^sharedbook_ldap_{re.escape(metric)} (\S+)$".replace("WORKER", r'worker="(\d)"')
    return {worker: float(value) for worker, value in re.findall(pattern, text, re.MULTILINE)}


def processes(site: Site) -> list[int]:
    """Process ids of the workers, the oldest first."""
    pid = site.server.process.pid
    found = sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return [each for each in found if b"ldap_gateway" in Path(f"/proc/{each}/cmdline").read_bytes()]


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_logins_and_searches_are_spread(crowd: Site) -> None:
    assert crowd.server.output.count("ldap listening on") == 2
    binds, searches = 'requests_total{WORKER,kind="bind",result="0"}', 'requests_total{WORKER,kind="search",result="0"}'
    held = [crowd.connect("alice", "demo-alice", tls=number % 2 == 0) for number in range(24)]
    assert len({tuple(people(each)) for each in held}) == 1
    eventually(lambda: [sum(by_worker(each).values()) for each in (binds, searches)], [24, 24])
    assert set(by_worker(binds)) == set(by_worker(searches)) == {"0", "1"}, "one of them got all 24"
    for each in held:
        each.unbind()


def test_each_worker_follows_changes(crowd: Site) -> None:
    login, secret = crowd.member()
    book = crowd.group()
    held = [crowd.connect(login, secret) for _ in range(12)]
    with as_console(crowd.app) as tx:
        grants.grant(tx, book.slug, login, Right.VIEW)
        contacts.add(tx, book, vcard.parse(card("spread", "Spread Out", "EMAIL:spread@out.example")))
    for each in held:
        soon(lambda each=each: people(each, "(mail=spread@out.example)") == ["Spread Out"])  # type: ignore[misc]


def test_a_worker_that_dies_is_replaced(crowd: Site) -> None:
    first, second = processes(crowd)
    os.kill(first, signal.SIGKILL)
    crowd.server.wait_for_line(r"worker \d ended by itself \(-9\): another one takes its place")
    assert code_of(crowd, "bob", "demo-bob") == 0, "the other one serves"
    soon(lambda: len(by_worker("contacts{WORKER}")) == 2)
    assert second in processes(crowd) and first not in processes(crowd)
    assert code_of(crowd, "bob", "demo-bob") == 0


def test_who_cannot_start_ends_all(crowd: Site) -> None:
    """Here because the site was taken away under a running server."""
    app = served.new_site(crowd.app.settings.data_dir.parent / "other", ldap_workers=2)
    with served.serve(app) as site:
        first, second = processes(site)
        assert app.settings.key_file.exists()
        app.settings.key_file.rename(app.settings.key_file.with_suffix(".away"))
        os.kill(first, signal.SIGKILL)
        assert site.server.process.wait(60) == 1
        assert "Traceback" not in site.server.output and not runs(second)
    app.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_end_together(tmp_path: Path, number: signal.Signals) -> None:
    """Also when the one that started them could not say so."""
    app = served.new_site(tmp_path / "site", ldap_workers=2)
    with served.serve(app) as site:
        pids = processes(site)
        assert len(pids) == 2
        site.server.signal(number)
        assert site.server.process.wait(60) == (-9 if number == signal.SIGKILL else 0)
        soon(lambda: not any(map(runs, pids)))
        assert "Traceback" not in site.server.output
    app.close()
