"""Asks one device. What comes back is an outcome, never an exception."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hmm.system_metrics.statistics import collector as statistics
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.identity import stranger

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A miner to poll: where it is, and what is known of it."""

    miner_id: int
    name: str
    host: str
    port: int | None
    driver: str
    identity: str
    interval_s: int
    site_id: int = 0

    @property
    def address(self) -> Address:
        return Address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll of `target` that ended at `at` gave: a reading, or the reason that there is none."""

    target: Target
    at: datetime
    result: Reading | str

    @property
    def is_reading(self) -> bool:
        return isinstance(self.result, Reading)


def poll(target: Target, timeout_s: float, now: Callable[[], datetime]) -> Outcome:
    """Read `target` once, within `timeout_s` seconds. Without a driver every protocol is tried."""
    started_s = time.perf_counter()
    outcome = _outcome(target, timeout_s, now)
    statistics.poll_duration_ms.observe((time.perf_counter() - started_s) * 1000)
    (statistics.polls_ok if outcome.is_reading else statistics.polls_failed).add()
    return outcome


def _outcome(target: Target, timeout_s: float, now: Callable[[], datetime]) -> Outcome:
    try:
        reading = _read(target, timeout_s)
        return Outcome(target, now(), wrong_device(target, reading) or reading)
    except DriverError as error:
        return Outcome(target, now(), error.reason)
    except Exception as error:  # a fault in one driver must not end the polling of the others
        log.exception("the driver %s failed on %s", target.driver or "detection", target.name)
        return Outcome(target, now(), f"the driver failed: {type(error).__name__}: {error}")


def wrong_device(target: Target, reading: Reading) -> str | None:
    """Return that another device answers at the address of `target`, or None when it is the one."""
    if found := stranger(target.identity, reading):
        return f"another device answers: {found}, not {target.identity}"
    return None


def _read(target: Target, timeout_s: float) -> Reading:
    if not target.driver:
        return detect(target.address, timeout_s)
    if target.driver not in drivers:
        known = ", ".join(drivers.names())
        raise DriverError(f"no driver is called {target.driver!r}; there are: {known}")
    return drivers[target.driver].read(target.address, time.monotonic() + timeout_s)
