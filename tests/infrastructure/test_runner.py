"""The runner of `make test`: what it counts as failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.left_out import NEEDS, ON_REQUEST, SHARED_DATA, left_out
from tools import run_tests

GREEN = "def test_a(): pass\n"
RED = "def test_b(): assert 0\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_c(): pass\n"
EXPECTED_TO_FAIL = "import pytest\n@pytest.mark.xfail\ndef test_d(): assert 0\n"
BROKEN = "import nothing_of_this_name\n"


@pytest.mark.parametrize(
    ("tests", "failed"),
    [
        (GREEN, ""),
        (GREEN + RED, "exit code 1"),
        (GREEN + SKIPPED, "1 skipped"),
        (GREEN + EXPECTED_TO_FAIL, "1 skipped"),
        (BROKEN, "exit code 2"),
        ("", "no test ran"),
    ],
)
def test_what_fails_a_suite(tests: str, failed: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(tests)
    report = tmp_path / "report.xml"
    report.touch()
    pytest_run = [sys.executable, "-m", "pytest", f"--rootdir={tmp_path}", str(tmp_path), f"--junitxml={report}"]
    done = subprocess.run(pytest_run, cwd=tmp_path, capture_output=True, check=False)
    assert run_tests.verdict(done.returncode, run_tests.count(str(report)), something_left_out=False) == failed


def test_a_suite_may_be_empty_only_when_something_was_left_out() -> None:
    nothing = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    assert run_tests.verdict(5, nothing, something_left_out=True) == ""
    assert run_tests.verdict(5, nothing, something_left_out=False) == "no test ran"


def test_the_closing_lines(capsys: pytest.CaptureFixture[str]) -> None:
    green, red = run_tests.Result("a", 2.0, "", "", 3, 0), run_tests.Result("b", 1.0, "exit code 1", "", 4, 1)
    assert run_tests.sum_up([green], 2.0, set()) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["3 passed, 0 failed", "left out: nothing"]
    assert run_tests.sum_up([green, red], 3.0, {"postgres", "curl"}) == 1
    assert capsys.readouterr().out.splitlines()[-3:] == ["FAILED: b", "7 passed, 1 failed", "left out: curl, postgres"]
    assert run_tests.sum_up([], 0.0, set()) == 1


def test_a_command_that_hangs_is_ended() -> None:
    code, output = run_tests.run(["sh", "-c", "echo on; kill -STOP $$"], 3)
    assert code == 1
    assert output.splitlines()[0] == "on"


def test_what_may_be_left_out() -> None:
    missing = ON_REQUEST if SHARED_DATA.is_dir() else ON_REQUEST | {"shared-data"}
    assert left_out({}) == missing
    assert left_out({"SHAREDBOOK_TEST_WITHOUT": "postgres, infrastructure"}) == {"postgres", "infrastructure"} | missing
    assert left_out({"SHAREDBOOK_TEST_WITH": "kdav"}) == missing - {"kdav"}
    assert "postgres" in NEEDS
    with pytest.raises(ValueError, match="names postgre, which is neither"):
        left_out({"SHAREDBOOK_TEST_WITHOUT": "postgre"})


def test_the_long_suites_come_first() -> None:
    assert run_tests.in_order(["ruff", "store", "reliability"]) == ["reliability", "store", "ruff"]


def test_tests_write_into_memory_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(run_tests, "MEMORY", tmp_path)
    monkeypatch.setattr(run_tests, "MEMORY_BYTES", 1)
    assert run_tests.in_memory() == tmp_path
    monkeypatch.setattr(run_tests, "MEMORY_BYTES", 1 << 60)
    assert run_tests.in_memory() is None
    monkeypatch.setattr(run_tests, "MEMORY", tmp_path / "missing")
    assert run_tests.in_memory() is None
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run_tests.in_memory() is None
