"""Where the forks of cgminer put their figures, and in which units. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from miners.drivers.cgminer_api import Fields
from miners.drivers.figures import Figures, clean_text, finite_number, known_by, mac_address, says_yes

FIRMWARES = (
    "LUXminer",
    "BOSminer+",
    "BOSminer",
    "BOSer",
    "BMMiner",
    "BTMiner",
    "CGMiner",
    "BFGMiner",
    "SGMiner",
    "GCMiner",
    "BDMiner",
)
# "GHS 5s", "MHS 20s", "KHS av"; Whatsminer's "HS RT" is in MH/s like the rest of what it says.
_HASHRATE = re.compile(r"([KMGT])HS (?:(\d+)([smh])|(av))|(HS RT)")
_LISTED = re.compile(r"(?:^|-)(-?\d+(?:\.\d+)?)")  # of "63--5-64": 63, -5, 64
_PER_GHS = {"K": 1e6, "M": 1e3, "G": 1.0, "T": 1e-3}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
REAL_TIME_S = 45.0
LONGEST_CURRENT_S = 300.0
AVERAGE_S = float("inf")


def hashrate_ghs(figures: Figures, rows: Iterable[Fields]) -> float | None:
    """Return the hashrate (GH/s) of the shortest window that the first of `rows` to tell one has."""
    told = next((told for row in rows if (told := _hashrates(row))), None)
    if told is None:
        return None
    seconds, per_ghs, value = min(told, key=lambda one: one[:2])
    if seconds > LONGEST_CURRENT_S:
        window = "since the start" if seconds == AVERAGE_S else f"of {seconds / 60:g} minutes"
        figures.warnings.append(f"hashrate is the average {window}: the miner tells no other")
    return figures.hashrate_ghs(value, per_ghs=per_ghs)


def whole_machine(stats: list[Fields]) -> list[Fields]:
    """Return the rows of `stats` that tell hashrates of the whole machine: where several do, each is of one board."""
    told = [row for row in stats if _hashrates(row)]
    return told if len(told) == 1 else []


def device_sums(devices: list[Fields]) -> Fields:
    """Return hashrates and shares of all `devices` together, of those figures that each of them tells.

    Some firmware has 0 as the hashrate of every board of a machine that hashes: that is no hashrate.
    """
    sums = {key: _sum(devices, key) for key in _all_keys(devices)}
    is_silent = sums.get("Total MH") == 0 and (sums.get("Accepted") or 0) > 0
    return {
        key: total
        for key, total in sums.items()
        if total is not None and not (is_silent and _HASHRATE.fullmatch(key))
    }


def counter(figures: Figures, key: str, totals: Fields, *lists: list[Fields]) -> int | None:
    """Return a counter of shares: the total, else the sum over the first of `lists` whose rows all tell it."""
    if totals.get(key) is not None:
        return figures.counter(key.lower(), totals[key])
    sums = (_sum(rows, key) for rows in lists)
    return figures.counter(key.lower(), next((total for total in sums if total is not None), None))


def power_w(
    figures: Figures, totals: Fields, stats: list[Fields], power: Fields, tuner: Fields
) -> float | None:
    """Return the watts, from the first place that has them; never a limit or a target."""
    for value in (
        totals.get("Power"),
        totals.get("Power_RT"),
        _chains(stats),
        _watts(first(stats, "chain_power")),
    ):
        if value is not None:
            return figures.power_w(value)
    estimate = tuner.get("ApproximateMinerPowerConsumption", power.get("Watts"))
    if estimate is not None and not says_yes(power.get("PSU")):
        figures.warnings.append("power is what the firmware estimates: nothing measures it")
    return figures.power_w(estimate)


def temperature_c(
    figures: Figures, totals: Fields, stats: list[Fields], devices: list[Fields], sensors: list[Fields]
) -> float | None:
    """Return the temperature of the hottest board: of its chips where they are told, else of the board."""
    places = (
        [totals.get("Chip Temp Avg")],
        [device.get("Chip Temp Avg") for device in devices],
        _numbered(stats, r"temp_chip\d+"),
        [sensor.get("Chip") for sensor in sensors],
        _numbered(stats, r"temp2_\d+"),
        [sensor.get("Board") for sensor in sensors],
        [device.get("Temperature", device.get("Tenperature")) for device in devices],
        [totals.get("Temperature")],
        _numbered(stats, r"temp\d+"),
    )
    warnings: list[str] = []
    for values in places:
        tried = Figures()
        known = [celsius for celsius in map(tried.temperature_c, values) if celsius is not None]
        warnings += tried.warnings
        if known:
            figures.warnings += tried.warnings
            return max(known)
    figures.warnings += dict.fromkeys(warnings)
    return None


def fan_rpm(figures: Figures, totals: Fields, stats: list[Fields], others: list[Fields]) -> int | None:
    """Return the speed of the first fan that turns; 0 where none does."""
    told = [totals.get("Fan Speed In"), *(row.get(key) for row in others for key in ("Fan Speed In", "RPM"))]
    values = [value for value in [*_numbered(stats, r"fan\d+"), *told] if value is not None]
    return figures.fan_rpm(
        next((value for value in values if finite_number(value)), next(iter(values), None))
    )


NAMED_FORK = re.compile(r"[A-Za-z]+miner \d")


def firmware(version: Fields, totals: Fields, status: Fields) -> str | None:
    """Return the firmware's name and version: "BMMiner 1.0.0"; Whatsminer tells a date alone.

    BFGMiner and sgminer tell their version as cgminer's too.
    """
    fork = clean_text(version.get("Miner"), 100) or ""
    told_names = ((name, clean_text(version.get(name), 100)) for name in FIRMWARES)
    names = (f"{name} {number}" for name, number in told_names if number)
    dates = (status.get("fw_ver"), status.get("FirmwareVersion"), totals.get("Firmware Version"))
    told = (clean_text(value, 100) for value in (*names, *dates, status.get("Firmware Version")))
    if NAMED_FORK.match(fork):
        return fork
    return next((text.strip("'") for text in told if text), None)


def model(version: Fields, stats: list[Fields], details: Fields) -> str | None:
    """Return the name of the machine."""
    named = [
        version.get("Type"),
        version.get("PROD"),
        version.get("MODEL"),
        first(stats, "Type"),
        details.get("Model"),
    ]
    return next((name for name in (clean_text(value, 100) for value in named) if name), None)


def mode(totals: Fields, status: Fields, config: Fields) -> str | None:
    """Return "off" for a Whatsminer that was stopped, else its power mode, or LuxOS's curtailment or profile."""
    if says_yes(status.get("mineroff")) or says_yes(status.get("btmineroff")):
        return "off"
    curtailed = clean_text(config.get("CurtailMode"), 40)
    if power_mode := clean_text(totals.get("Power Mode"), 40):
        return power_mode.lower()
    return clean_text(config.get("Profile"), 40) if curtailed in (None, "None") else curtailed.lower()


