"""Gets an order ready: reads the device, and turns the order into its words, or says why it must not be sent.

Nothing here changes anything on a device.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from miners.collector.poll import Target, wrong_device
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.drivers.base import Misread
from miners.drivers.orders import (
    About,
    CannotBuild,
    Controls,
    Kind,
    NothingOffered,
    Offers,
    Order,
    Range,
    controls,
    mode_number,
    refusal,
)
from miners.identity import names_of
from miners.models import CommandStatus, Miner, MinerModel


@dataclass(frozen=True)
class Prepared:
    """An order that may be sent: its requests, as they are and as they are shown, and what readings must say."""

    controls: Controls
    address: Address
    steps: Sequence[Any]
    shown: Sequence[str]
    expected: dict[str, Any]


class NotSent(Exception):
    """Why nothing was sent, and whether the order was refused (else the device was not there)."""

    def __init__(self, reason: str, status: CommandStatus = CommandStatus.REFUSED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def prepare(miner: Miner, order: Order, timeout_s: float, at: datetime) -> Prepared:
    """Read the device and return what to send it. Raises NotSent; changes nothing on the device."""
    try:
        address, reading = read_own(miner, timeout_s)
        its_controls = controls_of(reading.driver)
        about = its_controls.ask(address, about_reading(reading, miner.model), time.monotonic() + timeout_s)
    except DriverError as error:
        raise NotSent(error.reason, CommandStatus.FAILED) from error
    offers = its_controls.offers(about)
    if reason := refusal(order, offers, about.model or miner.name):
        raise NotSent(reason)
    try:
        steps = its_controls.steps(order, about, at)
        shown = [str(step) for step in its_controls.steps(order.masked(), about, at)]
    except CannotBuild as error:
        raise NotSent(str(error)) from error
    return Prepared(its_controls, address, steps, shown, expected(order, offers, reading))


def read_own(miner: Miner, timeout_s: float) -> tuple[Address, Reading]:
    """Return the miner's address and what it says now.

    Raises DriverError, and NotSent where another device answers, or one that does not say who it is.
    """
    address = Address(miner.host, miner.port)
    reading = _read(miner, address, timeout_s)
    _refuse_strangers(miner, reading)
    return address, reading


def controls_of(driver: str) -> Controls:
    """Return the controls of a driver; ones that offer nothing where it has none."""
    if driver in controls:
        return controls[driver]
    return NothingOffered(driver, f"the driver {driver or 'of this miner'} has no orders")


def about_reading(reading: Reading, model: MinerModel | None) -> About:
    """Return what a reading tells of a device that is to be ordered. Pure."""
    return about_device(model, reading.model or "", reading.firmware or "", reading.mode or "")


def about_device(model: MinerModel | None, name: str, firmware: str, mode: str) -> About:
    """Return what is known of a device that is to be ordered, with the ranges that are set for its model. Pure."""
    if model is None:
        return About(name, firmware, mode)
    frequency = _range(model, model.min_frequency_mhz, model.max_frequency_mhz)
    voltage = _range(model, model.min_core_voltage_mv, model.max_core_voltage_mv)
    return About(name, firmware, mode, frequency_mhz=frequency, core_voltage_mv=voltage)


def _range(model: MinerModel, least: int | None, most: int | None) -> Range | None:
    return None if least is None or most is None else Range(least, most, f"set for {model.name}")


def expected(order: Order, offers: Offers, reading: Reading) -> dict[str, Any]:
    """Return what readings must say once the order has been done; empty for what no reading tells. Pure."""
    if order.kind is Kind.MODE:
        number = mode_number(order, offers)
        return {} if number is None else {"mode": offers.modes[number]}
    if order.kind is Kind.FREQUENCY:
        restart = {"restarted": True} if offers.restarts_to_set else {}
        return dict(order.arguments) | _expected_hashrate(order, reading) | restart
    if order.kind is Kind.POWER:
        return dict(order.arguments)
    if order.kind is Kind.POOL and order.arguments["slot"] == "primary":
        return {"pool_url": order.arguments["url"], "in_use": offers.tells_pool_in_use}
    return {}


def _expected_hashrate(order: Order, reading: Reading) -> dict[str, float]:
    """Return the hashrate that goes with the clock that is ordered, where the present one tells it."""
    wanted_mhz, now_mhz, now_ghs = (
        order.arguments.get("frequency_mhz"),
        reading.frequency_mhz,
        reading.hashrate_ghs,
    )
    if not (wanted_mhz and now_mhz and now_ghs):
        return {}
    return {"hashrate_ghs": now_ghs * wanted_mhz / now_mhz, "hashrate_before_ghs": now_ghs}


def _read(miner: Miner, address: Address, timeout_s: float) -> Reading:
    if not miner.driver:
        return detect(address, timeout_s, listen=False)
    if miner.driver not in drivers:
        raise Misread(f"no driver is called {miner.driver!r}; there are: {', '.join(drivers.names())}")
    return drivers[miner.driver].read(address, time.monotonic() + timeout_s)


def _refuse_strangers(miner: Miner, reading: Reading) -> None:
    target = Target(miner.pk, miner.name, miner.host, miner.port, miner.driver, miner.identity, 0)
    if reason := wrong_device(target, reading):
        raise NotSent(reason)
    if miner.identity and miner.identity not in names_of(reading):
        raise NotSent(f"the device does not say who it is, and {miner.name} is {miner.identity}")
