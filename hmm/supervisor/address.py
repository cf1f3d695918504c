"""The address that the web listens on: is it free, what is it called, does it answer."""

import errno
import http.client
import socket
import threading
import time

from hmm.lib.commands import fail

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Addresses that mean all of this machine's, and where to reach the machine itself."""


def require_free(host: str, port: int) -> None:
    """Fail with one line that names HMM_PORT unless one can listen on `host` and `port`."""
    if not 1 <= port <= 65535:
        fail(f"HMM_PORT={port}: a port is a number from 1 to 65535")
    try:
        listen(host, port).close()
    except socket.gaierror as error:
        fail(f"HMM_HOST={host}: {error.strerror}; use an address of this machine, such as 127.0.0.1")
    except OSError as error:
        fail(_cannot_listen(host, port, error))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens as the web will. Raises OSError."""
    family, kind, proto, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(1)
    except OSError:
        sock.close()
        raise
    return sock


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; set HMM_PORT to a free one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HMM_HOST={host} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this user; set HMM_PORT to one above 1023"
    return f"cannot listen on {host} port {port}: {error.strerror}; set HMM_HOST and HMM_PORT"


def free_block(first: int, count: int, step: int = 100) -> int:
    """Return the first of `count` neighbouring ports of 127.0.0.1 that are free: `first`, or some steps on."""
    for base in range(first, 65536 - count, step):
        if all(_is_free(port) for port in range(base, base + count)):
            return base
    return fail(f"no {count} free ports from {first} on for the simulated fleet; set HMM_PORT to another")


def _is_free(port: int) -> bool:
    try:
        listen("127.0.0.1", port).close()
    except OSError:
        return False
    return True


def bind_text(host: str, port: int) -> str:
    """Return the address as gunicorn takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(host: str, port: int) -> str:
    """Return the address as a browser on this machine takes it."""
    return f"http://{bind_text(EVERYWHERE.get(host, host), port)}"


def wait_until_answering(host: str, port: int, stop: threading.Event, patience_s: float) -> bool:
    """Return True as soon as the web answers, False when `patience_s` are over or `stop` is set."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not stop.wait(0.1):
        if _answers(EVERYWHERE.get(host, host), port):
            return True
    return False


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", "/login/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
