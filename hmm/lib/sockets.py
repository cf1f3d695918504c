"""TCP connections whose every wait ends at one deadline, and that say in plain words why they failed."""

import errno
import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTDOWN: "host is down",
    errno.EACCES: "not allowed to connect",
    errno.EPERM: "not allowed to connect",
}


class ConnectionFailed(Exception):
    """No connection, or it broke or stayed silent; `reason` is for people: "connection refused"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Deadline:
    """An instant of `time.monotonic()` and how many seconds there were until then."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    @classmethod
    def until(cls, at: float) -> "Deadline":
        """Return the deadline at that instant of `time.monotonic()`."""
        return cls(at, max(0.0, at - time.monotonic()))

    def left(self) -> float:
        """Return the seconds left, at least a little. Raises ConnectionFailed when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise self.missed()
        return max(left, 0.001)

    def missed(self, what: str = "no answer") -> ConnectionFailed:
        """Return the error that says `what` within the seconds there were."""
        return ConnectionFailed(f"{what} within {round(self.seconds, 1):g} s")


class DeadlineMixin:
    """Mixed into a socket class: each receive may take what is left of the deadline and no more."""

    deadline: Deadline | None = None
    received = 0

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive as the socket does. Raises ConnectionFailed at the deadline or when it breaks."""
        self._wait_no_longer()
        try:
            count: int = super().recv_into(*args, **kwargs)  # type: ignore[misc]
        except OSError as error:
            raise self._explain(error) from error
        self.received += count
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        """Send as the socket does. Raises ConnectionFailed at the deadline or when it breaks."""
        self._wait_no_longer()
        try:
            super().sendall(*args, **kwargs)  # type: ignore[misc]
        except OSError as error:
            raise self._explain(error) from error

    def _wait_no_longer(self) -> None:
        if self.deadline is not None:
            if time.monotonic() >= self.deadline.at:
                raise self._too_late(self.deadline)
            self.settimeout(self.deadline.left())  # type: ignore[attr-defined]

    def _too_late(self, deadline: Deadline) -> ConnectionFailed:
        return deadline.missed("no whole answer" if self.received else "no answer")

    def _explain(self, error: OSError) -> ConnectionFailed:
        if isinstance(error, TimeoutError) and self.deadline is not None:
            return self._too_late(self.deadline)
        return ConnectionFailed(plain_reason(error))


class DeadlineSocket(DeadlineMixin, socket.socket):
    """A TCP socket bound to a deadline."""


def connect(host: str, port: int, deadline: Deadline) -> DeadlineSocket:
    """Return a connected socket, trying each address of `host` in turn.

    Raises ConnectionFailed: the name, the refusal, or that nobody answered before the deadline.
    """
    addresses = resolve(host, port, deadline)
    failure = ConnectionFailed("no such host")
    for position, (family, address) in enumerate(addresses):
        # A dark IPv6 address must leave time for the IPv4 one behind it.
        share_s = deadline.left() / (len(addresses) - position)
        try:
            return _connect_to(family, address, share_s, deadline)
        except ConnectionFailed as error:
            failure = error
    raise failure


def plain_reason(error: OSError) -> str:
    """Return why the network failed, in words: "connection refused"."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return REASONS.get(error.errno or 0) or (error.strerror or str(error) or type(error).__name__).lower()


def _connect_to(family: int, address: Any, share_s: float, deadline: Deadline) -> DeadlineSocket:
    sock = DeadlineSocket(family, socket.SOCK_STREAM)
    sock.deadline = deadline
    try:
        sock.settimeout(share_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise sock._explain(error) from error
    return sock


def resolve(host: str, port: int, deadline: Deadline) -> list[tuple[int, Any]]:
    """Return (family, address) of each address of `host`. Raises ConnectionFailed."""
    # The system's resolver takes no time limit, so it works in a thread that may be left behind.
    answer: queue.SimpleQueue[list[tuple[int, Any]] | ConnectionFailed] = queue.SimpleQueue()
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except ConnectionFailed:
        threading.Thread(target=lambda: answer.put(_looked_up(host, port)), daemon=True).start()
    try:
        found = answer.get(timeout=deadline.left())
    except queue.Empty:
        raise deadline.missed("the name was not resolved") from None
    if isinstance(found, ConnectionFailed):
        raise found
    return found


def _looked_up(host: str, port: int) -> list[tuple[int, Any]] | ConnectionFailed:
    try:
        return _look_up(host, port, 0)
    except ConnectionFailed as error:
        return error


def _look_up(host: str, port: int, flags: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror as error:
        busy = error.errno == socket.EAI_AGAIN
        raise ConnectionFailed("the name server does not answer" if busy else "no such host") from error
    except (OSError, ValueError, OverflowError) as error:
        raise ConnectionFailed("no such host") from error
    return [(family, address) for family, _, _, _, address in found]
