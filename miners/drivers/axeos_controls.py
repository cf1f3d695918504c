"""Orders to AxeOS and to the NerdQAxe family, which share their paths and differ in what they offer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hmm.lib.sockets import Deadline
from miners.drivers.base import Address, DriverError
from miners.drivers.http_json import get_json
from miners.drivers.http_orders import HttpStep, send_http
from miners.drivers.orders import About, Answer, CannotBuild, Kind, Offers, Order, Range, controls

ALWAYS = frozenset({Kind.RESTART, Kind.POOL})
SETS_SINGLY_SINCE = (2, 0, 4)
"""What came before wants every setting in one request, the Wi-Fi's password among them, and falls over without."""

SETS_AT_ONCE_SINCE = (2, 2)
"""What came before sets its chips when it starts, and tells a new clock as set before it is."""

IDENTIFIES_SINCE = (2, 12)
PAUSES_SINCE = (2, 14)
NUMBERS_POOLS_SINCE = (2, 15)
SECURES_POOLS_SINCE = (2, 13)
NERD_SHUTS_DOWN_SINCE = (1, 0, 36)
NERD_SECURES_POOLS_SINCE = (1, 0, 36)

ESP_MINER = "ESP-Miner's own choices, main/device_config.h"
NERD = "ESP-Miner-NerdQAxePlus's own choices, main/boards"


@dataclass(frozen=True)
class Chips:
    """The clocks and voltages that a firmware offers for a model, from its slowest to its fastest choice."""

    pattern: str
    frequency_mhz: tuple[int, int]
    core_voltage_mv: tuple[int, int]
    source: str = ESP_MINER


# The first that fits: what is named more closely stands before what its name begins with.
KNOWN_CHIPS = (
    Chips(r"nerdqaxe\+\+", (500, 600), (1120, 1200), NERD),  # 4 × BM1370
    Chips(r"nerdqaxe\+", (400, 575), (1100, 1350), NERD),  # 4 × BM1368
    Chips(r"nerd(haxe|octaxe)-γ|nerdeko|q1370", (500, 600), (1120, 1200), NERD),  # 6, 8, 12 and 4 × BM1370
    Chips(r"nerdoctaxe\+", (400, 575), (1100, 1350), NERD),  # 8 × BM1368
    Chips(r"nerdaxe ?gamma", (500, 575), (1120, 1200), NERD),  # BM1370
    Chips(r"nerdaxe\b(?! ?\w)", (400, 575), (1100, 1300), NERD),  # BM1366
    Chips(r"(bitaxe )?gamma ?duo", (350, 410), (1000, 1250)),  # 2 × BM1370XP
    Chips(r"(bitaxe )?gamma", (400, 625), (1000, 1250)),  # BM1370, also the Gamma Turbo's two
    Chips(r"(bitaxe )?supra", (400, 575), (1100, 1300)),  # BM1368, also the Supra Hex's six
    Chips(r"(bitaxe )?(ultra|hex)", (400, 575), (1100, 1300)),  # BM1366
    Chips(r"(bitaxe )?max", (400, 600), (1100, 1500)),  # BM1397
)


