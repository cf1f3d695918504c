"""Avalon miners (Nano 3, Nano 3S, Mini 3, Q, the A series): cgminer API with bracket text in its stats."""

import re
from dataclasses import dataclass

from miners.drivers.base import Address, Misread, PlainDriver, Reading, drivers
from miners.drivers.cgminer import ask_totals, optional
from miners.drivers.cgminer_api import (
    DEFAULT_PORT,
    Answer,
    CgminerApi,
    Fields,
    active_pool,
    bracket_fields,
)
from miners.drivers.cgminer_figures import hashrate_ghs
from miners.drivers.figures import (
    Figures,
    clean_text,
    finite_number,
    known_by,
    serial_number,
    with_figures,
)

SUPPLY_FIGURES = 7
STATS_COMMANDS = ("estats", "stats", "litestats")


@dataclass(frozen=True)
class Kind:
    """A model: where in PS[…] its watts are, how many at most, and what its WORKMODE[…] means."""

    pattern: str
    name: str | None
    watts_index: int
    most_w: float
    modes: tuple[str, ...] = ()


KINDS = (
    Kind(r"nano ?3s", "Avalon Nano 3S", 6, 400, ("low", "medium", "high")),
    Kind(r"nano ?3", "Avalon Nano 3", 5, 400, ("low", "medium", "high")),
    Kind(r"mini ?3", "Avalon Mini 3", 4, 2_500, ("heating", "mining", "night")),
    Kind(r"avalon q|q\b", "Avalon Q", 4, 4_000, ("eco", "standard", "super")),
    Kind(r"(miner )?a?1[25](\d\d|-)", None, 4, 15_000),
)
# A series name in the text is a number: "1246-83-21072802_…"; it is shown as AvalonMiner 1246, "1126Pro-S-…" as 1126Pro.
_SERIES = re.compile(r"(\d{3,4}(?:[A-Z][a-z]{0,4})?)-")


class AvalonDriver(PlainDriver):
    """Reads Avalon miners; another miner on the same API is refused after one question."""

    name = "avalon"
    default_port = DEFAULT_PORT

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        figures = Figures()
        api = CgminerApi(address, deadline, figures.warnings)
        version = optional(api, "version", figures)
        _refuse_strangers(version.first("VERSION"))
        stats = _stats(api)
        if not stats and not _is_avalon(version.first("VERSION")):
            raise Misread("another device's shape (no Avalon's version or stats)")
        totals = ask_totals(api, figures)
        pools = optional(api, "pools", figures)
        return with_figures(_reading(figures, version, stats, totals, pools.rows("POOLS")))


def power_w(figures: Figures, kind: Kind | None, fields: dict[str, str]) -> float | None:
    """Return the watts: what the meter at the wall sees, else the model's place in PS[…]; never MPO, a setting."""
    most_w = kind.most_w if kind else None
    if "WALLPOWER" in fields:
        return figures.power_w(fields["WALLPOWER"].split(" ")[0], most_w=most_w)
    supply = fields.get("PS", "").split()
    if not supply:
        return None
    index = kind.watts_index if kind and len(supply) == SUPPLY_FIGURES else 4 if _adds_up(supply) else None
    if index is None:
        figures.warnings.append("power left out: where this model has its watts is not known")
        return None
    return figures.power_w(supply[index], most_w=most_w)


def _adds_up(supply: list[str]) -> bool:
    """Return whether the A series' rule holds: PS[2] in centivolts times PS[3] in amperes is PS[4] in watts."""
    numbers = [number for number in map(finite_number, supply[2:5]) if number]
    if len(numbers) < 3:
        return False
    centivolts, amperes, watts = numbers
    return abs(centivolts / 100 * amperes - watts) <= 0.05 * watts


def mode(kind: Kind | None, fields: dict[str, str]) -> str | None:
    """Return "idle" for a miner that sleeps, else the name of its work mode, or "workmode 3" for one unnamed."""
    if _is_idle(fields):
        return "idle"
    number = fields.get("WORKMODE", fields.get("WORKLEVEL", ""))
    if not re.fullmatch(r"\d{1,3}", number):
        return None
    names = kind.modes if kind else ()
    return names[int(number)] if int(number) < len(names) else f"workmode {int(number)}"


def _is_idle(fields: dict[str, str]) -> bool:
    return re.search(r"\bin idle\b", fields.get("SYSTEMSTATU", ""), re.IGNORECASE) is not None


def _stats(api: CgminerApi) -> list[dict[str, str]]:
    for command in STATS_COMMANDS:
        if modules := _modules(api.ask(command)):
            return modules
    return []


