"""What is known of a service outside: how long its answers last, and how often it may be asked."""

from dataclasses import dataclass
from urllib.parse import urlsplit

FAILURE_KEPT_S = 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """A service and its manners.

    `fresh_s`: an answer so young is given again without asking. `pace_s`: one request in so long, to each host, of
    which `burst` may come at once after a rest. `stands_in_s`: so old an answer may still stand in where a new one cannot be had.
    `failure_kept_s`: for so long who looks is told of a failure instead of waiting for the next one.
    """

    name: str
    fresh_s: float
    pace_s: float
    timeout_s: float = 10.0
    tries: int = 3
    burst: int = 1
    stands_in_s: float = 24 * 3600.0
    max_bytes: int = 2 * 1024 * 1024

    @property
    def burst_s(self) -> float:
        """How far ahead of its pace it may be asked, in seconds."""
        return (self.burst - 1) * self.pace_s

    @property
    def failure_kept_s(self) -> float:
        """How long a failure is told again, in seconds: never longer than an answer is."""
        return min(self.fresh_s, FAILURE_KEPT_S)


def host_of(url: str) -> str:
    """Return the host and port of `url` as it is written, "" where there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2][:200]
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    """Return whether `url` is on this machine, which no proxy reaches."""
    try:
        return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False
