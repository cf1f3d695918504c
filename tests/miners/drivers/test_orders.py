"""What may be ordered of which device, and what is refused before anything is sent."""

from datetime import UTC, datetime

import pytest

from miners.drivers import drivers
from miners.drivers.orders import (
    LONGEST_WORDS,
    About,
    Answer,
    CannotBuild,
    Kind,
    NothingOffered,
    Offers,
    Order,
    Range,
    controls,
    mode_number,
    refusal,
)

EVERYTHING = Offers(
    frozenset(Kind),
    modes=("eco", "standard", "super"),
    frequency_mhz=Range(400, 625, "a table"),
    core_voltage_mv=Range(1000, 1250, "a table"),
)


def test_every_driver_says_what_it_offers() -> None:
    assert controls.names() == drivers.names()
    for each in controls:
        offers = each.offers(About())
        assert offers.kinds or offers.note


@pytest.mark.parametrize("name", ["nmminer"])
def test_a_driver_that_offers_nothing_says_why(name: str) -> None:
    offers = controls[name].offers(About(model="whatever"))
    assert not offers.kinds
    assert refusal(Order(Kind.RESTART), offers, "it").startswith(
        "it does not offer restart; it offers nothing ("
    )


def test_nothing_offered_builds_nothing() -> None:
    with pytest.raises(CannotBuild, match="broadcasts"):
        NothingOffered("x", "it broadcasts").steps(Order(Kind.RESTART), About(), datetime.now(UTC))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"frequency_mhz": 400, "core_voltage_mv": 1000}, ""),
        ({"frequency_mhz": 625, "core_voltage_mv": 1250}, ""),
        ({"frequency_mhz": 399}, "399 MHz is outside 400 to 625 MHz, the safe range of it (a table)"),
        ({"frequency_mhz": 626}, "626 MHz is outside"),
        ({"frequency_mhz": 500, "core_voltage_mv": 1251}, "1251 mV is outside 1000 to 1250 mV"),
    ],
)
def test_settings_stay_within_the_safe_range(arguments: dict[str, int], says: str) -> None:
    found = refusal(Order(Kind.FREQUENCY, arguments), EVERYTHING, "it")
    assert found.startswith(says)
    assert bool(found) == bool(says)


def test_without_a_known_range_no_setting_is_safe() -> None:
    offers = Offers(frozenset({Kind.FREQUENCY}), frequency_mhz=Range(400, 600, "x"))
    assert "is not known" in refusal(Order(Kind.FREQUENCY, {"core_voltage_mv": 1100}), offers, "it")


@pytest.mark.parametrize(
    ("mode", "number"),
    [
        ("eco", 0),
        ("super", 2),
        ("0", 0),
        ("2", 2),
        ("3", None),
        ("-1", None),
        ("turbo", None),
        ("", None),
        ("²", None),
    ],
)
def test_a_mode_is_named_by_its_word_or_its_number(mode: str, number: int | None) -> None:
    order = Order(Kind.MODE, {"mode": mode})
    assert mode_number(order, EVERYTHING) == number
    assert bool(refusal(order, EVERYTHING, "it")) == (number is None)


def test_an_order_shows_no_password() -> None:
    order = Order(Kind.POOL, {"url": "u"}, {"device": "hunter2"})
    assert "hunter2" not in repr(order)
    assert order.masked().secrets == {"device": "•••"}


def test_the_words_of_a_device_are_one_bounded_line() -> None:
    words = Answer(True, "a\nb\x00" + "x" * 5000).words
    assert words.startswith("a b x")
    assert len(words) == LONGEST_WORDS
