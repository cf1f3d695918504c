"""Keeps a Python process on loopback. Imported by the tests, and by each Python process that they start.

`tests/conftest.py` puts this directory on PYTHONPATH, where the interpreter looks for `sitecustomize`.
"""

import ipaddress
import socket
import sys
from typing import Any

GUARDED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
RESOLVED = {"socket.getaddrinfo", "socket.gethostbyname"}


class NetworkForbidden(RuntimeError):
    """A test, or a process it started, tried to leave this machine."""


def keep_on_loopback(event: str, args: tuple[Any, ...]) -> None:
    """Refuse to leave the machine; a name that is not local does not resolve, as on a machine without DNS."""
    if event in GUARDED:
        _refuse_foreign(args[0], args[1])
    elif event in RESOLVED and not _is_local(args[0]) and not _is_literal(args[0]):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _refuse_foreign(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
        raise NetworkForbidden(f"tests stay on loopback; this one wanted {address[0]}:{address[1]}")


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_literal(host: Any) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


sys.addaudithook(keep_on_loopback)
