"""Any miner with the cgminer API on TCP 4028: summary, devs, stats and pools, as far as they agree."""

from typing import Any

from miners.drivers.base import Address, Misread, Reading, drivers
from miners.drivers.cgminer_api import DEFAULT_PORT, Answer, CgminerApi, Fields, active_pool
from miners.drivers.figures import Figures, clean_text, finite_number, mac_address, with_figures

# Which figure is the current hashrate, best first.
CURRENT_HASHRATES = ("GHS 5s", "MHS 5s", "GHS 30s", "MHS 30s", "GHS 1m", "MHS 1m")
SUMMED = (*CURRENT_HASHRATES, "Accepted", "Rejected")
AVERAGE_HASHRATES = ("GHS av", "MHS av")
FIRMWARES = ("LUXminer", "BOSminer+", "BOSminer", "BOSer", "BMMiner", "BTMiner", "CGMiner", "SGMiner")


class CgminerDriver:
    """Reads what every cgminer says; power it does not say."""

    name = "cgminer"
    default_port = DEFAULT_PORT
    is_generic = True

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        api = CgminerApi(address, deadline)
        figures = Figures()
        version = optional(api, "version", figures)
        totals = ask_totals(api, figures)
        stats = optional(api, "stats", figures)
        devs = optional(api, "devs", figures)
        pools = optional(api, "pools", figures)
        rows = (stats.rows("STATS"), devs.rows("DEVS"), pools.rows("POOLS"))
        return with_figures(_reading(figures, version.first("VERSION"), totals, *rows))


def ask_totals(api: CgminerApi, figures: Figures) -> Fields:
    """Return the miner's summary, or, noted, the sums of its devices; empty where it gives neither."""
    answer = api.ask("summary")
    if totals := answer.first("SUMMARY"):
        return totals
    figures.warnings.append(f"summary left out: the miner gives none ({answer.message or 'no reason'})")
    return sums(api.ask("devs").rows("DEVS"))


def sums(devices: list[Fields]) -> Fields:
    """Return hashrates and shares of all `devices` together, of those figures that each of them tells."""
    told = {key: [finite_number(device.get(key)) for device in devices] for key in SUMMED}
    whole = {key: [number for number in numbers if number is not None] for key, numbers in told.items()}
    return {key: sum(numbers) for key, numbers in whole.items() if numbers and len(numbers) == len(devices)}


def optional(api: CgminerApi, command: str, figures: Figures) -> Answer:
    """Return the answer to a command without which there still is a reading; noted when it is unreadable."""
    try:
        return api.ask(command)
    except Misread as error:
        figures.warnings.append(f"{command} left out: {error.reason}")
        return Answer({}, is_refusal=True, message=error.reason)


def current_hashrate_ghs(figures: Figures, rows: list[Fields]) -> float | None:
    """Return the hashrate (GH/s) of the shortest window that the first of `rows` to tell one has."""
    return _hashrate_ghs(figures, _told(rows, CURRENT_HASHRATES))


def firmware(version: Fields) -> str | None:
    """Return the firmware's name and version: "BMMiner 1.0.0"."""
    names = (name for name in FIRMWARES if name in version)
    return next((clean_text(f"{name} {version[name]}", 100) for name in names), None)


def _reading(
    figures: Figures,
    about: Fields,
    totals: Fields,
    stats: list[Fields],
    devs: list[Fields],
    pools: list[Fields],
) -> Reading:
    pool = active_pool(pools)
    told = [totals, *stats]
    return Reading(
        driver=CgminerDriver.name,
        model=_model(about, stats),
        firmware=firmware(about),
        hashrate_ghs=_current_or_average_ghs(figures, told),
        temperature_c=_temperature_c(figures, devs),
        fan_rpm=figures.fan_rpm(_first(stats, "fan1")),
        accepted=figures.counter("accepted", totals.get("Accepted")),
        rejected=figures.counter("rejected", totals.get("Rejected")),
        uptime_s=figures.counter("uptime", _first(told, "Elapsed")),
        pool_url=clean_text(pool.get("URL"), 255),
        pool_user=clean_text(pool.get("User"), 255),
        identity=mac_address(about.get("MAC")) or mac_address(totals.get("MAC")),
        warnings=tuple(figures.warnings),
    )


def _current_or_average_ghs(figures: Figures, rows: list[Fields]) -> float | None:
    if current := _told(rows, CURRENT_HASHRATES):
        return _hashrate_ghs(figures, current)
    average = _told(rows, AVERAGE_HASHRATES)
    if average:
        figures.warnings.append("hashrate is the average since the start: the miner tells no other")
    return _hashrate_ghs(figures, average)


def _told(rows: list[Fields], keys: tuple[str, ...]) -> tuple[str, Any] | None:
    told = ((key, row[key]) for row in rows for key in keys if row.get(key) not in (None, ""))
    return next(told, None)


def _hashrate_ghs(figures: Figures, told: tuple[str, Any] | None) -> float | None:
    if told is None:
        return None
    key, value = told
    return figures.hashrate_ghs(value, per_ghs=1000 if key.startswith("MHS") else 1)


def _temperature_c(figures: Figures, devices: list[Fields]) -> float | None:
    told = [figures.temperature_c(device.get("Temperature")) for device in devices]
    return max((temperature for temperature in told if temperature is not None), default=None)


def _model(about: Fields, stats: list[Fields]) -> str | None:
    named = [about.get("Type"), about.get("PROD"), about.get("MODEL"), *(row.get("Type") for row in stats)]
    return next((name for name in (clean_text(value, 100) for value in named) if name), None)


def _first(rows: list[Fields], key: str) -> Any:
    return next((row[key] for row in rows if key in row), None)


drivers.register(CgminerDriver.name, CgminerDriver())
