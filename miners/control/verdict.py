"""Whether readings bear an order out. Pure: an order, the readings after it, and now."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from hmm.lib.units import format_hashrate
from miners.drivers.orders import Kind
from miners.models import CommandStatus

DEADLINES = {
    Kind.RESTART: timedelta(minutes=5),
    Kind.PAUSE: timedelta(minutes=5),
    Kind.RESUME: timedelta(minutes=10),
    Kind.MODE: timedelta(minutes=10),
    Kind.FREQUENCY: timedelta(minutes=5),
    Kind.POWER: timedelta(minutes=30),
    Kind.POOL: timedelta(minutes=10),
}
"""How long readings may take to show what was ordered; devices calibrate and warm up meanwhile."""

NOT_TOLD = "no reading tells of it"

LASTING = frozenset({Kind.PAUSE, Kind.MODE, Kind.FREQUENCY, Kind.POWER, Kind.POOL})
"""What stays as it was ordered: a later reading that says otherwise is a drift."""

NOT_WORKING = ("paused", "idle", "sleep", "shutdown", "off", "stopped", "overheat")
"""Modes of a device that does not hash, which say nothing of the mode in which it would."""

SETTING_TOLERANCE = 0.005
HASHRATE_TOLERANCE = 0.15
POWER_TOLERANCE = 0.05


class Seen(Protocol):
    """What a reading said that orders are judged by; None or "" for what it did not say."""

    @property
    def hashrate_ghs(self) -> float | None: ...
    @property
    def power_w(self) -> float | None: ...
    @property
    def uptime_s(self) -> int | None: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def pool_url(self) -> str | None: ...
    @property
    def frequency_mhz(self) -> float | None: ...
    @property
    def core_voltage_mv(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that was sent: what readings must say, since when, and whether one has said it already."""

    kind: Kind
    expected: Mapping[str, Any]
    sent_at: datetime
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an order ended, by which reading, and what that said."""

    status: CommandStatus
    evidence: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one reading bears an order out (None: it cannot tell), and its words."""

    is_borne_out: bool | None
    words: str


def is_told_of(kind: Kind, expected: Mapping[str, Any]) -> bool:
    """Return whether readings tell what became of such an order."""
    return kind in DEADLINES and (kind is not Kind.POOL or bool(expected))


def judge(
    ordered: Ordered, readings: Sequence[tuple[datetime, Seen]], now: datetime, silence: str = ""
) -> Verdict | None:
    """Return how the order ended by these readings, oldest first; None while that is open, or still stands.

    Readings from before it was sent do not count. `silence` says why there are none.
    """
    later = [(at, finding(ordered, at, seen)) for at, seen in readings if at > ordered.sent_at]
    if ordered.is_confirmed:
        against = [(at, found) for at, found in later if found.is_borne_out is False]
        return _verdict(CommandStatus.DRIFTED, *against[0]) if against else None
    proofs = [(at, found) for at, found in later if found.is_borne_out]
    if proofs:
        return _verdict(CommandStatus.CONFIRMED, *proofs[0])
    if now - ordered.sent_at < DEADLINES[ordered.kind]:
        return None
    return _without_proof(ordered, later, now, silence)


