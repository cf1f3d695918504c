"""One bounded GET: a time limit on the whole exchange, a size limit, no redirects, errors in plain words."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as TransportError
from urllib3.util.ssl_ import create_urllib3_context

from hmm.lib.sockets import ConnectionFailed, Deadline, DeadlineMixin, DeadlineSocket, connect
from hmm.lib.texts import storable_text

MAX_BYTES = 8 * 1024 * 1024
USER_AGENT = "HMM (Home Miner Manager)"


class HttpError(Exception):
    """The GET gave nothing usable; `reason` is for people: "answers HTTP 429 (Too Many Requests)".

    `status` is the HTTP status where there was one; `retry_after_s` what the server asked to wait.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = storable_text(reason.replace("\x00", ""))  # it may quote what was answered
        self.status = status
        self.retry_after_s = retry_after_s


class NoAnswer(HttpError):
    """Nobody answered, or not to the end: refused, reset, too slow, no such host."""


class BadAnswer(HttpError):
    """An answer came and is of no use: a status other than 200, HTML, half a JSON, too long."""


@dataclass(frozen=True)
class Reply:
    """The body of an answer with status 200."""

    body: bytes
    content_type: str

    def json(self) -> Any:
        """Return the JSON that the body is. Raises BadAnswer, also for NaN or infinite numbers."""
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(explain_not_json(self.body), 200) from error


def get(
    url: str,
    *,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float,
    max_bytes: int = MAX_BYTES,
    use_proxies: bool = True,
) -> Reply:
    """Return the body at `url`, at most `max_bytes` long; `.json()` of it is the JSON there.

    `timeout_s` bounds the whole exchange, the name look-up included. Raises HttpError (NoAnswer or BadAnswer),
    also for a redirect and for anything but status 200.
    With `use_proxies` the environment's HTTP_PROXY counts, as it must not for a device in the house.
    """
    sent = {"User-Agent": USER_AGENT, "Accept": "application/json"} | (headers or {})
    way = _through_proxies if use_proxies else _directly
    try:
        with way(requests.Request("GET", url, sent, params=params), timeout_s) as response:
            _refuse_status(response)
            return Reply(_body(response, max_bytes), response.headers.get("Content-Type", ""))
    except ConnectionFailed as error:
        raise NoAnswer(error.reason) from error
    except (requests.RequestException, TransportError, ValueError) as error:
        raise _explained(error, timeout_s) from error


@contextmanager
def _through_proxies(asked: requests.Request, timeout_s: float) -> Iterator[requests.Response]:
    with requests.Session() as session:
        session.mount("http://", _BoundedAdapter())
        session.mount("https://", _BoundedTLSAdapter())
        request = session.prepare_request(asked)
        found = session.merge_environment_settings(request.url, {}, True, None, None)
        yield session.send(request, timeout=timeout_s, allow_redirects=False, **found)


@contextmanager
def _directly(asked: requests.Request, timeout_s: float) -> Iterator[requests.Response]:
    """Ask without a session, which costs more than asking: thousands of devices are asked a minute."""
    request = asked.prepare()
    is_tls = (request.url or "").startswith("https:")
    with closing(_BoundedTLSAdapter() if is_tls else _BoundedAdapter()) as adapter:
        yield adapter.send(request, timeout=timeout_s, stream=True)


def explain_not_json(body: bytes, wanted: str = "JSON") -> str:
    """Return why `body` is not JSON: "answers HTML, not `wanted`", "JSON cut off after 512 bytes"."""
    text = body.decode("utf-8", "replace").strip("\0 \t\r\n\ufeff")
    if not text:
        return "empty answer"
    if re.match(r"<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        return f"answers HTML, not {wanted}"
    if text[0] in "{[" and _ends_early(text):
        return f"JSON cut off after {len(body)} bytes"
    return "answer is not JSON"


def _ends_early(text: str) -> bool:
    # Whole strings do not count, and one that is never closed counts as something left open.
    marks = re.sub(r'"(?:[^"\\]|\\.)*+("?)', lambda string: "" if string[1] else "[", text, flags=re.DOTALL)
    return sum(marks.count(mark) for mark in "{[") > sum(marks.count(mark) for mark in "}]")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _refuse_status(response: requests.Response) -> None:
    if response.status_code == 200:
        return
    if response.is_redirect:
        what = f"redirects to {response.headers['Location'][:200]}"
    else:
        what = f"answers HTTP {response.status_code} ({response.reason})".replace(" ()", "")
    raise BadAnswer(what, response.status_code, _retry_after_s(response.headers))


def _retry_after_s(headers: CaseInsensitiveDict[str]) -> float | None:
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    try:
        # A date is measured against the server's own clock.
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def _body(response: requests.Response, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(16384):
        body += chunk
        if len(body) > max_bytes:
            raise BadAnswer(f"answer is longer than {max_bytes} bytes", 200)
    return bytes(body)


def _explained(error: Exception, timeout_s: float) -> HttpError:
    known = requests.exceptions
    if isinstance(error, known.Timeout):
        return NoAnswer(f"no answer within {round(timeout_s, 1):g} s")
    if isinstance(error, known.SSLError):
        return NoAnswer("TLS failed: is it https, and its certificate good?")
    if isinstance(error, known.ProxyError):
        return NoAnswer("the proxy of the environment does not answer")
    if isinstance(error, known.ChunkedEncodingError):
        return BadAnswer("answer cut off", 200)
    if isinstance(error, known.ContentDecodingError):
        return BadAnswer("answer cannot be decompressed", 200)
    if isinstance(error, ValueError):
        return BadAnswer(f"not an address to ask: {error}")
    return BadAnswer("does not answer in HTTP")


class _Bounded:
    """Mixed into a connection of urllib3: its `timeout` bounds the connection's whole life."""

    def _new_conn(self) -> DeadlineSocket:
        self._deadline = Deadline.after(self.timeout)  # type: ignore[attr-defined]
        # The zone of a link-local address (fe80::1%eth0) is quoted in a URL.
        host = self._dns_host.replace("%25", "%")  # type: ignore[attr-defined]
        return connect(host, self.port, self._deadline)  # type: ignore[attr-defined]


class _BoundedHTTPConnection(_Bounded, HTTPConnection):
    pass


class _BoundedHTTPSConnection(_Bounded, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, _DeadlineTLSSocket):
            self.sock.deadline = self._deadline


class _DeadlineTLSSocket(DeadlineMixin, ssl.SSLSocket):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _BoundedHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPSConnection


POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=_tls_context(), **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager


class _BoundedTLSAdapter(_BoundedAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_tls_context(), **kwargs)


def _tls_context() -> ssl.SSLContext:
    # Without authorities: requests adds its own bundle when it connects.
    context = create_urllib3_context()
    context.sslsocket_class = _DeadlineTLSSocket
    return context
