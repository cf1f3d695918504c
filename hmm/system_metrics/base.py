"""What a statistic is, and the register of all there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from hmm.lib.registry import Registry

Combine = Literal["sum", "max"]


@dataclass(frozen=True)
class Statistic:
    """A figure that a service writes: its name, which carries the unit, and what it means.

    `combine` says how the rows of several processes, or of several tags, make one figure.
    """

    name: str
    unit: str
    service: str
    help: str
    combine: Combine = "sum"


@dataclass(frozen=True)
class Sample:
    """A value of a statistic."""

    statistic: Statistic
    value: float
    tags: Mapping[str, str | int] = field(default_factory=dict)


class Instrument(Protocol):
    """Something in a process that gathers values between two writings."""

    statistics: tuple[Statistic, ...]

    def drain(self, window_s: float) -> Sequence[Sample]:
        """Return what was gathered in the last `window_s` seconds, and begin anew."""


instruments: Registry[Instrument] = Registry("instrument", "hmm.system_metrics.statistics")
"""What processes measure of themselves."""


def instruments_of(service: str) -> list[Instrument]:
    """Return the instruments of `service`."""
    return [each for each in instruments if each.statistics[0].service == service]
