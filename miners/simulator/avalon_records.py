"""The records of an Avalon's cgminer API: megahashes per second, and statistics as bracket text."""

from dataclasses import dataclass
from typing import Any

from miners.simulator.fleet import DeviceSpec
from miners.simulator.hardware import NANO_3S, WorkMode
from miners.simulator.machine import Machine, Sample
from miners.simulator.noise import drift
from miners.simulator.shares import Counters

_NO_SENSOR = -273


@dataclass(frozen=True)
class AvalonLook:
    """Everything there is to tell about a device at `t`."""

    t: float
    spec: DeviceSpec
    machine: Machine
    sample: Sample
    counters: Counters
    mac: str
    off_since: float | None

    @property
    def elapsed_s(self) -> int:
        """Seconds since boot."""
        return self.machine.uptime_s(self.t)

    @property
    def difficulty(self) -> float:
        """The pool's difficulty."""
        return float(self.spec.hardware.pool_difficulty)

    @property
    def dna(self) -> str:
        """The serial number, made from the MAC."""
        return "0201" + self.mac.replace(":", "")[-12:]


def version(look: AvalonLook) -> dict[str, Any]:
    """Return the record of `version`."""
    nano = look.spec.hardware is NANO_3S
    firmware = look.spec.firmware
    return {
        "CGMiner": "4.11.1",
        "API": "3.7",
        "PROD": "Avalon Nano3s" if nano else "Avalon Q",
        "MODEL": "Nano3s" if nano else "Q",
        "HWTYPE": "N_MM1v1_X1" if nano else "Q_MM1v1_X1",
        "SWTYPE": "MM319",
        "LVERSION": firmware,
        "BVERSION": firmware,
        "CGVERSION": firmware,
        "DNA": look.dna,
        "MAC": look.mac.replace(":", ""),
    }


def summary(look: AvalonLook) -> dict[str, Any]:
    """Return the record of `summary`."""
    return {
        "Elapsed": look.elapsed_s,
        **_rates(look),
        "Found Blocks": 0,
        "Getworks": look.elapsed_s // 30 + 1,
        "Accepted": look.counters.accepted,
        "Rejected": look.counters.rejected,
        "Hardware Errors": 0,
        "Utility": _per_minute(look, look.counters.accepted),
        "Discarded": 0,
        "Stale": 0,
        "Get Failures": 0,
        "Local Work": look.elapsed_s * 5,
        "Remote Failures": 0,
        "Network Blocks": look.elapsed_s // 600,
        "Total MH": round(look.machine.work_gh(look.t) * 1000.0, 4),
        "Work Utility": _per_minute(look, look.machine.work_gh(look.t) * 1e9 / 2**32),
        **_difficulties(look),
        "Difficulty Stale": 0.0,
        "Best Share": int(look.counters.best_session),
        "Device Hardware%": 0.0,
        "Device Rejected%": _rejected_percent(look),
        "Pool Rejected%": _rejected_percent(look),
        "Pool Stale%": 0.0,
        "Last getwork": int(look.t) - int(look.t) % 30,
    }


def devices(look: AvalonLook) -> dict[str, Any]:
    """Return the record of `devs`; the temperature there is always 0."""
    return {
        "ASC": 0,
        "Name": "AVALON",
        "ID": 0,
        "Enabled": "Y",
        "Status": "Alive",
        "Temperature": 0.0,
        **_rates(look),
        "Accepted": look.counters.accepted,
        "Rejected": look.counters.rejected,
        "Hardware Errors": 0,
        "Utility": _per_minute(look, look.counters.accepted),
        "Last Share Pool": look.machine.active_pool,
        "Last Share Time": last_share_time(look),
        "Total MH": round(look.machine.work_gh(look.t) * 1000.0, 4),
        "Diff1 Work": int(look.machine.work_gh(look.t) * 1e9 / 2**32),
        **_difficulties(look),
        "Last Share Difficulty": look.difficulty,
        "Last Valid Work": int(look.t),
        "Device Hardware%": 0.0,
        "Device Rejected%": _rejected_percent(look),
        "Device Elapsed": look.elapsed_s,
    }


def pools(look: AvalonLook) -> list[dict[str, Any]]:
    """Return the records of `pools`; all shares are the active one's."""
    return [_pool(look, index) for index in range(len(look.machine.pools))]


