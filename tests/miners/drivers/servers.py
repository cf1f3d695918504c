"""Small servers on loopback that answer as devices do, and as broken ones do."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Serve = Callable[[socket.socket, "Device"], None]


@dataclass
class Device:
    """Where it listens and what it was asked."""

    port: int
    asked: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def tcp_server(serve: Serve, host: str = "127.0.0.1", port: int = 0) -> Iterator[Device]:
    """Listen on `port` of `host`, 0 for a free one; each connection is served in a thread and then closed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        device = Device(listener.getsockname()[1])
        acceptor = threading.Thread(target=_accept, args=(listener, serve, device))
        acceptor.start()
        try:
            yield device
        finally:
            device.stopping.set()
            with socket.create_connection((host, device.port), timeout=5):
                acceptor.join(5)


def _accept(listener: socket.socket, serve: Serve, device: Device) -> None:
    while True:
        connection, _ = listener.accept()
        if device.stopping.is_set():
            connection.close()
            return
        threading.Thread(target=_serve, args=(connection, serve, device), daemon=True).start()


def _serve(connection: socket.socket, serve: Serve, device: Device) -> None:
    with connection:
        connection.settimeout(10)
        with contextlib.suppress(OSError):  # the reader may have gone
            serve(connection, device)


def http_reply(body: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """Return a whole HTTP answer; `length` may lie about the body's."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


def http_device(replies: dict[str, bytes], host: str = "127.0.0.1"):
    """Answer GETs of these paths with these bytes (see `http_reply`), all others with 404."""

    def serve(connection: socket.socket, device: Device) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536) or b"\r\n\r\n"
        path = request.split(b" ")[1].decode() if request.count(b" ") > 1 else ""
        device.asked.append(path)
        connection.sendall(replies.get(path.split("?")[0], http_reply(b"no", "404 Not Found")))

    return tcp_server(serve, host)


def silent_device():
    """Accept, and never say a word."""
    return tcp_server(lambda connection, device: device.stopping.wait(10))


def dripping_device(first: bytes):
    """Say `first`, then a blank every 20 ms until the reader goes."""

    def serve(connection: socket.socket, device: Device) -> None:
        connection.recv(65536)
        connection.sendall(first)
        while not device.stopping.wait(0.02):
            connection.sendall(b" ")

    return tcp_server(serve)


def talking_device(reply: bytes, host: str = "127.0.0.1"):
    """Answer whatever is asked with exactly these bytes."""

    def serve(connection: socket.socket, device: Device) -> None:
        device.asked.append(connection.recv(65536).decode("latin-1"))
        connection.sendall(reply)

    return tcp_server(serve, host)


_held: list[socket.socket] = []


def closed_port() -> int:
    """Return a port of loopback on which nobody listens, and which nobody else is given."""
    _held.append(held := socket.socket())
    held.bind(("127.0.0.1", 0))
    return int(held.getsockname()[1])


INVALID_JSON = b'{"STATUS":[{"STATUS":"E","When":9,"Code":14,"Msg":"Invalid command"}],"id":1}\0'
INVALID_TEXT = b"STATUS=E,When=9,Code=14,Msg=Invalid command,Description=cgminer 4.11.1|\0"


def cgminer_device(
    replies: dict[str, bytes],
    *,
    reads_json: bool = True,
    reads_text: bool = True,
    host: str = "127.0.0.1",
    port: int = 0,
):
    """Speak the cgminer API: one request a connection; what is not in `replies` is an invalid command."""

    def serve(connection: socket.socket, device: Device) -> None:
        request = connection.recv(65536).decode("latin-1").strip()
        device.asked.append(request)
        is_json = request.startswith("{")
        command = json.loads(request)["command"] if is_json else request.split("|")[0]
        if not (reads_json if is_json else reads_text):
            connection.sendall(INVALID_TEXT)
            return
        connection.sendall(replies.get(command, INVALID_JSON if is_json else INVALID_TEXT))

    return tcp_server(serve, host, port)