class AxeosControls:
    """Tells AxeOS, v2.0 to v2.15, and the forks of it what to do; `name` is that of the driver that reads it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def offers(self, about: About) -> Offers:
        chips = next((chips for chips in KNOWN_CHIPS if re.match(chips.pattern, about.model, re.I)), None)
        frequency, voltage = about.frequency_mhz, about.core_voltage_mv
        if chips:
            frequency = frequency or Range(*chips.frequency_mhz, chips.source)
            voltage = voltage or Range(*chips.core_voltage_mv, chips.source)
        kinds, notes = _kinds(about)
        if _takes_no_clock(about):
            frequency = voltage = None
        elif frequency or voltage:
            kinds |= {Kind.FREQUENCY}
            if _is_bitaxe_before(SETS_AT_ONCE_SINCE, about):
                notes.append("frequency and core voltage come with a restart before AxeOS v2.2")
        else:
            notes.append("the safe range of this model is not known: set it in the admin, under Miner models")
        note = "; ".join(notes)
        restarts = _is_bitaxe_before(SETS_AT_ONCE_SINCE, about)
        return Offers(
            kinds, frequency_mhz=frequency, core_voltage_mv=voltage, restarts_to_set=restarts, note=note
        )

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with what the firmware's answer tells of.

        That is pausing, its pools' numbers, NMAxe's names of them, and how it writes which Stratum it speaks.
        """
        try:
            info = get_json(address, "/api/system/info", Deadline.until(deadline), "AxeOS", [])
        except DriverError:
            return about
        told = info if isinstance(info, dict) else {}
        signs = {"pause": PAUSE_FLAGS, NM_POOLS: {"stratumURL1"}}
        options = {option for option, sign in signs.items() if told.keys() & sign}
        numbers = {f"{key} {told[key]}" for key in POOL_NUMBERS if type(told.get(key)) is int}
        spoken = {f"{key} {type(told.get(key)).__name__}" for key in PROTOCOLS}
        return replace(about, options=frozenset(options | numbers | spoken))

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[HttpStep]:
        if order.kind is Kind.FREQUENCY:
            restart = [RESTART] if _is_bitaxe_before(SETS_AT_ONCE_SINCE, about) else []
            return [_patch({KEYS[name]: value for name, value in order.arguments.items()}), *restart]
        if order.kind is Kind.IDENTIFY and order.arguments["light"] == "off":
            raise CannotBuild("its light goes out by itself after 30 seconds")
        if order.kind is Kind.POOL:
            return _pool_steps(order, about)
        return [HttpStep("POST", f"/api/system/{_action(order.kind, about)}")]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        return send_http(address, step, deadline)


NM_POOLS = "pools of an NMAxe"
POOL_NUMBERS = ("primaryPoolIndex", "secondaryPoolIndex")
PROTOCOLS = ("stratumProtocol", "fallbackStratumProtocol")
STRATUM_V1 = {"str": "SV1", "int": 0}
"""As AxeOS writes it from v2.14 on, and as later firmware of the NerdQAxe family does."""

PAUSE_FLAGS = {"miningPaused", "shutdown"}
RESTART = HttpStep("POST", "/api/system/restart")
KEYS = {"frequency_mhz": "frequency", "core_voltage_mv": "coreVoltage"}


def version_of(firmware: str) -> tuple[int, ...]:
    """Return the numbers of a version: "v2.14.0-3-gabc" is (2, 14, 0); () where there are none."""
    match = re.match(r"v?(\d{1,4}(?:\.\d{1,4}){1,3})", firmware)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def is_nerd(about: About) -> bool:
    """Return whether this is firmware of the NerdQAxe family, which counts its versions by itself."""
    return about.model.lower().startswith(("nerd", "q137"))


def is_nm(about: About) -> bool:
    """Return whether this is an NMAxe with firmware before v2.9.30, which answers as AxeOS does and takes less."""
    return about.model.lower().startswith("nm")


def _is_bitaxe_before(version: tuple[int, ...], about: About) -> bool:
    """Return whether this is AxeOS v2.0 or later, but before `version`; forks that count for themselves are not."""
    return (2, 0) <= version_of(about.firmware) < version and not is_nerd(about) and not is_nm(about)


def _takes_no_clock(about: About) -> bool:
    # An NMAxe sets it only for its next start, and tells nothing of that.
    return is_nm(about) or _is_bitaxe_before(SETS_SINGLY_SINCE, about)


def _kinds(about: About) -> tuple[frozenset[Kind], list[str]]:
    version = version_of(about.firmware)
    if is_nm(about):
        pools = {Kind.POOL} if about.options and NM_POOLS in about.options else set()
        return frozenset({Kind.RESTART, *pools}), ["it takes more with firmware v2.9.30 and later"]
    if is_nerd(about):
        if _can_pause(about, version >= NERD_SHUTS_DOWN_SINCE):
            return ALWAYS | {Kind.PAUSE, Kind.RESUME}, []
        return ALWAYS, [
            "it cannot pause before firmware v1.0.36: lower its frequency, or use a switched socket"
        ]
    if _is_bitaxe_before(SETS_SINGLY_SINCE, about):
        needs = "it takes settings only all at once, with the Wi-Fi's password: update its firmware to v2.0.4 or later"
        return frozenset({Kind.RESTART}), [needs]
    kinds, notes = ALWAYS, []
    if _can_pause(about, version >= PAUSES_SINCE):
        kinds |= {Kind.PAUSE, Kind.RESUME}
    else:
        notes.append("it cannot pause before AxeOS v2.14: lower its frequency, or use a switched socket")
    if version >= IDENTIFIES_SINCE:
        kinds |= {Kind.IDENTIFY}
    else:
        notes.append("its light identifies it from AxeOS v2.12 on")
    return kinds, notes


