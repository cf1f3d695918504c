"""What the database says of the fleet is what the pure functions say."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from metrics.dashboard.miner_table import in_order, natural_key
from metrics.query.conditions import Condition, condition_of, is_known
from metrics.query.fleet import fleet_of, main_site, miners_now
from metrics.query.fleet_sql import SORTS, Asked, fleet_now, main_site_now, some_miners
from miners.models import LatestReading, Miner, MinerModel, MinerState, Site
from tests.metrics.store_helpers import rolled_back

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ALL = Asked(limit=1000)

figures = st.none() | st.sampled_from([0.0, 1.5, 1200.0, 110_000.0])
told = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-cA-C](-?[0-9]{1,3}){0,2}", fullmatch=True),
        "site": st.integers(0, 2),
        "host": st.sampled_from(["", "192.0.2.1"]),
        "enabled": st.booleans(),
        "retired": st.sampled_from([False, False, False, True]),
        "state": st.sampled_from(MinerState.values),
        "since_s": st.none() | st.integers(0, 90_000),
        "age_s": st.none() | st.sampled_from([-5, 0, 74, 75, 76, 89, 90, 91, 750, 751]),
        "hashrate_ghs": figures,
        "power_w": figures,
        "temperature_c": figures,
    }
)
fleets = st.lists(told, max_size=12, unique_by=lambda miner: miner["name"].lower())


def ago(seconds: int | None) -> datetime | None:
    return None if seconds is None else NOW - timedelta(seconds=seconds)


def make(fleet: list[dict]) -> None:
    sites = [Site.objects.create(name=f"site {n}", poll_interval_s=s) for n, s in enumerate([5, 30, 300])]
    model = MinerModel.objects.create(name="a model 100%", max_temperature_c=70)
    for said in fleet:
        miner = Miner.objects.create(
            name=said["name"],
            site=sites[said["site"]],
            model=model if said["site"] else None,
            host=said["host"],
            enabled=said["enabled"],
            retired_at=NOW if said["retired"] else None,
            state=said["state"],
            state_reason="no_answer" if said["state"] == "unreachable" else "",
            state_since=ago(said["since_s"]),
        )
        reading = {name: said[name] for name in ("hashrate_ghs", "power_w", "temperature_c")}
        LatestReading.objects.update_or_create(
            miner=miner, defaults=reading | {"timestamp": ago(said["age_s"])}
        )


@given(fleet=fleets)
def test_the_fleet_is_what_its_miners_are(fleet):
    with rolled_back():
        make(fleet)
        miners, found = miners_now(), fleet_now(NOW)
        expected = fleet_of(miners, NOW)
        assert (found.counts, found.since) == (expected.counts, expected.since)
        assert asdict(found.totals) == pytest.approx(asdict(expected.totals))
        assert main_site_now() == main_site(miners)


@given(fleet=fleets, asked=st.data())
def test_pages_hold_the_miners_in_order(fleet, asked):
    with rolled_back():
        make(fleet)
        ordered = in_order(miners_now(), NOW)
        assert some_miners(ALL, NOW) == (ordered, len(ordered))
        limit = asked.draw(st.integers(1, 5))
        offset = asked.draw(st.integers(0, 15))
        found = some_miners(Asked(limit=limit, offset=offset), NOW)
        assert found == (ordered[offset : offset + limit], len(ordered))
        for condition in Condition:
            its = [miner for miner in ordered if condition_of(miner, NOW) is condition]
            assert some_miners(replace(ALL, condition=condition), NOW) == (its, len(its))
        by_name = sorted(ordered, key=lambda miner: natural_key(miner.name))
        assert some_miners(replace(ALL, sort="name"), NOW)[0] == by_name
        best = some_miners(replace(ALL, sort="hashrate", descending=True), NOW)[0]
        rates = [miner.hashrate_ghs if is_known(miner, NOW) else None for miner in best]
        known = [rate for rate in rates if rate is not None]
        assert rates == sorted(known, reverse=True) + [None] * (len(rates) - len(known))


def test_a_search_is_in_names_models_and_reasons_and_knows_no_wildcards(db):
    usual = {
        "retired": False,
        "enabled": True,
        "host": "192.0.2.1",
        "since_s": 1,
        "age_s": 0,
        "hashrate_ghs": 1.0,
    }
    usual |= {"power_w": None, "temperature_c": None}
    make(
        [
            usual | {"name": "rig_1", "site": 1, "state": "online"},
            usual | {"name": "rigs", "site": 0, "state": "unreachable"},
        ]
    )

    def names(search: str) -> list[str]:
        return [miner.name for miner in some_miners(replace(ALL, search=search), NOW)[0]]

    assert names("RIG") == ["rigs", "rig_1"]
    assert [names(search) for search in ("g_1", "100%", "no_answer")] == [["rig_1"], ["rig_1"], ["rigs"]]
    assert [names(search) for search in ("g%s", "\\", "'")] == [[], [], []]


def test_every_way_to_sort_is_understood(db):
    make([])
    for sort in SORTS:
        for descending in (False, True):
            assert some_miners(Asked(sort=sort, descending=descending), NOW) == ([], 0)


def test_the_key_of_a_name_follows_the_name(db):
    make([])
    miner = Miner.objects.create(name="Rig-7", site=Site.objects.first())
    first = Miner.objects.get(pk=miner.pk).name_key
    Miner.objects.filter(pk=miner.pk).update(name="Rig-10")
    assert first < Miner.objects.get(pk=miner.pk).name_key
    with pytest.raises(IntegrityError), transaction.atomic():
        Miner.objects.create(name="Rig-10", site=miner.site)