def _modules(answer: Answer) -> list[dict[str, str]]:
    # Modules on two controllers have the same numbers, and serial numbers of their own.
    modules: dict[tuple[str, str], dict[str, str]] = {}
    for row in answer.rows("STATS"):
        for key, value in row.items():
            module = re.fullmatch(r"MM ID(\d+)(?::Summary)?", key)
            if module and isinstance(value, str) and (fields := bracket_fields(value)):
                modules.setdefault((module[1], fields.get("DNA", "")), fields)
    return list(modules.values())


def _refuse_strangers(about: Fields) -> None:
    named = clean_text(about.get("Type"), 60) or clean_text(about.get("PROD"), 60)
    if named and not _is_avalon(about):
        raise Misread(f"another device's shape ({named}, not an Avalon)")


def _is_avalon(about: Fields) -> bool:
    return "avalon" in str(about.get("PROD", "")).lower() or "DNA" in about


def _reading(
    figures: Figures, version: Answer, modules: list[dict[str, str]], totals: Fields, pools: list[Fields]
) -> Reading:
    about, pool = version.first("VERSION"), active_pool(pools)
    first = modules[0] if modules else {}
    kind, serial = _kind(about, first), _serial(about, first)
    if not modules:
        figures.warnings.append("power, temperature and fan left out: the miner gives no stats")
    return Reading(
        driver=AvalonDriver.name,
        model=_model(kind, about, first),
        firmware=_firmware(about, first),
        hashrate_ghs=_hashrate_ghs(figures, modules, totals),
        power_w=_total([power_w(figures, kind, fields) for fields in modules]),
        temperature_c=_hottest([figures.temperature_c(fields.get("TAvg")) for fields in modules]),
        fan_rpm=figures.fan_rpm(first.get("Fan1")),
        accepted=figures.counter("accepted", totals.get("Accepted")),
        rejected=figures.counter("rejected", totals.get("Rejected")),
        uptime_s=figures.uptime_s(totals.get("Elapsed", first.get("Elapsed"))),
        pool_url=clean_text(pool.get("URL"), 255),
        pool_user=clean_text(pool.get("User"), 255),
        mode=mode(kind, first),
        # What tells the MAC may be unreadable, or missing: by its serial number it would be another device.
        identity=known_by(about, "MAC", serial) if about else None,
        serial=serial,
        warnings=tuple(figures.warnings),
    )


def _kind(about: Fields, fields: dict[str, str]) -> Kind | None:
    names = [str(about.get("MODEL", "")), str(about.get("PROD", "")), fields.get("Ver", "")]
    return next(
        (kind for name in names for kind in KINDS if re.match(rf"(avalon ?)?({kind.pattern})", name, re.I)),
        None,
    )


def _model(kind: Kind | None, about: Fields, fields: dict[str, str]) -> str | None:
    if kind and kind.name:
        return kind.name
    series = _SERIES.match(fields.get("Ver", ""))
    return clean_text(about.get("PROD"), 100) or (f"AvalonMiner {series[1]}" if series else None)


def _firmware(about: Fields, fields: dict[str, str]) -> str | None:
    told = [about.get("VERSION"), about.get("LVERSION"), about.get("CGVERSION"), fields.get("Ver")]
    return next((text for text in (clean_text(value, 100) for value in told) if text), None)


def _serial(about: Fields, fields: dict[str, str]) -> str | None:
    """Return the serial number; a Nano 3's own is all zeros, and that of its hash board is not."""
    told = (serial_number(serial) for serial in (about.get("DNA"), fields.get("DNA"), fields.get("HDNA")))
    return next((number for number in told if number), None)


def _hashrate_ghs(figures: Figures, modules: list[dict[str, str]], totals: Fields) -> float | None:
    if not any("GHSspd" in fields for fields in modules):
        return hashrate_ghs(figures, [totals])
    told_ghs = _total([figures.hashrate_ghs(fields.get("GHSspd")) for fields in modules])
    if told_ghs != 0 or _is_idle(modules[0]) or not (current_ghs := _current_ghs(totals)):
        return told_ghs
    # Early firmware of the A10 series has the field and leaves it at 0.
    figures.warnings.append("hashrate is that of the summary: GHSspd says 0 while it hashes")
    return current_ghs


def _current_ghs(totals: Fields) -> float | None:
    """Return the hashrate of the summary, None where it tells only the average since the start."""
    told = Figures()
    current_ghs = hashrate_ghs(told, [totals])
    return None if told.warnings else current_ghs


def _total(parts: list[float | None]) -> float | None:
    # Part of a sum is a wrong number: one module that says nothing makes the sum unknown.
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _hottest(parts: list[float | None]) -> float | None:
    return max((part for part in parts if part is not None), default=None)


drivers.register(AvalonDriver.name, AvalonDriver())
