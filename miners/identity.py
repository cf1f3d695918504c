"""By which names a device is known, and whether one that answers is another. Pure."""

from miners.collector.figures import text
from miners.drivers.base import Reading
from miners.drivers.figures import mac_address

LONGEST = 64


def names_of(reading: Reading) -> tuple[str, ...]:
    """Return the names that a device tells of itself, as they are stored: its MAC or serial, and a serial beside it."""
    told = (text(name, LONGEST) for name in (reading.identity, reading.serial))
    return tuple(name for name in told if name)


def stranger(known: str, reading: Reading) -> str:
    """Return the name by which a device is seen to be another than the `known` one, empty where nothing says so.

    A serial alone says nothing of a device that is known by its MAC: that may be missing from one reply.
    """
    names = names_of(reading)
    if not known or not names or known in names:
        return ""
    return "" if reading.identity is None and mac_address(known) else names[0]
