"""Orders to LuxOS: a cgminer API whose orders need a session, of which a miner has one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from miners.drivers.base import Address, DriverError, Misread, Unreachable
from miners.drivers.cgminer_api import CgminerApi
from miners.drivers.cgminer_orders import CgminerStep, send_cgminer
from miners.drivers.orders import About, Answer, Kind, Offers, Order

KINDS = frozenset({Kind.RESTART, Kind.PAUSE, Kind.RESUME, Kind.IDENTIFY})
NOTE = "LuxOS takes pools and profiles otherwise: with make setup-farm the driver farm sets its pools"
SESSION = "SESSION"


@dataclass(frozen=True)
class LuxosStep:
    """A command that needs a session, whose number goes before its parameter."""

    command: str
    parameter: str = ""

    def __str__(self) -> str:
        return f"{self.command}|{','.join(filter(None, (SESSION, self.parameter)))}"


def is_luxos(about: About) -> bool:
    """Return whether this is LuxOS, as the driver of the cgminer API names it: "LUXminer 2025.4.8…"."""
    return about.firmware.lower().startswith("luxminer")


def offers() -> Offers:
    """Return what LuxOS takes from here."""
    return Offers(KINDS, note=NOTE)


def steps(order: Order) -> Sequence[LuxosStep]:
    """Return the request that `order` is."""
    if order.kind is Kind.RESTART:
        return [LuxosStep("rebootdevice")]
    if order.kind is Kind.IDENTIFY:
        return [LuxosStep("ledset", f"red,{'blink' if order.arguments['light'] == 'on' else 'auto'}")]
    return [LuxosStep("curtail", "sleep" if order.kind is Kind.PAUSE else "wakeup")]


def send_luxos(address: Address, step: LuxosStep, deadline: float) -> Answer:
    """Send `step` once, in the session that there is, else in one of our own, which ends with it.

    Raises Unreachable where nothing was sent.
    """
    api = CgminerApi(address, deadline)
    session, is_ours = _session(api)
    if not session:
        return Answer(False, "LuxOS opens no session: somebody else may have it")
    parameter = ",".join(filter(None, (session, step.parameter)))
    answer = send_cgminer(address, CgminerStep(step.command, parameter), deadline)
    if is_ours and step.command != "rebootdevice":
        _log_off(api, session)
    return answer


def _session(api: CgminerApi) -> tuple[str, bool]:
    """Return the number of the session, "" for none, and whether it was opened for us."""
    try:
        for command in ("session", "logon"):
            if session := str(api.ask(command).first(SESSION).get("SessionID") or ""):
                return session, command == "logon"
    except Misread as error:
        raise Unreachable(error.reason) from error
    return "", False


def _log_off(api: CgminerApi, session: str) -> None:
    try:
        api.ask("logoff", session)
    except DriverError:
        return  # the order stands; a session that stays ends by itself