def identity(version: Fields, totals: Fields, config: Fields, serial: str | None) -> str | None:
    """Return the MAC, else the serial number of a miner that tells none."""
    told = (mac_address(fields.get("MAC")) for fields in (version, totals))
    return next((mac for mac in told if mac), None) or known_by(config, "MACAddr", serial)


def first(rows: list[Fields], key: str) -> Any:
    """Return the value of `key` in the first of `rows` that has it."""
    return next((row[key] for row in rows if key in row), None)


def _hashrates(row: Fields) -> list[tuple[float, float, Any]]:
    """Return (seconds of the window, units in one GH/s, value) of each hashrate in `row`."""
    matches = ((_HASHRATE.fullmatch(key), value) for key, value in row.items() if value not in (None, ""))
    return [(_window_s(match), _PER_GHS[match[1] or "M"], value) for match, value in matches if match]


def _window_s(match: re.Match[str]) -> float:
    if match[5]:
        return REAL_TIME_S
    return AVERAGE_S if match[4] else float(match[2]) * _SECONDS[match[3]]


def _all_keys(rows: list[Fields]) -> set[str]:
    keys = {key for row in rows for key in row}
    return {key for key in keys if _HASHRATE.fullmatch(key) or key in ("Accepted", "Rejected", "Total MH")}


def _sum(rows: list[Fields], key: str) -> float | None:
    # Part of a sum is a wrong number: one row that says nothing makes the sum unknown.
    numbers = [finite_number(row.get(key)) for row in rows]
    known = [number for number in numbers if number is not None]
    return sum(known) if known and len(known) == len(numbers) else None


def _chains(stats: list[Fields]) -> float | None:
    told = [row for row in stats if any(key.startswith("chain_consumption") for key in row)]
    watts = [
        finite_number(value)
        for row in told
        for key, value in row.items()
        if key.startswith("chain_consumption")
    ]
    known = [number for number in watts if number is not None]
    return sum(known) if known and len(known) == len(watts) else None


def _watts(told: Any) -> Any:
    """Return the number of "3250 W" or "1368.97 W (AB)"; anything else as it is."""
    match = re.match(r"\s*([\d.]+) ?W\b", told) if isinstance(told, str) else None
    return match[1] if match else told


def _numbered(stats: list[Fields], pattern: str) -> list[Any]:
    """Return the values whose keys are numbered, "47-34--5-47" taken apart; a slot without a board says 0 or "-"."""
    told = (value for row in stats for key, value in row.items() if re.fullmatch(pattern, key))
    values = [value for value in told if value != "-"]
    parts = [part for value in values for part in (_LISTED.findall(value) if _is_list(value) else [value])]
    lit = [part for part in parts if finite_number(part) != 0]
    return lit or parts[:1]


def _is_list(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?(--?\d+(\.\d+)?)+", value) is not None
