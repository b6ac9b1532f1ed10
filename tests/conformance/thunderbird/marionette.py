"""A client of Marionette, the remote protocol that is built into Thunderbird, for scripts that run with its own rights.

One TCP connection on loopback. Each message is `LENGTH:JSON`, the length in bytes; a command is `[0, id, name,
parameters]`, its answer `[1, id, error, result]`. The protocol is described in the folder testing/marionette/doc of
Firefox's source. It is open without a password to everyone on this machine while Thunderbird runs.
"""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any, Self

LONGEST_HEADER = 20
GRACE_SECONDS = 10.0
LOOK_EVERY_MILLISECONDS = 50
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 12: the key of a reference to an element


class ScriptFailed(AssertionError):
    """Thunderbird answered a command with an error."""


class Marionette:
    """A session with a Thunderbird that listens on 127.0.0.1:`port`; a script may run for `timeout` seconds.

    Raises OSError if nobody listens there.
    """

    def __init__(self, port: int, timeout: float = 120.0) -> None:
        self._last_id = 0
        self._socket = socket.create_connection(("127.0.0.1", port), timeout + GRACE_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._receive()  # the greeting
        self.command("WebDriver:NewSession", timeouts={"script": int(timeout * 1000)})
        self.command("Marionette:SetContext", value="chrome")

    def command(self, name: str, **parameters: object) -> Any:
        """The result of one command, as JSON gives it. Raises ScriptFailed with Thunderbird's own words."""
        self._last_id += 1
        message = json.dumps([0, self._last_id, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _, identifier, error, result = self._receive()
        assert identifier == self._last_id, f"Marionette answered {identifier} to command {self._last_id}."
        if error:
            raise ScriptFailed(f"{name}: {error['error']}: {error['message']}\n{error.get('stacktrace', '')}")
        return result["value"] if isinstance(result, dict) and result.keys() == {"value"} else result

    def run(self, body: str, *arguments: object) -> Any:
        """What `body` returns: the body of an asynchronous JavaScript function that gets `arguments` (any JSON)."""
        script = f"return (async (...args) => {{ {body} }})(...arguments);"
        return self.command("WebDriver:ExecuteScript", script=script, args=arguments, sandbox="system")

    def wait_until(self, condition: str, *arguments: object) -> Any:
        """The first true value of a JavaScript expression that sees `arguments` as `args`.

        Raises ScriptFailed if it raises an error, or stays false until the session's time is over.
        """
        return self.run(
            f"""return await new Promise((resolve, reject) => {{
              const timer = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
              const end = (how, what) => {{ timer.cancel(); how(what); }};
              const holds = () => {condition};
              const look = () => {{
                try {{ const found = holds(); if (found) end(resolve, found); }} catch (error) {{ end(reject, error); }}
              }};
              timer.initWithCallback(look, {LOOK_EVERY_MILLISECONDS}, Ci.nsITimer.TYPE_REPEATING_SLACK);
            }});""",
            *arguments,
        )

    def _receive(self) -> Any:
        header = b""
        while not header.endswith(b":"):
            byte = self._stream.read(1)
            if not byte or len(header) > LONGEST_HEADER:
                raise ConnectionError(f"Marionette ended the connection after {header!r}.")
            header += byte
        return json.loads(self._stream.read(int(header[:-1])))

    def close(self) -> None:
        """Ends the connection, not Thunderbird."""
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
