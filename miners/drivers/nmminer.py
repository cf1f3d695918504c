"""NMMiner, and NMAxe beside it, tell their state by themselves: a broadcast on UDP port 12345 every few seconds."""

import re
import socket
from contextlib import closing
from typing import Any

from hmm.lib.sockets import ConnectionFailed, Deadline
from miners.drivers import loose_json
from miners.drivers.base import Address, Misread, PlainDriver, Reading, Unreachable, drivers
from miners.drivers.figures import Figures, clean_text, finite_number, with_figures
from miners.drivers.orders import NothingOffered, controls
from miners.drivers.stratum_url import stratum_url

BROADCAST_PORT = 12345
MAX_DATAGRAM_BYTES = 65_535
NOTE = "it takes its pools only together with the Wi-Fi's password, in a broadcast that everybody hears, which HMM does not send"
SILENCE = "no broadcast was heard"
_SHARES = re.compile(r"\s*(\d{1,15})\s*/\s*(\d{1,15})\s*(?:/\s*([\d.]{1,9})\s*%?\s*)?")
_UPTIME = re.compile(
    r"(?:(\d{1,6})\s*d\w*\s*)?(\d{1,4}):(\d{1,2}):(\d{1,2})(?:\s+\d{1,6}\s*d\w*\s*\d{1,4}:\d{1,2}:\d{1,2})?"
)

Fields = dict[str, Any]


class Silent(Unreachable):
    """Nothing was broadcast in the time there was."""


class NmminerDriver(PlainDriver):
    """Waits for the broadcast of one miner: what its address sends, or what names its address inside."""

    name = "nmminer"
    default_port = BROADCAST_PORT
    is_passive = True

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says in its next broadcast. Raises Unreachable or Misread."""
        time_limit = Deadline.until(deadline)
        hosts = _hosts(address.host)
        with closing(listener(address.port or BROADCAST_PORT)) as ear:
            while True:
                datagram, sender = next_datagram(ear, _left_s(time_limit))
                if sender in hosts or _says_it_is_at(datagram, hosts):
                    return read_broadcast(datagram)


def listener(port: int) -> socket.socket:
    """Return a socket that hears what is broadcast on `port`, beside others that do. Raises Unreachable."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind(("", port))
    except OSError as error:
        ear.close()
        raise Unreachable(f"cannot listen on UDP port {port}: {error.strerror}") from error
    return ear


def next_datagram(ear: socket.socket, timeout_s: float) -> tuple[bytes, str]:
    """Return what is heard next and the address of who said it. Raises Silent after `timeout_s` seconds."""
    ear.settimeout(timeout_s)
    try:
        datagram, sender = ear.recvfrom(MAX_DATAGRAM_BYTES)
    except TimeoutError as error:
        raise Silent(SILENCE) from error
    except OSError as error:
        raise Unreachable(f"the broadcast cannot be heard: {error.strerror}") from error
    return datagram, str(sender[0])


def read_broadcast(datagram: bytes) -> Reading:
    """Return the reading that a broadcast is. Raises Misread."""
    figures = Figures()
    told = loose_json.parse(datagram, "an NMMiner's broadcast", figures.warnings)
    if not isinstance(told, dict) or "HashRate" not in told:
        raise Misread("another device's shape (a broadcast without NMMiner's HashRate)")
    return with_figures(_reading(figures, told))


def shares(figures: Figures, text: str | None) -> tuple[int | None, int | None]:
    """Return accepted and rejected of "1/138" or "1/138/99.3%": the rejected come first."""
    match = _SHARES.fullmatch(text or "")
    if match is None or not _is_share_of(match[3], int(match[1]), int(match[2])):
        if text:
            figures.warnings.append(f"shares left out: {text[:20]!r} is not REJECTED/ACCEPTED")
        return None, None
    return figures.counter("accepted", match[2]), figures.counter("rejected", match[1])


def _is_share_of(percent: str | None, rejected: int, accepted: int) -> bool:
    """Return whether `percent`, where told, is that of either kind of share: else the text was damaged."""
    if percent is None or rejected + accepted == 0:
        return True
    told, part = finite_number(percent), 100 * rejected / (rejected + accepted)
    return told is not None and min(abs(told - part), abs(told - (100 - part))) <= 0.51


def uptime_s(figures: Figures, text: str | None) -> int | None:
    """Return the seconds of "000d 01:23:46"; NMAxe tells those since ever after those since its start."""
    match = _UPTIME.fullmatch(text or "")
    if match is None:
        if text:
            figures.warnings.append(f"uptime left out: {text[:20]!r} is not DAYS d HH:MM:SS")
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return figures.uptime_s(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _reading(figures: Figures, told: Fields) -> Reading:
    hashrate = _text(told, "HashRate")
    accepted, rejected = shares(figures, _text(told, "Share"))
    return Reading(
        driver=NmminerDriver.name,
        model=_text(told, "BoardType"),
        firmware=_text(told, "Version"),
        hashrate_ghs=figures.hashrate_text_ghs(hashrate),
        power_w=_power_w(figures, _text(told, "Power")),
        temperature_c=figures.temperature_c(_text(told, "Temp"), absent=(-1.0,)),
        accepted=accepted,
        rejected=rejected,
        uptime_s=uptime_s(figures, _text(told, "Uptime")),
        pool_url=stratum_url(_text(told, "PoolInUse"), None),
        warnings=tuple(figures.warnings),
    )


def _text(told: Fields, *keys: str) -> str | None:
    return next((text for key in keys if (text := clean_text(told.get(key), 100))), None)


def _power_w(figures: Figures, text: str | None) -> float | None:
    """Return the watts of "12.5W"."""
    return figures.power_w(text.removesuffix("W")) if text else None


def _says_it_is_at(datagram: bytes, hosts: set[str]) -> bool:
    try:
        said = loose_json.parse(datagram)
    except Misread:
        return False
    return isinstance(said, dict) and _text(said, "IP", "ip") in hosts


def _hosts(host: str) -> set[str]:
    """Return the addresses that `host` stands for. Raises Unreachable."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        raise Unreachable("no such host") from error
    return {str(address[0]) for *_, address in found}


def _left_s(time_limit: Deadline) -> float:
    try:
        return time_limit.left()
    except ConnectionFailed as error:
        raise Unreachable(SILENCE) from error


drivers.register(NmminerDriver.name, NmminerDriver())
controls.register(NmminerDriver.name, NothingOffered(NmminerDriver.name, NOTE))
