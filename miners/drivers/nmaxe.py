"""NMAxe, NMQAxe and NMMiner (firmware 2) over HTTP: AxeOS's URL with a nested answer."""

from typing import Any

from hmm.lib.sockets import Deadline
from miners.drivers.axeos import MAX_HASHRATE_GHS, MAX_POWER_W, NO_TEMPERATURE
from miners.drivers.base import Address, Misread, PlainDriver, Reading, drivers
from miners.drivers.figures import Figures, clean_text, finite_number, mac_address, says_yes, with_figures
from miners.drivers.http_json import HTTP_PORT, get_json, part, rows
from miners.drivers.stratum_url import stratum_url

Fields = dict[str, Any]

NMMINER = "NMMiner"
"""An ESP32 that hashes by itself: the core that `temps` tells of is what hashes, and it has no meter."""


class NmaxeDriver(PlainDriver):
    """Reads firmware that answers AxeOS's URL with `miner`, `power`, `temps`, `stratum` and `identity`."""

    name = "nmaxe"
    default_port = HTTP_PORT

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        figures = Figures(max_hashrate_ghs=MAX_HASHRATE_GHS, max_power_w=MAX_POWER_W)
        info = get_json(address, "/api/system/info", Deadline.until(deadline), "AxeOS", figures.warnings)
        if "hashRate" not in part(info, "miner"):
            raise Misread("another device's shape (JSON without NMAxe's miner.hashRate)")
        return with_figures(_reading(figures, info))


def mode(miner: Fields) -> str | None:
    """Return the device's own word ("running" is "normal"), "paused" where only a flag tells it, else None."""
    state = clean_text(miner.get("state"), 40)
    if state is None and "paused" in miner:
        return "paused" if says_yes(miner["paused"]) else "normal"
    return "normal" if state == "running" else state


def _reading(figures: Figures, info: Fields) -> Reading:
    miner, identity, stratum = part(info, "miner"), part(info, "identity"), part(info, "stratum")
    asic, power, temps = part(info, "asic"), part(info, "power"), part(info, "temps")
    fan = next(iter(rows(info, "fans")), {})
    is_nmminer = identity.get("hwModel") == NMMINER
    if figures.are_unread([*power.values(), *temps.values(), fan.get("rpm")]):
        power = temps = fan = {}
    return Reading(
        driver=NmaxeDriver.name,
        model=_first_text(identity, "displayName", "hwModel", longest=100),
        firmware=_first_text(identity, "fwVersion", "version", longest=100),
        hashrate_ghs=_hashrate_ghs(figures, miner, is_nmminer=is_nmminer),
        power_w=figures.power_w(power.get("power")),
        temperature_c=figures.temperature_c(
            temps.get("vcore" if is_nmminer else "asic"), absent=NO_TEMPERATURE
        ),
        fan_rpm=figures.fan_rpm(fan.get("rpm")),
        accepted=figures.counter("accepted", miner.get("sAccepted")),
        rejected=figures.counter("rejected", miner.get("sRejected")),
        uptime_s=figures.uptime_s(miner.get("uptimeSeconds")),
        pool_url=stratum_url(stratum.get("url"), stratum.get("port")),
        pool_user=clean_text(stratum.get("user"), 255),
        mode=mode(miner),
        identity=mac_address(_first_text(identity, "mac", "macAddr", longest=20)),
        frequency_mhz=figures.frequency_mhz(asic.get("freqReq")),
        core_voltage_mv=figures.core_voltage_mv(asic.get("vcoreReq")),
        warnings=tuple(figures.warnings),
    )


def _hashrate_ghs(figures: Figures, miner: Fields, *, is_nmminer: bool) -> float | None:
    hashrate_ghs = figures.hashrate_ghs(miner.get("hashRate"))
    # It cannot be paused; its firmware 2.0 leaves the figure at 0 while its shares are accepted.
    if is_nmminer and hashrate_ghs == 0 and finite_number(miner.get("sAccepted")):
        figures.warnings.append("hashrate left out: an NMMiner says 0 also while it hashes")
        return None
    return hashrate_ghs


def _first_text(fields: Fields, *keys: str, longest: int) -> str | None:
    told = (clean_text(fields.get(key), longest) for key in keys)
    return next((text for text in told if text), None)


drivers.register(NmaxeDriver.name, NmaxeDriver())
