"""The sockets: one listening port a device, all in one event loop."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress

from miners.simulator import cgminer
from miners.simulator.avalon import Avalon
from miners.simulator.axeos import AxeOs
from miners.simulator.clock import Clock
from miners.simulator.device import Condition, Device
from miners.simulator.http import Refused, Response, read_request
from miners.simulator.misfortune import spoil

_READ_LIMIT = 8 * 1024
_REQUEST_S = 10.0
_REST_OF_JSON_S = 2.0
_SILENCE_S = 60.0
_CONNECTIONS = 32


class CannotListen(Exception):
    """A port cannot be had; the text names it and the reason."""


def listen(host: str, base_port: int, count: int) -> list[socket.socket]:
    """Return `count` listening sockets from `base_port` on, all or none. Raises CannotListen."""
    sockets: list[socket.socket] = []
    try:
        for port in range(base_port, base_port + count):
            sockets.append(_listener(host, port))
    except CannotListen:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _listener(host: str, port: int) -> socket.socket:
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(64)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    return listener


async def serve(
    devices: Sequence[Device],
    sockets: Sequence[socket.socket],
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Serve each device on its socket until `stop` is set; call `ready` once all are served."""
    async with AsyncExitStack() as lines:
        for device, listener in zip(devices, sockets, strict=True):
            line = _Line(device, clock)
            server = await asyncio.start_server(line.meet, sock=listener, limit=_READ_LIMIT)
            lines.push_async_callback(line.hang_up)
            lines.callback(server.close)
        ready()
        await stop.wait()


class _Line:
    """One device's connections."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device = device
        self._clock = clock
        self._conversations: set[asyncio.Task[None]] = set()

    def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to meet one connection as the device would in its condition."""
        if len(self._conversations) >= _CONNECTIONS:
            _reset(writer)
            return
        conversation = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def hang_up(self) -> None:
        """End every conversation."""
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A client that leaves, stalls or resets is its own affair: the device just hangs up.
            with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                await self._meet(reader, writer)
        finally:
            writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        condition = self._device.condition(self._clock.now())
        if condition is Condition.BOOTING:
            _reset(writer)
        elif condition is Condition.SILENT:
            await _stay_silent(reader)
        else:
            writer.write(await self._answer(reader))
            await asyncio.wait_for(writer.drain(), _REQUEST_S)

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        api = self._device.api
        if isinstance(api, Avalon):
            return await self._answer_cgminer(api, reader)
        return await self._answer_http(api, reader)

    async def _answer_http(self, api: AxeOs, reader: asyncio.StreamReader) -> bytes:
        try:
            request = await asyncio.wait_for(read_request(reader), _REQUEST_S)
        except Refused as refused:
            return refused.response.encode()
        await self._clock.sleep(self._device.delay_s())
        t = self._clock.now()
        response = api.handle(request, t)
        spell = self._device.broken_spell(t)
        if spell is not None and response.is_json:
            response = Response(body=spoil(response.body, spell), content_type=response.content_type)
        return response.encode()

    async def _answer_cgminer(self, api: Avalon, reader: asyncio.StreamReader) -> bytes:
        raw = await _read_cgminer(reader)
        if not raw:
            return b""
        await self._clock.sleep(self._device.delay_s())
        t = self._clock.now()
        reply = api.handle(raw, t)
        spell = self._device.broken_spell(t)
        return reply if spell is None else spoil(reply[:-1], spell) + b"\0"


def _reset(writer: asyncio.StreamWriter) -> None:
    """Answer with a TCP reset: a plain close would look like an empty reply."""
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _stay_silent(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(_SILENCE_S):
        while await reader.read(_READ_LIMIT):
            pass


async def _read_cgminer(reader: asyncio.StreamReader) -> bytes:
    """Read one request; half a JSON is what there is when the rest does not come."""
    raw = await asyncio.wait_for(reader.read(_READ_LIMIT), _REQUEST_S)
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST_OF_JSON_S):
            while raw and len(raw) < _READ_LIMIT and not cgminer.is_complete(raw):
                more = await reader.read(_READ_LIMIT)
                if not more:
                    break
                raw += more
    return raw
