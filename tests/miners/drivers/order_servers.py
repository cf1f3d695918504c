"""Small servers on loopback that take orders as devices do, and as broken ones do."""

import contextlib
import socket
from collections.abc import Iterator, Mapping

from tests.miners.drivers.servers import Device, http_reply, tcp_server


def ordered_device(replies: Mapping[str, bytes]) -> contextlib.AbstractContextManager[Device]:
    """Answer "METHOD /path" with these bytes and close; b"" is no answer at all. `asked` has each with its body."""

    def serve(connection: socket.socket, device: Device) -> None:
        line, body = read_request(connection)
        device.asked.append(f"{line} {body}".strip())
        connection.sendall(replies.get(line, http_reply(b"Not Found", "404 Not Found")))

    return tcp_server(serve)


@contextlib.contextmanager
def deaf_device() -> Iterator[Device]:
    """Take a whole request and never answer it."""

    def serve(connection: socket.socket, device: Device) -> None:
        device.asked.append(connection.recv(65536).decode("latin-1"))
        device.stopping.wait(10)

    with tcp_server(serve) as device:
        yield device


def read_request(connection: socket.socket) -> tuple[str, str]:
    """Return "METHOD /path" and the body of one HTTP request."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while len(body) < int(next(iter(lengths), b"0")):
        body += connection.recv(65536)
    return " ".join(head.decode("latin-1").split(" ")[:2]), body.decode()