def _pool(look: AvalonLook, index: int) -> dict[str, Any]:
    pool = look.machine.pools[index]
    active = index == look.machine.active_pool
    url = f"stratum+tcp://{pool.url}:{pool.port}"
    return {
        "POOL": index,
        "URL": url,
        "Status": "Alive",
        "Priority": index,
        "Quota": 1,
        "Long Poll": "N",
        "Getworks": look.elapsed_s // 30 + 1 if active else 1,
        "Accepted": look.counters.accepted if active else 0,
        "Rejected": look.counters.rejected if active else 0,
        "Works": look.elapsed_s * 2 if active else 0,
        "Discarded": 0,
        "Stale": 0,
        "Get Failures": 0,
        "Remote Failures": 0,
        "User": pool.user,
        "Last Share Time": last_share_time(look) if active else 0,
        "Difficulty Accepted": look.counters.accepted * look.difficulty if active else 0.0,
        "Difficulty Rejected": look.counters.rejected * look.difficulty if active else 0.0,
        "Work Difficulty": look.difficulty,
        "Has Stratum": True,
        "Stratum Active": active and not look.sample.settings.paused,
        "Stratum URL": url if active else "",
        "Stratum Difficulty": look.difficulty if active else 0.0,
        "Has Vmask": True,
        "Has GBT": False,
        "Best Share": int(look.counters.best_session) if active else 0,
        "Pool Rejected%": _rejected_percent(look) if active else 0.0,
        "Pool Stale%": 0.0,
        "Bad Work": 0,
    }


def statistics(look: AvalonLook, *, whole: bool) -> list[dict[str, Any]]:
    """Return the records of `stats` and `estats` (`whole`) or of `litestats`."""
    if look.spec.hardware is NANO_3S:
        device = {"MM ID0": " ".join([*_brackets(look), *(_chips(look) if whole else [])])}
    else:
        device = {"MM ID0:Summary": f"'STATS':{{{' '.join(_brackets(look))}}}"}
        if whole:
            device["HBinfo"] = f"'HB0':{{{' '.join(_chips(look))}}}"
    if not whole:
        return [device]
    common = {"Elapsed": look.elapsed_s, "Calls": 0, "Wait": 0.0, "Max": 0.0, "Min": 99999999.0}
    head = {"STATS": 0, "ID": "AVALON0", **common, "MM Count": 1, "Smart Speed": 1}
    pool = {"STATS": 1, "ID": "POOL0", **common, "Pool Calls": 0, "Work Diff": look.difficulty}
    return [{**head, **device, "Nonce Mask": 25}, pool]


def _brackets(look: AvalonLook) -> list[str]:
    nano = look.spec.hardware is NANO_3S
    family = "Nano3s" if nano else "Q"
    firmware = look.spec.firmware
    head = [f"Ver[{family}-{firmware}]", f"LVer[{firmware}]", f"BVer[{firmware}]", "FW[Release]"]
    own = _nano_temperatures(look) if nano else _q_temperatures(look)
    return [
        *head,
        f"DNA[{look.dna}]",
        f"STATE[{2 if look.sample.settings.paused else 1}]",
        "MEMFREE[64312]",
        "NETFAIL[0 0 0 0 0 0 0 0]",
        f"SYSTEMSTATU[Work: In {'Idle' if look.sample.settings.paused else 'Work'}, Hash Board: 1]",
        f"Elapsed[{look.elapsed_s}]",
        "BOOTBY[0x01.00000000]",
        *own,
        *_power_and_speed(look),
        *_modes(look),
    ]


def _nano_temperatures(look: AvalonLook) -> list[str]:
    sample = look.sample
    outlet_c = sample.ambient_c + (sample.temperature_c - sample.ambient_c) * 0.65
    return [
        f"ITemp[{_NO_SENSOR}]",
        f"OTemp[{outlet_c:.0f}]",
        f"TMax[{sample.temperature_c + 4.0:.0f}]",
        f"TAvg[{sample.temperature_c:.0f}]",
        "TarT[90]",
        f"Fan1[{sample.fan_rpm}]",
        f"FanR[{sample.fan_percent:.0f}%]",
    ]


def _q_temperatures(look: AvalonLook) -> list[str]:
    """In standby the board is without power: its sensors and the fans read 0."""
    sample = look.sample
    on = 0 if sample.settings.paused else 1
    rise_c = (sample.temperature_c - sample.ambient_c) * on
    return [
        f"ITemp[{sample.ambient_c + 2.0:.0f}]",
        f"HBITemp[{sample.ambient_c + 3.0 + 0.2 * rise_c:.0f}]",
        f"HBOTemp[{sample.ambient_c + 3.0 + 0.5 * rise_c:.0f}]",
        f"TMax[{(sample.temperature_c + 5.0) * on:.0f}]",
        f"TAvg[{sample.temperature_c * on:.0f}]",
        "TarT[65]",
        *(f"Fan{n}[{round(sample.fan_rpm * on * (1.0 + 0.01 * n))}]" for n in range(1, 5)),
        f"FanR[{sample.fan_percent * on:.0f}%]",
    ]


