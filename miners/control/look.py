"""What a miner offers: as it says now, or as far as is known without asking it."""

import time

from miners.control.prepare import NotSent, about_device, about_reading, controls_of, read_own
from miners.drivers import DriverError
from miners.drivers.orders import Offers
from miners.models import LatestReading, Miner


def offers_now(miner: Miner, timeout_s: float) -> Offers:
    """Read the miner and return what it offers. Raises NotSent where it is not there, or another is."""
    try:
        address, reading = read_own(miner, timeout_s)
        its_controls = controls_of(reading.driver)
        about = about_reading(reading, miner.model)
        return its_controls.offers(its_controls.ask(address, about, time.monotonic() + timeout_s))
    except DriverError as error:
        raise NotSent(error.reason) from error


def offers_known(miner: Miner, latest: LatestReading | None) -> Offers:
    """Return what the miner offers by its model and by the firmware of its latest reading; asks nobody.

    A little less, or more, than the device itself says when an order is sent, which counts then.
    """
    model = miner.model.name if miner.model else ""
    firmware, mode = (latest.firmware, latest.mode) if latest else ("", "")
    return controls_of(miner.driver).offers(about_device(miner.model, model, firmware, mode))
