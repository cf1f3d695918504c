"""What can be ordered of a miner, and what every driver's controls take and give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from hmm.lib.registry import Registry
from miners.drivers.base import Address, one_line

LONGEST_WORDS = 500
MASK = "•••"


class Kind(StrEnum):
    """What an order asks for."""

    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    MODE = "mode"
    LEVEL = "level"
    FREQUENCY = "frequency"
    POWER = "power"
    POOL = "pool"
    IDENTIFY = "identify"


@dataclass(frozen=True)
class Order:
    """What a device is told. `arguments` are those of its kind, as docs/commands.md lists them.

    `secrets` are passwords by name, needed to send it and never stored: "device" and "pool".
    """

    kind: Kind
    arguments: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def masked(self) -> "Order":
        """Return the order as it may be shown: with marks in place of passwords."""
        return replace(self, secrets=dict.fromkeys(self.secrets, MASK))


@dataclass(frozen=True)
class Range:
    """A range of whole numbers within which a setting is safe, and who says so."""

    least: int
    most: int
    source: str

    def holds(self, value: int) -> bool:
        return self.least <= value <= self.most


@dataclass(frozen=True)
class About:
    """What is known of a device that is to be ordered: what its reading told, and what it said when asked.

    `options` are the orders that it lists itself; None where it was not asked or does not say. `frequency_mhz` and
    `core_voltage_mv` are ranges that the user has set for the model; they go before what is known of it. `power_w` is
    that of the limits which the device takes.
    """

    model: str = ""
    firmware: str = ""
    mode: str = ""
    frequency_mhz: Range | None = None
    core_voltage_mv: Range | None = None
    power_w: Range | None = None
    options: frozenset[str] | None = None
    speaks_text: bool = False


@dataclass(frozen=True)
class Offers:
    """What a device really offers. `note` says in a line what it does not, and why.

    `with_password` are those of `kinds` that it takes with its own password only, `takes_password` those that
    it takes with it where it is not the one that such a device has when it is new. `tells_pool_in_use` says that its
    readings tell the pool that is mined for, not the one that is set, so that no restart needs to be seen.
    `restarts_to_set` says that frequency and core voltage count from a restart on, which comes with the order.
    """

    kinds: frozenset[Kind] = frozenset()
    modes: tuple[str, ...] = ()
    frequency_mhz: Range | None = None
    core_voltage_mv: Range | None = None
    power_w: Range | None = None
    with_password: frozenset[Kind] = frozenset()
    takes_password: frozenset[Kind] = frozenset()
    tells_pool_in_use: bool = False
    restarts_to_set: bool = False
    note: str = ""


class Step(Protocol):
    """One request of an order, such as a PATCH or a line of the cgminer API; `str` of it is what is recorded."""


@dataclass(frozen=True)
class Answer:
    """What came back: whether the device took the order (None: nobody knows), and its words, bounded."""

    is_taken: bool | None
    words: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", one_line(self.words, LONGEST_WORDS))


class CannotBuild(ValueError):
    """An order that cannot be put in the device's words, and why: a password that is missing."""


class Controls(Protocol):
    """Tells the devices of one driver what to do."""

    name: str

    def offers(self, about: About) -> Offers:
        """Return what such a device offers. Pure."""
        ...

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with what the device says of the orders that it takes. Changes nothing on it.

        Raises Unreachable or Misread.
        """
        ...

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[Any]:
        """Return the requests that `order` is, to be sent one after another. Pure. Raises CannotBuild."""
        ...

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        """Send one request, once, and return what came back.

        Raises Unreachable only where nothing was sent; what was sent and not answered is an Answer that knows nothing.
        """
        ...


class NothingOffered:
    """The controls of a driver whose devices take no orders from here, and why."""

    def __init__(self, name: str, note: str) -> None:
        self.name = name
        self.note = note

    def offers(self, about: About) -> Offers:
        return Offers(note=self.note)

    def ask(self, address: Address, about: About, deadline: float) -> About:
        return about

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[Any]:
        raise CannotBuild(self.note)

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        raise NotImplementedError(f"{self.name} offers no order, so none is built")


controls: Registry[Controls] = Registry("driver's controls", "miners.drivers")


def refusal(order: Order, offers: Offers, name: str) -> str:
    """Return why a device called `name` that offers this must not be sent `order`; "" where it may. Pure."""
    if order.kind not in offers.kinds:
        others = ", ".join(kind for kind in Kind if kind in offers.kinds) or "nothing"
        return f"{name} does not offer {order.kind}; it offers {others}" + _because(offers.note)
    if order.kind is Kind.MODE and mode_number(order, offers) is None:
        modes = ", ".join(f"{number} ({word})" for number, word in enumerate(offers.modes))
        return f"{name} has no mode {order.arguments['mode']!r}; it has {modes}"
    if order.kind is Kind.FREQUENCY:
        settings = (("frequency_mhz", "MHz"), ("core_voltage_mv", "mV"))
        return next(filter(None, (_outside(order, offers, key, unit, name) for key, unit in settings)), "")
    return _outside(order, offers, "power_w", "W", name)


def mode_number(order: Order, offers: Offers) -> int | None:
    """Return the number of the mode that an order names, by its word or its number; None where there is none."""
    wanted = str(order.arguments.get("mode", "")).strip().lower()
    if wanted in offers.modes:
        return offers.modes.index(wanted)
    is_number = wanted.isascii() and wanted.isdigit() and int(wanted[:3]) < len(offers.modes)
    return int(wanted) if is_number and len(wanted) <= 3 else None


def _outside(order: Order, offers: Offers, key: str, unit: str, name: str) -> str:
    value = order.arguments.get(key)
    allowed: Range | None = getattr(offers, key)
    if value is None:
        return ""
    if allowed is None:
        return f"the safe range of {name} is not known: set it in the admin, under Miner models"
    if allowed.holds(value):
        return ""
    return f"{value} {unit} is outside {allowed.least} to {allowed.most} {unit}, the safe range of {name} ({allowed.source})"


def _because(note: str) -> str:
    return f" ({note})" if note else ""
