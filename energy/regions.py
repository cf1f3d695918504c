"""Octopus's regions: the distribution areas of Great Britain, and which one a postcode is in."""

import re
from dataclasses import replace
from typing import Any

from django.conf import settings

from energy.providers.octopus_agile import OCTOPUS, REGIONS
from hmm.door import ask
from hmm.lib.http import BadAnswer, HttpError, Reply

NAMES = {
    "A": "Eastern England",
    "B": "East Midlands",
    "C": "London",
    "D": "Merseyside and North Wales",
    "E": "West Midlands",
    "F": "North East England",
    "G": "North West England",
    "H": "Southern England",
    "J": "South East England",
    "K": "South Wales",
    "L": "South West England",
    "M": "Yorkshire",
    "N": "Southern Scotland",
    "P": "Northern Scotland",
}
"""Each region's letter, and the area it stands for."""

POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
LOOKUP = replace(OCTOPUS, timeout_s=8.0, tries=2)
LOOKUP_LIMIT_S = 12.0
"""Somebody waits for it."""


class RegionUnknown(Exception):
    """No region could be had for a postcode; `str` says why, for people."""


def checked_postcode(text: str) -> str:
    """Return a full British postcode as it is written: "SW1A 1AA". Raises RegionUnknown."""
    found = POSTCODE.fullmatch(re.sub(r"\s+", "", text).upper())
    if not found:
        raise RegionUnknown(f"{text.strip()[:20]!r} is not a full British postcode such as SW1A 1AA")
    return f"{found[1]} {found[2]}"


def region_of(postcode: str, base_url: str | None = None) -> str:
    """Return the letter of the region that a postcode is in, by Octopus's list of grid supply points.

    Asks the service and keeps nothing of the answer. Raises RegionUnknown.
    """
    wanted = checked_postcode(postcode)
    url = f"{(base_url or settings.OCTOPUS_BASE_URL).rstrip('/')}/v1/industry/grid-supply-points/"
    try:
        found: list[str] = ask(
            LOOKUP, url, _groups, params={"postcode": wanted}, within_s=LOOKUP_LIMIT_S, use_cache=False
        ).value
    except HttpError as error:
        raise RegionUnknown(f"Octopus could not be asked for the region: {error.reason}") from error
    if len(found) != 1:
        raise RegionUnknown(f"Octopus knows no region for {wanted}")
    return found[0]


def _groups(reply: Reply) -> list[str]:
    told: Any = reply.json()
    try:
        groups = sorted({str(row["group_id"]).removeprefix("_") for row in told["results"]})
    except (KeyError, TypeError):
        raise BadAnswer("its answer is no list of grid supply points", 200) from None
    if any(len(group) != 1 or group not in REGIONS for group in groups):
        raise BadAnswer(f"it names a region that there is not: {groups[0][:20]!r}", 200)
    return groups
