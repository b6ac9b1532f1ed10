"""Where notices arrive: a real mail server and a real web server, both in this process, on loopback."""

from __future__ import annotations

import email.policy
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sharedbook.services.keys import certificate
from sharedbook.settings import Address
from tests.support.ports import free_port

SECONDS = 60


@dataclass
class MailServer:
    """Takes mail from anybody who has logged in over STARTTLS, but for ``refused``; ``cert`` is its certificate."""

    address: Address
    cert: Path
    refused: set[str] = field(default_factory=set)
    mails: queue.SimpleQueue[tuple[list[str], EmailMessage]] = field(default_factory=queue.SimpleQueue)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.put((list(envelope.rcpt_tos), message))
        return "250 taken"

    def next(self) -> tuple[list[str], EmailMessage]:
        """The next mail: envelope recipients, message. Fails when none comes."""
        return self.mails.get(timeout=SECONDS)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: LoginPassword
) -> AuthResult:
    right = auth_data == LoginPassword(b"sharedbook", b"mail secret")
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(folder: Path) -> Iterator[MailServer]:
    """A mail server with a certificate of its own."""
    cert, key = certificate.self_signed(folder, ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    made = MailServer(Address("127.0.0.1", free_port()), cert)
    controller = Controller(
        made,
        hostname="127.0.0.1",
        port=made.address.port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=_authenticate,
        ready_timeout=SECONDS,
    )
    controller.start()
    try:
        yield made
    finally:
        controller.stop()


@dataclass
class Post:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class WebServer:
    """Notes every POST; ``answer``: what it does with one before it answers, and the status."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answer: Callable[[Post], int] = lambda _post: 204
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                post = Post(self.path, dict(self.headers), body)
                server.posts.append(post)
                self.send_response(server.answer(post))
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
