"""Any miner with the cgminer API on TCP 4028: cgminer, BFGMiner, Antminer, LuxOS, Whatsminer, Braiins OS, VNish."""

from dataclasses import dataclass, field

from miners.drivers.base import Address, DriverError, Misread, PlainDriver, Reading, Unreachable, drivers
from miners.drivers.cgminer_api import DEFAULT_PORT, Answer, CgminerApi, Fields, active_pool
from miners.drivers.cgminer_figures import (
    counter,
    device_sums,
    fan_rpm,
    firmware,
    first,
    hashrate_ghs,
    identity,
    mode,
    model,
    power_w,
    temperature_c,
    whole_machine,
)
from miners.drivers.figures import Figures, clean_text, serial_number, with_figures

ALWAYS = ("stats", "devs", "pools")
# What only this firmware answers, known by a key of its version or its summary.
EXTRAS = {
    "LUXminer": ("power", "config"),
    "BOSminer": ("tunerstatus", "temps", "fans"),
    "BOSminer+": ("tunerstatus", "temps", "fans"),
    "BOSer": ("tunerstatus", "temps", "fans"),
    "HS RT": ("status", "get_version"),
    "Factory GHS": ("status", "get_version"),
}


@dataclass
class Told:
    """What a miner told: its answers by command, empty for those that it refused."""

    answers: dict[str, Answer] = field(default_factory=dict)

    def rows(self, command: str, section: str) -> list[Fields]:
        """Return the objects of `section` in the answer to `command`."""
        answer = self.answers.get(command)
        return answer.rows(section) if answer else []

    def one(self, command: str, section: str) -> Fields:
        """Return the first object of `section` in the answer to `command`."""
        return next(iter(self.rows(command, section)), {})

    @property
    def summary(self) -> Fields:
        """Return the summary, which Whatsminers since 2023 tell as their message."""
        return self.one("summary", "SUMMARY") or self.one("summary", "MSG")


class CgminerDriver(PlainDriver):
    """Reads what every cgminer says, and what its better known forks say beside it."""

    name = "cgminer"
    default_port = DEFAULT_PORT
    is_generic = True

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        figures = Figures()
        api = CgminerApi(address, deadline, figures.warnings)
        told = Told({"version": optional(api, "version", figures), "summary": api.ask("summary")})
        _ask(api, figures, told, (*ALWAYS, *_extras(told)))
        if model(told.one("version", "VERSION"), told.rows("stats", "STATS"), {}) is None:
            _ask(api, figures, told, ("devdetails",))
        return with_figures(_reading(figures, told))


def ask_totals(api: CgminerApi, figures: Figures) -> Fields:
    """Return the miner's summary, or, noted, the sums of its devices; empty where it gives neither."""
    answer = api.ask("summary")
    return answer.first("SUMMARY") or _sums_instead(answer, api.ask("devs").rows("DEVS"), figures)


def optional(api: CgminerApi, command: str, figures: Figures) -> Answer:
    """Return the answer to a command without which there still is a reading; noted when it is unreadable."""
    try:
        return api.ask(command)
    except Misread as error:
        return _left_out(command, error, figures)


def _ask(api: CgminerApi, figures: Figures, told: Told, commands: tuple[str, ...]) -> None:
    """Add the answers to `commands`. Where the miner falls silent, what it told before still counts."""
    for command in commands:
        try:
            told.answers[command] = optional(api, command, figures)
        except Unreachable as error:
            _left_out(f"{command} and what comes after it", error, figures)
            return


def _left_out(what: str, error: DriverError, figures: Figures) -> Answer:
    figures.warnings.append(f"{what} left out: {error.reason}")
    return Answer({}, is_refusal=True, message=error.reason)


def _extras(told: Told) -> tuple[str, ...]:
    keys = told.one("version", "VERSION").keys() | told.summary.keys()
    return next((commands for key, commands in EXTRAS.items() if key in keys), ())


def _sums_instead(summary: Answer, devices: list[Fields], figures: Figures) -> Fields:
    figures.warnings.append(f"summary left out: the miner gives none ({summary.message or 'no reason'})")
    return device_sums(devices)


def _reading(figures: Figures, told: Told) -> Reading:
    about, stats = told.one("version", "VERSION"), told.rows("stats", "STATS")
    devices, pools = told.rows("devs", "DEVS"), told.rows("pools", "POOLS")
    summary = told.summary
    totals = summary or _sums_instead(told.answers["summary"], devices, figures)
    status = told.one("status", "MSG") | told.one("get_version", "MSG")
    config, pool = told.one("config", "CONFIG"), active_pool(pools)
    serial = serial_number(config.get("SerialNumber"))
    return Reading(
        driver=CgminerDriver.name,
        model=model(about, stats, told.one("devdetails", "DEVDETAILS")),
        firmware=firmware(about, totals, status),
        hashrate_ghs=hashrate_ghs(figures, [summary, *whole_machine(stats), totals]),
        power_w=power_w(
            figures, totals, stats, told.one("power", "POWER"), told.one("tunerstatus", "TUNERSTATUS")
        ),
        temperature_c=temperature_c(figures, totals, stats, devices, told.rows("temps", "TEMPS")),
        fan_rpm=fan_rpm(figures, totals, stats, [*devices, *told.rows("fans", "FANS")]),
        accepted=counter(figures, "Accepted", totals, pools, devices),
        rejected=counter(figures, "Rejected", totals, pools, devices),
        uptime_s=figures.uptime_s(first([totals, *stats], "Elapsed")),
        pool_url=clean_text(pool.get("URL"), 255),
        pool_user=clean_text(pool.get("User"), 255),
        mode=mode(totals, status, config),
        identity=identity(about, totals, config, serial),
        serial=serial,
        warnings=tuple(figures.warnings),
    )


drivers.register(CgminerDriver.name, CgminerDriver())
