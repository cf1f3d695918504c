"""Stands before a simulated device and notes who asks it, from when to when."""

import re
import socket
import threading
import time
from dataclasses import dataclass
from itertools import groupby

ASKER = re.compile(rb"^user-agent:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Visit:
    """One poll as the device saw it, by this machine's monotonic clock."""

    who: str
    start_s: float
    end_s: float


class Witness:
    """Hands each request on to the device at `port`, and notes it."""

    def __init__(self, port: int) -> None:
        self.visits: list[Visit] = []
        self._device = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def askers(self) -> list[str]:
        """Return who has asked, in order, each once for all its visits in a row."""
        return [who for who, _ in groupby(visit.who for visit in self.visits)]

    def last(self) -> str:
        """Return who asked last, empty before anybody did."""
        return self.visits[-1].who if self.visits else ""

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_on, args=(caller,), daemon=True).start()

    def _hand_on(self, caller: socket.socket) -> None:
        start_s = time.monotonic()
        with caller, socket.create_connection(self._device, timeout=10) as device:
            request = b""
            while b"\r\n\r\n" not in request:
                request += caller.recv(65536)
            device.sendall(request)
            device.shutdown(socket.SHUT_WR)
            for part in iter(lambda: device.recv(65536), b""):
                caller.sendall(part)
        found = ASKER.search(request)
        assert found is not None
        self.visits.append(Visit(found.group(1).decode(), start_s, time.monotonic()))
