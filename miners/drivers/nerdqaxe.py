"""NerdQAxe+ and NerdQAxe++ over their second API, `/api/v2`; the first one is AxeOS's."""

from typing import Any

from hmm.lib.sockets import Deadline
from miners.drivers.axeos import MAX_HASHRATE_GHS, MAX_POWER_W, NO_TEMPERATURE, most_w
from miners.drivers.base import Address, DriverError, Misread, PlainDriver, Reading, drivers
from miners.drivers.figures import Figures, clean_text, finite_number, mac_address, says_yes, with_figures
from miners.drivers.http_json import HTTP_PORT, get_json, part, rows
from miners.drivers.stratum_url import stratum_url

Fields = dict[str, Any]

METERS = ("watts", "voltage", "currentA")
THERMOMETERS = ("asicTemp", "vrTemp")


class NerdqaxeDriver(PlainDriver):
    """Reads `/api/v2/dashboard` (figures) and `/api/v2/system` (who it is)."""

    name = "nerdqaxe"
    default_port = HTTP_PORT

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        time_limit = Deadline.until(deadline)
        figures = Figures(max_hashrate_ghs=MAX_HASHRATE_GHS, max_power_w=MAX_POWER_W)
        told = get_json(address, "/api/v2/dashboard", time_limit, "NerdQAxe's API", figures.warnings)
        if "hashRate" not in part(told, "performance"):
            raise Misread("another device's shape (JSON without NerdQAxe's performance.hashRate)")
        return with_figures(_reading(figures, told, _about(address, time_limit, figures)))


def mode(system: Fields) -> str | None:
    """Return "shutdown", "error 4" or "normal"; None where the device tells nothing of it."""
    error = finite_number(system.get("boardError"))
    if not system.keys() & {"shutdown", "boardError"}:
        return None
    if says_yes(system.get("shutdown")):
        return "shutdown"
    return f"error {error:g}" if error else "normal"


def _about(address: Address, time_limit: Deadline, figures: Figures) -> Fields:
    try:
        about = get_json(address, "/api/v2/system", time_limit, "NerdQAxe's API", figures.warnings)
    except DriverError as error:
        figures.warnings.append(f"model and identity left out: {error.reason}")
        return {}
    return about if isinstance(about, dict) else {}


def _reading(figures: Figures, told: Fields, about: Fields) -> Reading:
    system, hashing, thermal = part(told, "system"), part(told, "performance"), part(told, "thermal")
    pool = _pool(part(told, "stratum"))
    is_tls = says_yes(pool.get("encrypted"))
    power, fan = part(told, "power"), next(iter(rows(thermal, "fans")), {})
    if figures.are_unread([*map(power.get, METERS), *map(thermal.get, THERMOMETERS), fan.get("rpm")]):
        power = thermal = fan = {}
    return Reading(
        driver=NerdqaxeDriver.name,
        model=clean_text(about.get("deviceModel"), 100),
        firmware=clean_text(about.get("version"), 100),
        hashrate_ghs=figures.hashrate_ghs(hashing.get("hashRate")),
        power_w=figures.power_w(power.get("watts"), most_w=most_w(power.get("max"))),
        temperature_c=figures.temperature_c(thermal.get("asicTemp"), absent=NO_TEMPERATURE),
        fan_rpm=figures.fan_rpm(fan.get("rpm")),
        accepted=figures.counter("accepted", hashing.get("sharesAccepted")),
        rejected=figures.counter("rejected", hashing.get("sharesRejected")),
        uptime_s=figures.uptime_s(system.get("uptime", about.get("uptimeSeconds"))),
        pool_url=stratum_url(
            pool.get("host"), pool.get("port"), is_tls=is_tls, protocol=pool.get("activeProtocol")
        ),
        pool_user=clean_text(pool.get("user"), 255),
        mode=mode(system),
        identity=mac_address(part(about, "network").get("macAddr")),
        frequency_mhz=figures.frequency_mhz(hashing.get("frequency")),
        warnings=tuple(figures.warnings),
    )


def _pool(stratum: Fields) -> Fields:
    """Return the pool in use: the second of two as a fallback, else the first."""
    number = 1 if says_yes(stratum.get("usingFallback")) else 0
    return dict(enumerate(rows(stratum, "pools"))).get(number, {})


drivers.register(NerdqaxeDriver.name, NerdqaxeDriver())
