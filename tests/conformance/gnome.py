"""Programs of GNOME's address book, each with daemons and a bus of its own, which end with the program."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.lines import LineClient

SERVICES = Path("/usr/share/dbus-1/services")
BUS = """<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""A bus that starts nothing but EDS: no keyring asks for a password."""

DAEMONS, ANSWERS = ("sh", "-c", 'exec "$@" 3>&1 >&2', "sh"), ("sh", "-c", 'exec "$@" >&3 3>&-', "sh")
"""Only the program's own words go to stdout: EDS's daemons write there, too."""


def gnome(program: Path, *arguments: str) -> LineClient:
    """Starts a program under the system's Python, which has GNOME's libraries."""

    def prepare(folder: Path) -> list[str | Path]:
        (folder / "services").mkdir()
        for service in SERVICES.glob("org.gnome.evolution.dataserver.*"):
            (folder / "services" / service.name).symlink_to(service)
        (folder / "bus.conf").write_text(BUS.format(folder=folder))
        bus = ["dbus-run-session", f"--config-file={folder}/bus.conf", "--"]
        return [*DAEMONS, *bus, *ANSWERS, "/usr/bin/python3", program, *arguments]

    no_desktop = {"GSETTINGS_BACKEND": "memory", "GIO_USE_NETWORK_MONITOR": "base", "GIO_USE_VFS": "local"}
    return LineClient(prepare, **no_desktop)