def _can_pause(about: About, is_new_enough: bool) -> bool:
    return is_new_enough if about.options is None else "pause" in about.options


def _action(kind: Kind, about: About) -> str:
    # The NerdQAxe has no pause: it shuts its chips down until it is restarted.
    if is_nerd(about) and kind is Kind.PAUSE:
        return "shutdown"
    return "restart" if is_nerd(about) and kind is Kind.RESUME else str(kind)


def _patch(body: dict[str, Any]) -> HttpStep:
    return HttpStep("PATCH", "/api/system", body)


def _pool_steps(order: Order, about: About) -> list[HttpStep]:
    """Return the requests that set a pool. The primary one needs a restart to be mined for."""
    is_primary = order.arguments["slot"] == "primary"
    if is_nm(about):
        number = 1 if is_primary else 2
        told = {"URL": order.arguments["url"], "User": order.arguments["user"]}
        told |= {"Password": order.secrets["pool"]} if "pool" in order.secrets else {}
        named = {f"stratum{name}{number}": value for name, value in told.items()}
        return [_patch(named), *([RESTART] if is_primary else [])]
    restart = [RESTART] if is_primary else []
    if version_of(about.firmware) >= NUMBERS_POOLS_SINCE and not is_nerd(about):
        number = _pool_number(about, is_primary=is_primary)
        put = HttpStep("PUT", f"/api/system/pools/{number}", _pool_fields(order, "stratum"))
        return [put, _patch({POOL_NUMBERS[0 if is_primary else 1]: number}), *restart]
    prefix = "stratum" if is_primary else "fallbackStratum"
    return [_patch(_pool_fields(order, prefix) | _made_plain(about, prefix)), *restart]


def _pool_number(about: About, *, is_primary: bool) -> int:
    """Return where in the list of pools the one that is ordered goes: in place of the one before it, and of no other.

    Raises CannotBuild where the device could not be asked for that.
    """
    if about.options is None:
        raise CannotBuild("it does not say just now which pools of its list it mines for: order it again")
    told = [re.match(rf"{key} (\d)$", option) for key in POOL_NUMBERS for option in about.options]
    numbers = {match.string.partition(" ")[0]: int(match[1]) for match in told if match}
    primary, fallback = (numbers.get(key, number) for number, key in enumerate(POOL_NUMBERS))
    if is_primary or fallback != primary:
        return primary if is_primary else fallback
    return 0 if primary else 1


def _made_plain(about: About, prefix: str) -> dict[str, Any]:
    """Return what turns TLS and Stratum V2 off, which the pool before may have wanted; each firmware takes one type alone."""
    off, since = (False, NERD_SECURES_POOLS_SINCE) if is_nerd(about) else (0, SECURES_POOLS_SINCE)
    secured = {f"{prefix}TLS": off} if version_of(about.firmware) >= since else {}
    key, options = f"{prefix}Protocol", about.options or frozenset()
    plain = next((name for kind, name in STRATUM_V1.items() if f"{key} {kind}" in options), None)
    return secured if plain is None else secured | {key: plain}


def _pool_fields(order: Order, prefix: str) -> dict[str, Any]:
    url = urlsplit(order.arguments["url"])
    fields: dict[str, Any] = {f"{prefix}URL": url.hostname, f"{prefix}Port": url.port}
    fields[f"{prefix}User"] = order.arguments["user"]
    if "pool" in order.secrets:
        fields[f"{prefix}Password"] = order.secrets["pool"]
    return fields


controls.register("axeos", AxeosControls("axeos"))
controls.register("nerdqaxe", AxeosControls("nerdqaxe"))
