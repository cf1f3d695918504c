"""Orders to NMAxe, NMQAxe and NMMiner, as each firmware's own documentation of its API describes them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from hmm.lib.sockets import Deadline
from miners.drivers.base import Address, DriverError
from miners.drivers.figures import finite_number
from miners.drivers.http_json import get_json, part, rows
from miners.drivers.http_orders import HttpStep, send_http
from miners.drivers.nmaxe import NMMINER, NmaxeDriver
from miners.drivers.orders import About, Answer, CannotBuild, Kind, Offers, Order, Range, controls

ALWAYS = frozenset({Kind.RESTART, Kind.POOL, Kind.IDENTIFY})
SETTINGS = "/api/setting/mining"
CHOICES = "the choices that the device itself lists"
NMMINER_NOTE = "an NMMiner has no clock to set and no pause"
CANNOT_PAUSE = "this firmware tells nothing of pausing, so it is taken not to: use a switched socket"
NMMINER_RESTART = HttpStep("POST", "/api/system/restart", {})
"""Without a body it is no order to it."""

KEYS = {"frequency_mhz": "asicFreqReq", "core_voltage_mv": "asicVcoreReq"}


class NmaxeControls:
    """Tells an NMAxe what to do. Its clocks and voltages are those that it lists when it is asked."""

    name = NmaxeDriver.name

    def offers(self, about: About) -> Offers:
        kinds, notes = ALWAYS, []
        if about.model == NMMINER:
            return Offers(kinds, note=NMMINER_NOTE)
        if about.mode if about.options is None else "pause" in about.options:
            kinds |= {Kind.PAUSE, Kind.RESUME}
        else:
            notes.append(CANNOT_PAUSE)
        if about.frequency_mhz or about.core_voltage_mv:
            kinds |= {Kind.FREQUENCY}
        else:
            notes.append("its frequencies and core voltages are known once it is asked, as an order does")
        return Offers(
            kinds,
            frequency_mhz=about.frequency_mhz,
            core_voltage_mv=about.core_voltage_mv,
            note="; ".join(notes),
        )

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with the clocks and voltages that the device lists, and whether it tells of pausing."""
        time_limit = Deadline.until(deadline)
        miner = part(_told(address, "/api/system/info", time_limit), "miner")
        settings = _told(address, SETTINGS, time_limit)
        return replace(
            about,
            options=frozenset({"pause"} if miner.keys() & {"state", "paused"} else ()),
            frequency_mhz=about.frequency_mhz or _choices(settings, "overclock"),
            core_voltage_mv=about.core_voltage_mv or _choices(settings, "vcore"),
        )

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[HttpStep]:
        if order.kind is Kind.FREQUENCY:
            return [_patch({KEYS[name]: value for name, value in order.arguments.items()})]
        if order.kind is Kind.POOL:
            return _nmminer_pool_steps(order) if about.model == NMMINER else _pool_steps(order)
        if order.kind is Kind.IDENTIFY:
            if order.arguments["light"] == "off":
                raise CannotBuild("its display stops flashing when it is touched")
            return [HttpStep("POST", "/api/swarm/find", {})]
        if order.kind is Kind.RESTART:
            return [NMMINER_RESTART if about.model == NMMINER else HttpStep("POST", "/api/system/restart")]
        return [HttpStep("PATCH", "/api/mining/state", {"paused": order.kind is Kind.PAUSE})]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        return send_http(address, step, deadline)


def _told(address: Address, path: str, time_limit: Deadline) -> Any:
    try:
        return get_json(address, path, time_limit, "NMAxe's API", [])
    except DriverError:
        return None


def _choices(settings: Any, key: str) -> Range | None:
    """Return the range of the numbers in `key`.options, which is [{"name": "550MHz", "value": 550}, …]."""
    told = (finite_number(choice.get("value")) for choice in rows(part(settings, key), "options"))
    values = [int(value) for value in told if value and value > 0]
    return Range(min(values), max(values), CHOICES) if values else None


def _patch(body: dict[str, Any]) -> HttpStep:
    return HttpStep("PATCH", SETTINGS, body)


def _pool_steps(order: Order) -> list[HttpStep]:
    """Return the requests that set a pool. It is mined for after a restart, which only the primary one gets."""
    slot = order.arguments["slot"]
    pool = {"url": order.arguments["url"], "user": order.arguments["user"]}
    if "pool" in order.secrets:
        pool["pwd"] = order.secrets["pool"]
    restart = [HttpStep("POST", "/api/system/restart")] if slot == "primary" else []
    return [_patch({"stratum": {slot: pool}}), *restart]


def _nmminer_pool_steps(order: Order) -> list[HttpStep]:
    """Return the requests that set a pool of an NMMiner, which takes those settings alone that it is told."""
    slot = {"primary": "Primary", "fallback": "Secondary"}[order.arguments["slot"]]
    pool = {f"{slot}Pool": order.arguments["url"], f"{slot}Address": order.arguments["user"]}
    if "pool" in order.secrets:
        pool[f"{slot}Password"] = order.secrets["pool"]
    return [HttpStep("POST", SETTINGS, pool), *([NMMINER_RESTART] if slot == "Primary" else [])]


controls.register(NmaxeControls.name, NmaxeControls())
