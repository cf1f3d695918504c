"""Orders to Avalon miners: `ascset` and `setpool` of their cgminer API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from miners.drivers.avalon import KINDS, AvalonDriver
from miners.drivers.base import Address, Misread
from miners.drivers.cgminer_api import Answer as Parsed
from miners.drivers.cgminer_api import CgminerApi
from miners.drivers.cgminer_orders import CgminerStep, send_cgminer
from miners.drivers.orders import About, Answer, CannotBuild, Kind, Offers, Order, controls, mode_number

STANDBY_AFTER_S = 5
"""Standby is ordered for a moment to come, on the device's clock; everybody takes five seconds."""

POOL_SLOTS = {"primary": 0, "fallback": 1}
STANDBY = frozenset({Kind.PAUSE, Kind.RESUME})
MODES = frozenset({Kind.MODE, Kind.LEVEL})


@dataclass(frozen=True)
class Family:
    """What a model takes beside a restart and pools, and the option of `ascset` that sets its mode."""

    pattern: str
    kinds: frozenset[Kind] = frozenset()
    modes: tuple[str, ...] = ()
    mode_option: str = "workmode"
    note: str = ""


# Nano 3S: Canaan's published source, Avalon_Nano3s, has no softoff; the Nano 3 sets its mode by worklevel.
FAMILIES = (
    Family("Avalon Nano 3S", MODES, KINDS[0].modes, note="its firmware has no standby"),
    Family(
        "Avalon Nano 3", frozenset({Kind.MODE}), KINDS[1].modes, "worklevel", "its firmware has no standby"
    ),
    Family("Avalon Mini 3", MODES | STANDBY, KINDS[2].modes),
    Family("Avalon Q", MODES | STANDBY, KINDS[3].modes),
    Family(r"Avalon ?Miner A?1[0-5](\d\d|-)", STANDBY | {Kind.IDENTIFY}),
)
UNKNOWN = Family("", note="what this model takes beside a restart and pools is not known")


class AvalonControls:
    """Tells an Avalon what to do. Which options there are, its firmware lists itself where it is asked."""

    name = AvalonDriver.name

    def offers(self, about: About) -> Offers:
        family = _family(about)
        kinds = family.kinds | {Kind.RESTART, Kind.POOL}
        if about.options is not None:
            possible = kinds | STANDBY
            kinds = frozenset(kind for kind in possible if _is_listed(kind, family, about.options))
        has_standby = kinds >= STANDBY
        modes = family.modes if Kind.MODE in kinds else ()
        note = "" if has_standby else family.note
        return Offers(kinds, modes=modes, with_password=frozenset({Kind.POOL}), note=note)

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with the options of `ascset` that the firmware lists, and the language that it speaks."""
        api = CgminerApi(address, deadline)
        try:
            listed = options(api.ask("ascset", "0,help"))
        except Misread:
            listed = None
        return replace(about, options=listed, speaks_text=api.speaks_text)

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[CgminerStep]:
        if order.kind is Kind.POOL:
            return _pool_steps(order, about)
        if order.kind is Kind.MODE:
            number = mode_number(order, self.offers(about))
            return [_ascset(f"{_family(about).mode_option},set,{number}", about)]
        return [_ascset(_option(order, at), about)]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        return send_cgminer(address, step, deadline)


def options(answer: Parsed) -> frozenset[str] | None:
    """Return the options that the answer to `ascset|0,help` lists; None where it lists none. Pure."""
    if answer.is_refusal or "set info" not in answer.message:
        return None
    listed = answer.message.rpartition(":")[2].split("|")
    # In plain text the strokes between the options are those between the sections of an answer.
    names = {name.partition(",")[0].strip().lower() for name in (*listed, *answer.sections)}
    return frozenset(name for name in names if re.fullmatch(r"[a-z][\w-]*", name)) or None


def _family(about: About) -> Family:
    return next((family for family in FAMILIES if re.match(family.pattern, about.model, re.I)), UNKNOWN)


def _is_listed(kind: Kind, family: Family, listed: frozenset[str]) -> bool:
    needed = {
        Kind.RESTART: {"reboot"},
        Kind.PAUSE: {"softoff", "softon"},
        Kind.RESUME: {"softoff", "softon"},
        Kind.MODE: {family.mode_option},
        Kind.LEVEL: {"worklevel"},
        Kind.IDENTIFY: {"led"},
    }
    return needed.get(kind, set()) <= listed


def _option(order: Order, at: datetime) -> str:
    if order.kind is Kind.LEVEL:
        return f"worklevel,set,{order.arguments['level']}"
    if order.kind is Kind.IDENTIFY:
        return f"led,1-{int(order.arguments['light'] == 'on')}"
    if order.kind is Kind.RESTART:
        return "reboot,0"
    word = "softoff" if order.kind is Kind.PAUSE else "softon"
    return f"{word},1:{int(at.timestamp()) + STANDBY_AFTER_S}"


def _ascset(option: str, about: About) -> CgminerStep:
    return CgminerStep("ascset", f"0,{option}", about.speaks_text)


def _pool_steps(order: Order, about: About) -> list[CgminerStep]:
    """Return the requests that set a pool. It is mined for after a restart, which only the primary one gets."""
    if "device" not in order.secrets:
        raise CannotBuild(
            "an Avalon sets pools only with its own password; manage.py command --passwords asks for it"
        )
    slot = order.arguments["slot"]
    pool = CgminerStep("setpool", _pool_words(order), about.speaks_text, _pool_words(order.masked()))
    return [pool, _ascset("reboot,0", about)] if slot == "primary" else [pool]


def _pool_words(order: Order) -> str:
    words = (
        "admin",
        order.secrets["device"],
        str(POOL_SLOTS[order.arguments["slot"]]),
        order.arguments["url"],
        order.arguments["user"],
        order.secrets.get("pool", "x"),
    )
    if any(re.search(r"[,|\s]", word) or not word for word in words):
        raise CannotBuild("an Avalon takes no comma, stroke or blank in a pool's address, user or password")
    return ",".join(words)


controls.register(AvalonControls.name, AvalonControls())
