"""The prices and the coins' history of a window: those that each reader by itself would find."""

from datetime import timedelta

import pytest

from energy.prices import prices_between
from hmm.installation import installation
from metrics.engine.belonging import Span
from metrics.engine.segments import NO_TARIFF
from metrics.engine.slots import SlotWindow
from metrics.engine.valued import read_valued
from pools.coin_history import DIFFICULTY_LASTS, PRICE_LASTS, read_history
from pools.models import CoinPrice, NetworkState
from tests.factories import PriceSlotFactory, TariffFactory
from tests.metrics.store_helpers import at

pytestmark = pytest.mark.django_db

START, END = at("2025-06-02T12:00"), at("2025-06-02T14:00")
SECOND = timedelta(seconds=1)


def window(*tariffs):
    spans = [Span(n, 1, tariff, 0, 2**40) for n, tariff in enumerate(tariffs)]
    return SlotWindow(START, END, 1800, [0], spans)


def priced(tariff, hours, pence=20.0, *, long_h=1.0):
    start = START + timedelta(hours=hours)
    PriceSlotFactory(tariff=tariff, start=start, end=start + timedelta(hours=long_h), pence_per_kwh=pence)


def test_each_tariffs_prices_that_overlap_are_read_in_one_query(django_assert_num_queries):
    agile, flat, elsewhere = TariffFactory(), TariffFactory(), TariffFactory()
    for hours in (-2, -1, 0, 1, 2):
        priced(agile, hours, 10.1 + hours)
    priced(flat, -30, -1e-300, long_h=72)
    priced(elsewhere, 0)
    installation()  # known to every process
    with django_assert_num_queries(1):
        valued = read_valued(window(agile.pk, flat.pk, NO_TARIFF, agile.pk))
    assert set(valued.prices) == {agile.pk, flat.pk}
    for tariff in (agile, flat, elsewhere):
        wanted = prices_between(tariff.pk, START, END) if tariff is not elsewhere else []
        assert valued.prices_between(tariff.pk, START, END) == wanted
    assert [p.pence_per_kwh for p in valued.prices_between(agile.pk, START, START + SECOND)] == [10.1]


def test_a_price_that_ended_before_is_none():
    tariff = TariffFactory()
    priced(tariff, -3)
    assert read_valued(window(tariff.pk)).prices_between(tariff.pk, START, END) == []


def test_the_coins_history_is_that_which_pools_would_read():
    for since in (START - DIFFICULTY_LASTS, START - DIFFICULTY_LASTS + SECOND, START, END - SECOND, END):
        NetworkState.objects.create(
            coin="BTC", timestamp=since, height=900_000, difficulty=1e14 / 3, subsidy=3.125
        )
    for since in (START - PRICE_LASTS, START - PRICE_LASTS + SECOND, END - SECOND, END):
        for coin, currency in (("BTC", "GBP"), ("BTC", "EUR"), ("BCH", "GBP")):
            CoinPrice.objects.create(coin=coin, currency=currency, timestamp=since, price=0.1, source="test")
    found = read_valued(window()).coins
    assert found == read_history(START, END)
    assert (len(found.network), len(found.prices)) == (3, 2)
