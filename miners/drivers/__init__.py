"""How miners are read: one module for each protocol, found by name in the registry `drivers`."""

from miners.drivers.base import Address, Driver, DriverError, Misread, Reading, Unreachable, drivers
from miners.drivers.detection import detect

__all__ = ["Address", "Driver", "DriverError", "Misread", "Reading", "Unreachable", "detect", "drivers"]
