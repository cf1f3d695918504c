"""What makes of miner do by their makers' figures: the reference values of a model that a device names itself.

Hashrate and power are those at the stock clock: of a Bitaxe or NerdQAxe clock × cores × chips, as its firmware itself says what it
expects, of others what their maker's page says. The temperature above which a miner is called hot is
where its firmware throttles or stops (`THROTTLE_TEMP` of ESP-Miner), else somewhat above its fan's target. Whoever runs
theirs otherwise changes the model in the admin: a model that is there is left as it is.
"""

import re
from dataclasses import dataclass
from typing import Any

from miners.models import MinerModel

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class DataSheet:
    """A make: `pattern` fits the names its devices give themselves, from their beginning, in either case."""

    pattern: str
    manufacturer: str
    hashrate_ghs: float
    power_w: float
    limit_c: float

    @property
    def references(self) -> dict[str, Any]:
        """The fields of a MinerModel that it fills."""
        return {
            "manufacturer": self.manufacturer,
            "reference_hashrate_ghs": self.hashrate_ghs,
            "reference_power_w": self.power_w,
            "max_temperature_c": self.limit_c,
        }


# The first that fits. A make that shares its name with another and whose figures differ ends it: `(?! duo)`.
SHEETS = (
    DataSheet(r"nerdqaxe\+\+", "NerdMiner", 4_800.0, 76.0, 70.0),
    DataSheet(r"nerdqaxe\+", "NerdMiner", 2_500.0, 55.0, 70.0),
    DataSheet(r"(bitaxe )?gamma(?! ?(duo|turbo))", "Bitaxe", 1_070.0, 17.0, 75.0),
    DataSheet(r"(bitaxe )?(gamma ?turbo|gt\b)", "Bitaxe", 2_140.0, 40.0, 75.0),
    DataSheet(r"(bitaxe )?supra(?! ?hex)", "Bitaxe", 625.0, 13.0, 75.0),
    DataSheet(r"(bitaxe )?ultra(?! ?hex)", "Bitaxe", 434.0, 12.0, 75.0),
    DataSheet(r"avalon nano 3s", "Canaan", 6_000.0, 140.0, 95.0),
    DataSheet(r"avalon nano 3\b", "Canaan", 4_000.0, 140.0, 95.0),
    DataSheet(r"avalon mini 3", "Canaan", 37_500.0, 800.0, 85.0),
    DataSheet(r"avalon q\b", "Canaan", 90_000.0, 1_674.0, 85.0),
    DataSheet(r"avalon ?(miner )?a?1366\b", "Canaan", 130_000.0, 3_250.0, 85.0),
    DataSheet(r"antminer s19j pro(?!\+)", "Bitmain", 104_000.0, 3_068.0, 85.0),
    DataSheet(r"antminer s19 xp(?! hyd)", "Bitmain", 141_000.0, 3_010.0, 85.0),
    DataSheet(r"antminer s21(?! ?(pro|xp|hyd|\+))", "Bitmain", 200_000.0, 3_500.0, 85.0),
    DataSheet(r"whatsminer m50s(?!\+)", "MicroBT", 126_000.0, 3_276.0, 85.0),
)


def sheet_of(name: str) -> DataSheet | None:
    """Return the data sheet of a model by the name that its devices give it; None where it is not known."""
    return next((sheet for sheet in SHEETS if re.match(sheet.pattern, name.strip(), re.IGNORECASE)), None)


def known_sheet(name: str) -> DataSheet:
    """Return the data sheet of a model that has one. Raises KeyError for another."""
    sheet = sheet_of(name)
    if sheet is None:
        raise KeyError(name)
    return sheet


def model_named(name: str, driver: str) -> MinerModel:
    """Return the model of that name, made with what its data sheet says where nobody has made it yet."""
    sheet = sheet_of(name)
    known = sheet.references if sheet else {}
    model, _ = MinerModel.objects.get_or_create(
        name=name[:LONGEST_NAME], defaults={"driver": driver, **known}
    )
    return model
