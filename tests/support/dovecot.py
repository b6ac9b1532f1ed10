"""A mail server of the test's own, with one mailbox: Dovecot, in a temporary folder, on loopback."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from imapclient import IMAPClient

from tests.support.ports import free_port
from tests.support.processes import Server

LOGIN, PASSWORD = "sales", "sales-secret"
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
mail_location = maildir:{folder}/mail
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
default_internal_user = {own}
default_internal_group = {group}
default_login_user = {own}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


@contextmanager
def served() -> Iterator[tuple[int, IMAPClient]]:
    """Its port, and a client that is logged in, to put messages there.

    Not in pytest's folders: Dovecot, started by root, reads mail as nobody, who may not look into them.
    """
    root, port = os.getuid() == 0, free_port()
    uid, gid = (65534, 65534) if root else (os.getuid(), os.getgid())
    own, group = ("nobody", "nogroup") if root else (pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name)
    with tempfile.TemporaryDirectory(prefix="sharedbook-dovecot-") as name:
        folder = Path(name)
        (folder / "mail").mkdir()
        for path in (folder, folder / "mail"):
            os.chown(path, uid, gid)
        config = folder / "dovecot.conf"
        values = {"folder": folder, "port": port, "uid": uid, "gid": gid, "own": own, "group": group}
        config.write_text(CONFIG.format(password=PASSWORD, **values))
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "dovecot is missing: apt install dovecot-imapd"
        with Server([program, "-F", "-c", config]) as server:
            server.wait_for_port(port)
            with IMAPClient("127.0.0.1", port, ssl=False) as client:
                client.login(LOGIN, PASSWORD)
                yield port, client


def message(subject: str, *, sender: str, to: str, attachment: str = "") -> bytes:
    """A message of a person."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made.set_content("The text of it.\n")
    if attachment:
        made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename=attachment)
    return made.as_bytes()
