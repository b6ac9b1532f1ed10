"""A client of a session without a socket: requests in, answers out, passwords checked against a table."""

from __future__ import annotations

from collections.abc import Callable

from ldap_gateway import messages as m
from ldap_gateway.binding import Bound, PeerCertificate
from ldap_gateway.log import Access
from ldap_gateway.session import Peer, Rules, Session
from sharedbook.domain.errors import LoginFailed
from tests.ldap.wiring import BOUNDS, Answer, answers, octets
from tests.ldap.world import MEMBERS, World

LOOPBACK = Peer("127.0.0.1", local=True)
ELSEWHERE = Peer("192.0.2.7", local=False)
RULES = Rules(BOUNDS)
IDS = {member.login: member.id for member in MEMBERS}


class Talk:
    """One session. ``at_once`` False hands octets over one by one."""

    def __init__(
        self,
        place: World,
        *,
        rules: Rules = RULES,
        peer: Peer = LOOPBACK,
        tls: bool = False,
        can_tls: bool = True,
        certificate: PeerCertificate = None,
        at_once: bool = True,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.place = place
        self.log: list[Access] = []
        self.session = Session(
            place.directory,
            rules,
            peer,
            tls=tls,
            can_tls=can_tls,
            certificate=certificate,
            log=self.log.append,
            clock=clock,
        )
        self._at_once = at_once
        self._last = 0

    def say(self, *messages: m.Message | bytes) -> list[Answer]:
        """Sends messages in one piece, does all there is to do, and gives the answers."""
        data = b"".join(each if isinstance(each, bytes) else octets(each) for each in messages)
        pieces = [data] if self._at_once else [bytes((octet,)) for octet in data]
        received = b""
        for piece in pieces:
            self.session.receive(piece)
            received += self.work()
        return answers(received)

    def work(self) -> bytes:
        """Lets the session do all it can; gives what it sends."""
        received = b""
        while True:
            busy = self.session.advance()
            received += self.session.take()
            if self.session.verify is not None:
                self.check(self.session.verify.login, self.session.verify.password)
            elif not busy and self.session.streaming:
                received += self.session.next_chunk()
            elif not busy:
                return received

    def check(self, login: str, password: str) -> None:
        """A login's password is the login backwards."""
        known = login in IDS and password == login[::-1]
        if not known:
            self.session.verified(LoginFailed("the login or the password is wrong"))
            return
        member = next(each for each in MEMBERS if each.login == login)
        self.session.verified(Bound(member.id, login, member.subjects, f"hash of {login}"))

    def request(self, operation: m.Operation, *controls: m.Control) -> list[Answer]:
        """One request under the next id."""
        self._last += 1
        return self.say(m.Message(self._last, operation, controls))

    def one(self, operation: m.Operation, *controls: m.Control) -> Answer:
        """A request with one answer."""
        (answer,) = self.request(operation, *controls)
        return answer

    def bind(self, login: str) -> Talk:
        """Logs in."""
        assert self.one(m.Bind(3, login.encode(), None, login[::-1].encode())).code == 0
        return self