def finding(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    """Return what one reading, taken at `at`, says of an order."""
    return _FINDINGS[ordered.kind](ordered, at, seen)


def _without_proof(
    ordered: Ordered, later: Sequence[tuple[datetime, Finding]], now: datetime, silence: str
) -> Verdict:
    minutes = DEADLINES[ordered.kind].total_seconds() / 60
    if not later:
        why = f": {silence}" if silence else ""
        return Verdict(CommandStatus.DRIFTED, f"no reading within {minutes:g} minutes{why}", now)
    against = [(at, found) for at, found in later if found.is_borne_out is False]
    if against:
        return _verdict(CommandStatus.DRIFTED, *against[-1])
    return _verdict(CommandStatus.UNVERIFIABLE, *later[-1])


def _verdict(status: CommandStatus, at: datetime, found: Finding) -> Verdict:
    return Verdict(status, f"the reading of {at:%Y-%m-%d %H:%M:%S} UTC: {found.words}", at)


def _restarted(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    if seen.uptime_s is None:
        return Finding(None, "tells no uptime")
    began = at - timedelta(seconds=seen.uptime_s)
    # Both are whole seconds at the least; no device is up again within one.
    return Finding(began > ordered.sent_at - timedelta(seconds=1), f"up for {seen.uptime_s} s")


def _paused(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    mode = f", mode {seen.mode}" if seen.mode else ""
    if seen.hashrate_ghs is None:
        is_paused = True if seen.mode in NOT_WORKING else None
        return Finding(is_paused, f"tells no hashrate{mode}")
    if seen.hashrate_ghs == 0:
        return Finding(True, f"hashrate 0{mode}")
    return Finding(False, f"hashes {format_hashrate(seen.hashrate_ghs)}{mode}")


def _resumed(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    paused = _paused(ordered, at, seen)
    return Finding(None if paused.is_borne_out is None else not paused.is_borne_out, paused.words)


def _in_mode(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    if not seen.mode:
        return Finding(None, "tells no mode")
    is_wanted = None if seen.mode in NOT_WORKING else seen.mode == ordered.expected["mode"]
    return Finding(is_wanted, f"mode {seen.mode}")


def _clocked(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    told = [
        _setting(ordered.expected.get("frequency_mhz"), seen.frequency_mhz, "MHz"),
        _setting(ordered.expected.get("core_voltage_mv"), seen.core_voltage_mv, "mV"),
    ]
    found = [each for each in told if each]
    if any(each.is_borne_out is None for each in found):
        return _by_hashrate(ordered, seen)
    words = " and ".join(each.words for each in found)
    if not all(each.is_borne_out for each in found):
        return Finding(False, words)
    needs_restart = "restarted" in ordered.expected and not ordered.is_confirmed
    return _since_its_start(ordered, at, seen, words) if needs_restart else Finding(True, words)


def _setting(wanted: float | None, told: float | None, unit: str) -> Finding | None:
    if wanted is None:
        return None
    if told is None:
        return Finding(None, f"tells no {unit}")
    return Finding(abs(told - wanted) <= max(1.0, SETTING_TOLERANCE * wanted), f"{told:g} {unit}")


def _by_hashrate(ordered: Ordered, seen: Seen) -> Finding:
    """Return what the hashrate says where the setting itself is not told; a small change it cannot tell."""
    wanted, before = ordered.expected.get("hashrate_ghs"), ordered.expected.get("hashrate_before_ghs")
    if not (wanted and before and seen.hashrate_ghs):
        return Finding(None, "tells neither its settings nor what could stand for them")
    words = f"hashes {format_hashrate(seen.hashrate_ghs)}, expected {format_hashrate(wanted)}"
    if abs(wanted - before) <= 2 * HASHRATE_TOLERANCE * wanted:
        return Finding(None, f"{words}: too small a change to tell by the hashrate")
    return Finding(abs(seen.hashrate_ghs - wanted) <= HASHRATE_TOLERANCE * wanted, words)


def _limited(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    wanted_w = float(ordered.expected["power_w"])
    if seen.power_w is None or not seen.hashrate_ghs:
        return Finding(None, "tells no power while it hashes")
    return Finding(seen.power_w <= (1 + POWER_TOLERANCE) * wanted_w, f"takes {seen.power_w:,.0f} W")


def _mines_for(ordered: Ordered, at: datetime, seen: Seen) -> Finding:
    if not seen.pool_url:
        return Finding(None, "tells no pool")
    words, wanted = f"pool {seen.pool_url}", str(ordered.expected["pool_url"])
    if bare_pool(seen.pool_url) != bare_pool(wanted) or is_secured(seen.pool_url) != is_secured(wanted):
        return Finding(False, words)
    if ordered.is_confirmed or ordered.expected.get("in_use"):
        return Finding(True, words)
    return _since_its_start(ordered, at, seen, words)


def _since_its_start(ordered: Ordered, at: datetime, seen: Seen, words: str) -> Finding:
    """Return that what is told is in use: most devices tell a setting at once, and go by it only after their restart."""
    started = _restarted(ordered, at, seen)
    if started.is_borne_out is not False:
        return Finding(True, words)
    return Finding(False, f"{words} is set, and it has not been restarted: {started.words}")


def bare_pool(url: str) -> str:
    """Return a pool's host and port, to compare what devices write in several ways."""
    return re.sub(r"^stratum\+\w+://|^tcp://|/+$", "", url.strip().lower())


def is_secured(url: str) -> bool:
    """Return whether a pool is spoken to through TLS."""
    return re.match(r"(stratum\+)?(ssl|tls)://", url.strip(), re.IGNORECASE) is not None


_FINDINGS = {
    Kind.RESTART: _restarted,
    Kind.PAUSE: _paused,
    Kind.RESUME: _resumed,
    Kind.MODE: _in_mode,
    Kind.FREQUENCY: _clocked,
    Kind.POWER: _limited,
    Kind.POOL: _mines_for,
}
