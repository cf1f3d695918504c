"""The stratum v1 handshake as a check: can a miner work there, how quickly does it answer, and if not, what failed.

One line of JSON a message. What a pool sends unasked (`mining.notify`, `mining.set_difficulty`, which may carry an id
beside its method) is not an answer; an `error` is a list, a text or an object; a difficulty may be a fraction.
"""

import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hmm.lib.sockets import ConnectionFailed, Deadline, DeadlineMixin, connect, resolve
from hmm.lib.texts import storable_text
from pools.clients.base import PoolError

PLAIN, SECURED = (
    ("", "stratum+tcp", "stratum", "tcp"),
    ("stratum+ssl", "stratum+tls", "ssl", "tls", "stratums"),
)
LONGEST_LINE = 256 * 1024
MOST_LINES = 200
MOST_DIFFICULTY = 1e20
AGENT = "hmm-check/1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a pool listens for miners."""

    host: str
    port: int
    secured: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a handshake went, in ms: the times of each step, and `response_time_ms` from asking to the answer.

    `authorized` is None where no user was given; where the pool refused, `refusal` is what it said.
    """

    response_time_ms: float
    steps_ms: dict[str, float]
    authorized: bool | None = None
    refusal: str = ""
    difficulty: float | None = None


def parse_endpoint(url: str) -> Endpoint:
    """Return the endpoint that `url` means: "stratum+tcp://host:port", "stratum+ssl://…", "host:port".

    Raises ValueError with what is wrong.
    """
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.scheme.lower() not in (*PLAIN, *SECURED):
        raise ValueError(f"{url!r} is not an address such as stratum+tcp://solo.ckpool.org:3333")
    return Endpoint(host, port, parts.scheme.lower() in SECURED)


def shake_hands(endpoint: Endpoint, user: str, password: str, deadline: Deadline) -> Handshake:
    """Connect, subscribe and, where there is a `user`, authorize. Raises PoolError naming the step that failed."""
    steps_ms: dict[str, float] = {}
    line = _connected(endpoint, deadline, steps_ms)
    with line:
        began = time.monotonic()
        _subscribed(line)
        steps_ms["subscribe"] = response_time_ms = _ms_since(began)
        if not user:
            return Handshake(response_time_ms, steps_ms, difficulty=line.difficulty)
        began = time.monotonic()
        refusal = _authorize(line, user, password)
        steps_ms["authorize"] = _ms_since(began)
    return Handshake(response_time_ms, steps_ms, not refusal, refusal, line.difficulty)


def _connected(endpoint: Endpoint, deadline: Deadline, steps_ms: dict[str, float]) -> "_Line":
    began = time.monotonic()
    step = "dns"
    try:
        resolve(endpoint.host, endpoint.port, deadline)
        steps_ms[step], began, step = _ms_since(began), time.monotonic(), "connect"
        sock: Any = connect(endpoint.host, endpoint.port, deadline)
        steps_ms[step], began, step = _ms_since(began), time.monotonic(), "tls"
        if endpoint.secured:
            sock = _secured(sock, endpoint, deadline)
            steps_ms[step] = _ms_since(began)
    except ConnectionFailed as error:
        raise PoolError(error.reason, step) from error
    return _Line(sock)


class _SecuredSocket(DeadlineMixin, ssl.SSLSocket):
    pass


def _secured(sock: Any, endpoint: Endpoint, deadline: Deadline) -> Any:
    context = ssl.create_default_context()
    context.sslsocket_class = _SecuredSocket
    sock.settimeout(deadline.left())
    try:
        secured: Any = context.wrap_socket(sock, server_hostname=endpoint.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise ConnectionFailed(f"its certificate is not good: {error.verify_message}") from error
    except (ssl.SSLError, OSError, ValueError) as error:
        sock.close()
        raise ConnectionFailed("TLS failed: does it speak TLS on this port?") from error
    secured.deadline = deadline
    return secured


class _Line:
    """A connection on which lines of JSON go both ways."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._rest = b""
        self.difficulty: float | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._sock.close()

    def ask(self, number: int, method: str, params: list[str]) -> dict[str, Any]:
        """Return the pool's answer to one request. Raises PoolError naming the step that `method` is."""
        step = method.removeprefix("mining.")
        try:
            self._sock.sendall(
                json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"
            )
            for message in self._messages(step):
                if message.get("id") == number and "method" not in message:
                    return message
                self._hear(message)
        except ConnectionFailed as error:
            raise PoolError(error.reason, step) from error
        raise PoolError("sends messages and no answer", step, answered=True)

    def _hear(self, message: dict[str, Any]) -> None:
        params = message.get("params")
        if message.get("method") == "mining.set_difficulty" and isinstance(params, list) and params:
            told = params[0]
            if isinstance(told, int | float) and not isinstance(told, bool) and 0 < told <= MOST_DIFFICULTY:
                self.difficulty = float(told)

    def _messages(self, step: str) -> Iterator[dict[str, Any]]:
        for _ in range(MOST_LINES):
            line = self._read_line(step)
            try:
                message = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise PoolError(f"does not speak stratum: {_shown(line)}", step, answered=True) from error
            if isinstance(message, dict):
                yield message

    def _read_line(self, step: str) -> bytes:
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline and line.strip():
                self._rest = rest
                return line
            if newline:
                self._rest = rest
                continue
            if len(line) > LONGEST_LINE:
                raise PoolError(f"sends a line of more than {LONGEST_LINE} bytes", step, answered=True)
            more = self._receive()
            if not more:
                raise PoolError("closed the connection without an answer", step)
            self._rest += more

    def _receive(self) -> bytes:
        room = bytearray(16384)
        return bytes(room[: self._sock.recv_into(room)])


def _subscribed(line: _Line) -> None:
    answer = line.ask(1, "mining.subscribe", [AGENT])
    if told := complaint(answer):
        raise PoolError(f"refused: {told}", "subscribe", answered=True)
    result = answer.get("result")
    if not isinstance(result, list) or len(result) < 3 or not isinstance(result[1], str):
        raise PoolError(f"subscribed with something else: {str(result)[:80]}", "subscribe", answered=True)


def _authorize(line: _Line, user: str, password: str) -> str:
    """Return "" where the pool took the user, else why not."""
    answer = line.ask(2, "mining.authorize", [user, password])
    if told := complaint(answer):
        return told
    return (
        "" if answer.get("result") is True else f"result is {storable_text(str(answer.get('result')))[:80]}"
    )


def complaint(answer: dict[str, Any]) -> str:
    """Return what an answer's `error` says, whichever form it has; "" for none."""
    error = answer.get("error")
    if not error:
        told = answer.get("reject-reason")
        return storable_text(str(told))[:200] if told and answer.get("result") is not True else ""
    if isinstance(error, list):
        error = error[1] if len(error) > 1 else error[0]
    elif isinstance(error, dict):
        error = error.get("message") or error.get("code") or error
    return storable_text(str(error))[:200]


def _shown(line: bytes) -> str:
    return repr(line.decode("utf-8", "replace").strip()[:60])


def _ms_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 3)