def _power_and_speed(look: AvalonLook) -> list[str]:
    sample = look.sample
    average_ghs = look.machine.average_ghs(look.t, 1e9)
    idle = sample.settings.paused
    return [
        f"PS[{' '.join(str(part) for part in _power_supply(look))}]",
        f"GHSspd[{sample.hashrate_ghs:.2f}]",
        f"DHspd[{0.0 if idle else 2.1 + 0.3 * drift(11, look.t, 60.0):.3f}%]",
        f"GHSmm[{look.spec.hardware.expected_ghs(sample.settings.frequency_mhz):.2f}]",
        f"GHSavg[{average_ghs:.2f}]",
        f"WU[{average_ghs * 60e9 / 2**32:.2f}]",
        f"Freq[{sample.settings.frequency_mhz:.2f}]",
        f"MGHS[{average_ghs:.2f}]",
        f"TA[{look.spec.hardware.chips}]",
        f"Core[{look.spec.hardware.chip}]",
        f"PING[{30 + round(10 * drift(13, look.t, 90.0))}]",
    ]


def _power_supply(look: AvalonLook) -> list[int]:
    """Error, controller's and board's voltage (10 mV), A, W out, voltage set; the last is W at the Nano's plug."""
    sample = look.sample
    if look.spec.hardware is NANO_3S:
        amperes = round(sample.current_ma / 1000.0)
        return [
            0,
            0,
            round(sample.supply_mv),
            amperes,
            0,
            3700 + round(sample.core_voltage_mv / 6),
            round(sample.power_w),
        ]
    board_cv = round(sample.settings.core_voltage_mv * 7.25)
    if sample.settings.paused:
        return [0, 1219, 2, 0, 0, board_cv, round(sample.power_w)]
    return [
        0,
        1219,
        board_cv - 2,
        round(sample.power_w / board_cv * 100.0),
        round(sample.power_w),
        board_cv,
        round(sample.power_w * 1.03),
    ]


def _modes(look: AvalonLook) -> list[str]:
    settings = look.sample.settings
    return [
        f"SoftOFF[{4 if settings.paused else 0}]",
        *([f"SoftOffTime[{int(look.off_since)}]"] if look.off_since is not None else []),
        "ECHU[0]",
        "ECMM[0]",
        "CRC[0]",
        f"WORKMODE[{settings.work_mode}]",
        f"WORKLEVEL[{settings.work_level}]",
        f"MPO[{_power_setting_w(look)}]",
        "CALIALL[7]",
        "ADJ[1]",
    ]


def _power_setting_w(look: AvalonLook) -> int:
    """The power the mode is set to, whether the machine works or not."""
    hardware, settings = look.spec.hardware, look.sample.settings
    mode: WorkMode = hardware.modes[settings.work_mode]
    share = mode.frequency_mhz / hardware.reference.frequency_mhz
    volts = mode.core_voltage_mv / hardware.reference.core_voltage_mv
    return round((hardware.power_w - hardware.idle_power_w) * share * volts * volts + hardware.idle_power_w)


def _chips(look: AvalonLook) -> list[str]:
    sample = look.sample
    chips = range(look.spec.hardware.chips)
    warm = [round(sample.temperature_c + 4.0 * drift(n + 101, look.t, 300.0)) for n in chips]
    volts = [
        round(sample.settings.core_voltage_mv * 0.97 + 5.0 * drift(n + 401, look.t, 300.0)) for n in chips
    ]
    return [f"PVT_T0[{' '.join(f'{c:3d}' for c in warm)}]", f"PVT_V0[{' '.join(map(str, volts))}]"]


def _rates(look: AvalonLook) -> dict[str, float]:
    """Megahashes per second."""
    averages = {"1m": 60.0, "5m": 300.0, "15m": 900.0}
    return {
        "MHS av": round(look.machine.average_ghs(look.t, 1e9) * 1000.0, 2),
        "MHS 5s": round(look.sample.hashrate_ghs * 1000.0, 2),
        **{
            f"MHS {name}": round(look.machine.average_ghs(look.t, window_s) * 1000.0, 2)
            for name, window_s in averages.items()
        },
    }


def _difficulties(look: AvalonLook) -> dict[str, float]:
    return {
        "Difficulty Accepted": look.counters.accepted * look.difficulty,
        "Difficulty Rejected": look.counters.rejected * look.difficulty,
    }


def last_share_time(look: AvalonLook) -> int:
    """Return when the last share was found, reckoned back from the work done since; 0 without one."""
    if look.counters.accepted + look.counters.rejected == 0:
        return 0
    level_ghs = max(1.0, look.machine.average_ghs(look.t, 600.0))
    return int(look.t - (look.machine.work_gh(look.t) - look.counters.last_share_gh) / level_ghs)


def _rejected_percent(look: AvalonLook) -> float:
    total = look.counters.accepted + look.counters.rejected
    return round(100.0 * look.counters.rejected / total, 4) if total else 0.0


def _per_minute(look: AvalonLook, amount: float) -> float:
    return round(amount * 60.0 / max(1, look.elapsed_s), 2)
