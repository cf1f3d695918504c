"""Looks again at known miners, and has those read by a better driver that one is there for now.

As after `make setup-farm`: what was found as a generic cgminer is then read by its firmware's own driver.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import transaction

from miners.discovery.scan import AT_ONCE, READ_S
from miners.drivers import Address, DriverError, Reading, detect, drivers
from miners.identity import LONGEST, names_of, stranger
from miners.models import LatestReading, Miner
from miners.telemetry.latest import hold_latest_readings

MOST = 200
"""So many miners are looked at while somebody waits: some seconds."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at a miner again has told: the driver it is read by from now on, empty where that stays, and why."""

    miner: Miner
    driver: str
    words: str


def look_again(miners: Sequence[Miner]) -> list[Looked]:
    """Ask these miners in every protocol, side by side, and store the better drivers that are found."""
    if not miners:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(miners))) as threads:
        told = list(threads.map(_ask, miners))
    return [learn(miner, reading) for miner, reading in zip(miners, told, strict=True)]


def learn(miner: Miner, told: Reading | str) -> Looked:
    """Have the miner read by the driver of this reading where that is a better one, and it is this miner.

    One that is known by its address alone is whoever answers there, unless that is another miner of the house; from then on
    it is known by what it says of itself. What is stored of its counters is forgotten: another driver may count them otherwise.
    """
    if isinstance(told, str):
        return Looked(miner, "", told)
    if reason := why_not(miner, told):
        return Looked(miner, "", reason)
    if other := _other_known(miner, told):
        return Looked(
            miner, "", f"stays with {miner.driver}: {other.name} answers there, which is {other.identity}"
        )
    before = miner.driver
    if not _stored(miner, told):
        return Looked(miner, "", "was changed by somebody else meanwhile")
    return Looked(miner, told.driver, f"is read by {told.driver} from now on, not by {before}")


def why_not(miner: Miner, reading: Reading) -> str:
    """Return why the miner is not to be read by the driver of this reading, empty where it is. Pure."""
    if not is_better(reading.driver, miner.driver):
        return f"stays with {miner.driver or 'no driver'}: {reading.driver} is no better one"
    if other := stranger(miner.identity, reading):
        return f"stays with {miner.driver}: another device answers: {other}, not {miner.identity}"
    if miner.identity and miner.identity not in names_of(reading):
        return f"stays with {miner.driver}: by {reading.driver} it does not say that it is {miner.identity}"
    return ""


def is_better(found: str, known: str) -> bool:
    """Return whether the driver `found` reads more particularly than the `known` one. Pure."""
    return (
        known in drivers and drivers[known].is_generic and found in drivers and not drivers[found].is_generic
    )


def _ask(miner: Miner) -> Reading | str:
    try:
        return detect(Address(miner.host, miner.port), READ_S, listen=False)
    except DriverError as error:
        return error.reason


def _other_known(miner: Miner, reading: Reading) -> Miner | None:
    return Miner.objects.filter(identity__in=names_of(reading), retired_at=None).exclude(pk=miner.pk).first()


def _stored(miner: Miner, reading: Reading) -> bool:
    """Store the driver and, where none is known, the identity, unless the miner is no longer what was asked."""
    as_asked = {name: getattr(miner, name) for name in ("pk", "host", "port", "driver", "identity")}
    identity = miner.identity or (reading.identity or "")[:LONGEST]
    with transaction.atomic():
        hold_latest_readings([miner.pk])
        if not Miner.objects.filter(**as_asked).update(driver=reading.driver, identity=identity):
            return False
        LatestReading.objects.filter(pk=miner.pk).update(accepted_counter=None, rejected_counter=None)
    miner.driver, miner.identity = reading.driver, identity
    return True
