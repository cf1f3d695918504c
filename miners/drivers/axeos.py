"""AxeOS over HTTP: the Bitaxe family and the NerdQAxe family, whose firmware is a fork of it."""

import re
from typing import Any

from hmm.lib.http import HttpError, NoAnswer, get
from hmm.lib.sockets import ConnectionFailed, Deadline
from miners.drivers import loose_json
from miners.drivers.base import MAX_REPLY_BYTES, Address, DriverError, Misread, Reading, Unreachable, drivers
from miners.drivers.figures import Figures, clean_text, mac_address, says_yes, with_figures

Fields = dict[str, Any]

# The board number's first digits tell the family, which AxeOS itself tells only in /api/system/asic.
FAMILIES = (
    (r"102", "Max"),
    (r"20\d", "Ultra"),
    (r"30\d", "Hex"),
    (r"40\d", "Supra"),
    (r"60\d", "Gamma"),
    (r"65\d", "Gamma Duo"),
    (r"70\d", "Supra Hex"),
    (r"80\d", "Gamma Turbo"),
)
HASHRATES = ("hashRate", "hashRate_1m", "hashRate_10m")
NO_TEMPERATURE = (-1.0,)


class AxeosDriver:
    """Reads AxeOS from v2.0 to v2.15 and the firmware of NerdQAxe+ and NerdQAxe++."""

    name = "axeos"
    default_port = 80
    is_generic = False

    def read(self, address: Address, deadline: float) -> Reading:
        """Return what the miner says now. Raises Unreachable or Misread."""
        time_limit = Deadline.until(deadline)
        info = _get(address, "/api/system/info", time_limit)
        _refuse_strangers(info)
        model = _model(info) or _model_by_asic(address, time_limit, info)
        return with_figures(_reading(info, model))


def _get(address: Address, path: str, time_limit: Deadline) -> Any:
    url = f"http://{Address(address.host, address.port or AxeosDriver.default_port)}{path}"
    try:
        reply = get(
            url,
            headers={"Connection": "close"},
            timeout_s=time_limit.left(),
            max_bytes=MAX_REPLY_BYTES,
            use_proxies=False,
        )
    except (NoAnswer, ConnectionFailed) as error:
        raise Unreachable(error.reason) from error
    except HttpError as error:
        raise Misread(error.reason) from error
    return loose_json.parse(reply.body, "AxeOS")


def _refuse_strangers(info: Any) -> None:
    if not isinstance(info, dict):
        raise Misread("another device's shape (JSON, but no object)")
    if isinstance(info.get("miner"), dict) or isinstance(info.get("power"), dict):
        raise Misread("another device's shape (NMAxe's nested objects, not AxeOS)")
    if isinstance(info.get("network"), dict):
        raise Misread("another device's shape (NerdQAxe's /api/v2, not AxeOS)")
    if not info.keys() & {"ASICModel", "deviceModel"} or not info.keys() & set(HASHRATES):
        raise Misread("another device's shape (JSON without AxeOS's ASICModel and hashRate)")


def _reading(info: Fields, model: str | None) -> Reading:
    figures = Figures()
    pool_url, pool_user = _pool(info)
    hashrate = next((info[key] for key in HASHRATES if key in info), None)
    return Reading(
        driver=AxeosDriver.name,
        model=model,
        firmware=clean_text(info.get("version"), 100),
        hashrate_ghs=figures.hashrate_ghs(hashrate),
        power_w=_power_w(figures, info),
        temperature_c=figures.temperature_c(info.get("temp"), absent=NO_TEMPERATURE),
        fan_rpm=figures.fan_rpm(info.get("fanrpm")),
        accepted=figures.counter("accepted", info.get("sharesAccepted")),
        rejected=figures.counter("rejected", info.get("sharesRejected")),
        uptime_s=figures.counter("uptime", info.get("uptimeSeconds")),
        pool_url=pool_url,
        pool_user=pool_user,
        mode=mode(info),
        identity=mac_address(info.get("macAddr")),
        warnings=tuple(figures.warnings),
    )


def mode(info: Fields) -> str | None:
    """Return "overheat", "shutdown", "paused" or "normal"; None for firmware that tells nothing of it."""
    flags = {"overheat": "overheat_mode", "shutdown": "shutdown", "paused": "miningPaused"}
    if not info.keys() & set(flags.values()):
        return None
    return next((word for word, key in flags.items() if says_yes(info.get(key))), "normal")


def _power_w(figures: Figures, info: Fields) -> float | None:
    power_w = figures.power_w(info.get("power"))
    voltage_mv = figures.number("voltage", info.get("voltage"), 0, float("inf"))
    if power_w == 0 and voltage_mv == 0:
        figures.warnings.append("power left out: 0 W at 0 V means that the board's meter is not read")
        return None
    return power_w


def _pool(info: Fields) -> tuple[str | None, str | None]:
    # AxeOS tells it at the top, later NerdQAxe firmware inside `stratum`.
    stratum = info.get("stratum")
    flags = [
        info.get("isUsingFallbackStratum"),
        stratum.get("usingFallback") if isinstance(stratum, dict) else None,
    ]
    key = "fallbackStratum" if any(says_yes(flag) for flag in flags) else "stratum"
    host, port = clean_text(info.get(f"{key}URL"), 240), clean_text(info.get(f"{key}Port"), 5)
    return _pool_url(host, port, is_tls=says_yes(info.get(f"{key}TLS"))), clean_text(
        info.get(f"{key}User"), 255
    )


def _pool_url(host: str | None, port: str | None, *, is_tls: bool) -> str | None:
    if host is None:
        return None
    scheme = "" if "://" in host else "stratum+ssl://" if is_tls else "stratum+tcp://"
    has_port = re.search(r":\d+$", host) is not None
    return f"{scheme}{host}" if port is None or has_port else f"{scheme}{host}:{port}"


def _model(info: Fields) -> str | None:
    if name := clean_text(info.get("deviceModel"), 100):
        return name
    board = clean_text(info.get("boardVersion"), 90) or ""
    if re.search("[A-Za-z]{3}", board):
        return board
    return next(
        (f"Bitaxe {family} {board}" for pattern, family in FAMILIES if re.fullmatch(pattern, board)), None
    )


def _model_by_asic(address: Address, time_limit: Deadline, info: Fields) -> str | None:
    """Return the model's name of a board that is not known here; firmware before v2.9 cannot be asked."""
    board, chip = clean_text(info.get("boardVersion"), 20), clean_text(info.get("ASICModel"), 40)
    if board is None:  # only the first Bitaxes tell none
        return f"Bitaxe {chip}" if chip else None
    try:
        asic = _get(address, "/api/system/asic", time_limit)
    except DriverError:
        asic = None
    family = clean_text(asic.get("deviceModel"), 60) if isinstance(asic, dict) else None
    if family is None:
        return " ".join(filter(None, ("AxeOS", chip, board)))
    return family if "axe" in family.lower() else f"Bitaxe {family} {board}"


drivers.register(AxeosDriver.name, AxeosDriver())
