"""Which protocol a miner speaks: all are tried at once, each within the same time limit."""

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, as_completed
from functools import partial
from itertools import groupby

from miners.drivers.base import Address, Driver, DriverError, Misread, Reading, Unreachable, drivers

log = logging.getLogger(__name__)

Failure = tuple[str, DriverError]
Attempt = Reading | list[Failure]


def detect(address: Address, timeout_s: float, *, listen: bool = True) -> Reading:
    """Return what the miner at `address` says in whichever protocol it speaks, within `timeout_s`.

    Without a port each protocol is tried on its own. The first reading counts; a generic driver is only
    asked where a particular one of the same port finds another device. Miners that only broadcast are
    waited for to the end, unless `listen` is false, or something else answers on the port given. Raises
    Misread when something answered, else Unreachable, with the reason of each protocol.
    """
    deadline = time.monotonic() + timeout_s
    asked = [
        _in_thread(partial(_try_in_turn, group, address, deadline))
        for group in _groups(address, is_passive=False)
    ]
    heard = [
        _in_thread(partial(_try_in_turn, group, address, deadline))
        for group in (_groups(address, is_passive=True) if listen else [])
    ]
    failures: list[Failure] = []
    unseen = set(asked)
    for attempt in as_completed([*asked, *heard]):
        unseen.discard(attempt)
        outcome = attempt.result()
        if isinstance(outcome, Reading):
            return outcome
        failures += (
            outcome if attempt in asked or any(isinstance(error, Misread) for _, error in outcome) else []
        )
        # Seen and not merely done: one that has just ended may hold the reading.
        if address.port and not unseen and _is_answered(failures):
            break
    raise _failure(failures)


def _is_answered(failures: list[Failure]) -> bool:
    return any(isinstance(error, Misread) for _, error in failures)


def _groups(address: Address, *, is_passive: bool) -> list[list[Driver]]:
    chosen = [driver for driver in drivers if driver.is_passive == is_passive and _is_tried(driver, address)]
    ranked = sorted(chosen, key=lambda driver: (driver.default_port, driver.is_generic, driver.name))
    return [list(group) for _, group in groupby(ranked, key=lambda driver: driver.default_port)]


def _is_tried(driver: Driver, address: Address) -> bool:
    return driver.is_detected and not (driver.has_fixed_ports and address.port)


def _try_in_turn(group: list[Driver], address: Address, deadline: float) -> Reading | list[Failure]:
    failures: list[Failure] = []
    dark: Unreachable | None = None
    for driver in group:
        # One with ports of its own asks more than this one: neither speaks for the other.
        if dark and not driver.has_fixed_ports:
            failures.append((driver.name, dark))
            continue
        try:
            return driver.read(address, deadline)
        except Misread as error:
            failures.append((driver.name, error))
        except Unreachable as error:
            failures.append((driver.name, error))
            dark = dark if driver.has_fixed_ports else error
        except Exception as error:  # a fault in one driver must not hide what the others read
            log.exception("the driver %s failed on %s", driver.name, address)
            failed = Misread(f"the driver failed: {type(error).__name__}: {error}")
            failures.append((driver.name, failed))
    return failures


def _in_thread(work: Callable[[], Attempt]) -> "Future[Attempt]":
    # A daemon, unlike the threads of an executor: who has a reading does not wait for the others.
    future: Future[Attempt] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _failure(failures: list[Failure]) -> DriverError:
    found: dict[str, tuple[str, list[str]]] = {}
    # What answered, if wrongly, tells more than what was silent.
    for name, error in sorted(
        failures, key=lambda failure: (isinstance(failure[1], Unreachable), failure[0])
    ):
        # One thread begins a little after the other: silent for 4.9 s is no other reason than for 5 s.
        kind = re.sub(r"[\d.]+ s$", "", error.reason)
        reason, names = found.get(kind, (error.reason, []))
        found[kind] = max(reason, error.reason), [*names, name]
    told = [f"{' and '.join(names)}: {reason}" for reason, names in found.values()]
    reason = next(iter(found.values()))[0] if len(told) == 1 else "; ".join(told)
    is_misread = any(isinstance(error, Misread) for _, error in failures)
    return Misread(reason) if is_misread else Unreachable(reason)
