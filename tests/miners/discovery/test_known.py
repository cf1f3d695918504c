from dataclasses import dataclass

import pytest

from miners.discovery.known import Standing, verdict
from miners.discovery.scan import Found
from miners.drivers import Address, Reading


@dataclass
class Miner:
    name: str
    host: str
    port: int | None
    identity: str


GARAGE = Miner("garage", "10.0.0.5", None, "02:00:5E:10:00:01")
SHED = Miner("shed", "10.0.0.6", 8080, "")


def found(host, port=None, identity=None):
    return Found(Address(host, port), Reading(driver="axeos", hashrate_ghs=1.0, identity=identity))


@pytest.mark.parametrize(
    ("seen", "standing", "words"),
    [
        (found("10.0.0.9"), Standing.NEW, ""),
        (found("10.0.0.9", identity="02:00:5E:10:00:77"), Standing.NEW, ""),
        (found("10.0.0.5", identity="02:00:5E:10:00:01"), Standing.KNOWN, "is garage"),
        (found("10.0.0.5", 80, "02:00:5E:10:00:01"), Standing.KNOWN, "is garage"),
        (found("10.0.0.5"), Standing.KNOWN, "is garage"),
        (found("10.0.0.6", 8080, "02:00:5E:10:00:88"), Standing.KNOWN, "is shed"),
        (found("10.0.0.6", 80), Standing.NEW, ""),
        (
            found("10.0.0.9", identity="02:00:5E:10:00:01"),
            Standing.MOVED,
            "is garage, which was at 10.0.0.5",
        ),
        (
            found("10.0.0.6", 8080, "02:00:5E:10:00:01"),
            Standing.MOVED,
            "is garage, which was at 10.0.0.5",
        ),
        (
            found("10.0.0.5", identity="02:00:5E:10:00:77"),
            Standing.STRANGER,
            "is 02:00:5E:10:00:77, but garage here is 02:00:5E:10:00:01",
        ),
    ],
)
def test_a_find_is_judged_by_identity_and_then_by_address(seen, standing, words):
    judged = verdict(seen, [GARAGE, SHED])
    assert (judged.standing, judged.words) == (standing, words)
