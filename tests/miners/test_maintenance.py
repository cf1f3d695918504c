"""Maintenance begins and ends at once, also of a miner that nobody polls."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from miners.collector.states import State
from miners.maintenance import set_maintenance, state_after
from miners.models import LatestReading, Miner, MinerState, StateChange
from tests.factories import MinerFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reading(age_s: int, hashrate_ghs: float | None) -> LatestReading:
    return LatestReading(timestamp=NOW - timedelta(seconds=age_s), hashrate_ghs=hashrate_ghs)


@pytest.mark.parametrize(
    ("latest", "state"),
    [
        (None, MinerState.NEW),
        (LatestReading(), MinerState.NEW),
        (reading(75, 500.0), MinerState.ONLINE),
        (reading(76, 500.0), MinerState.NEW),
        (reading(5, 0.0), MinerState.OFFLINE),
        (reading(5, None), MinerState.ONLINE),
    ],
)
def test_after_it_a_miner_is_what_its_last_reading_says_while_that_is_fresh(
    latest: LatestReading | None, state: MinerState
) -> None:
    assert state_after(latest, 30, NOW).state == state


@pytest.mark.django_db
def test_a_miner_that_nobody_polls_leaves_it_as_it_entered_it_with_a_record_of_both() -> None:
    bare, retired = MinerFactory(), MinerFactory(retired_at=NOW)
    assert set_maintenance([bare.pk, retired.pk], NOW, begin=True) == 1
    assert set_maintenance([bare.pk], NOW + timedelta(hours=1), begin=True) == 0
    bare.refresh_from_db()
    assert (bare.maintenance, bare.state, bare.state_since) == (True, MinerState.MAINTENANCE, NOW)
    ended = NOW + timedelta(hours=2)
    assert set_maintenance([bare.pk], ended, begin=False) == 1
    bare.refresh_from_db()
    assert (bare.maintenance, bare.state, bare.state_since) == (False, MinerState.NEW, ended)
    assert list(StateChange.objects.order_by("pk").values_list("miner", "state", "at")) == [
        (bare.pk, MinerState.MAINTENANCE, NOW),
        (bare.pk, MinerState.NEW, ended),
    ]


@pytest.mark.django_db
def test_one_that_is_only_called_so_leaves_it_too() -> None:
    left = MinerFactory(state=MinerState.MAINTENANCE)
    assert set_maintenance([left.pk], NOW, begin=False) == 1
    left.refresh_from_db()
    assert left.state == MinerState.NEW


@pytest.mark.django_db
def test_the_box_of_the_admins_form_does_the_same(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"), "django.contrib.auth.backends.ModelBackend")
    miner = MinerFactory(name="bench")
    form = {"name": "bench", "site": miner.site_id, "model": miner.model_id, "tier": "standard"}
    form |= {"moves-TOTAL_FORMS": 0, "moves-INITIAL_FORMS": 0, "enabled": "on"}
    url = reverse("admin:miners_miner_change", args=[miner.pk])
    for ticked, state in (({"maintenance": "on"}, MinerState.MAINTENANCE), ({}, MinerState.NEW)):
        assert client.post(url, form | ticked).status_code == 302
        found = Miner.objects.get(pk=miner.pk)
        assert (found.maintenance, found.state) == (bool(ticked), state)


def test_no_state_has_a_reason_that_was_not_measured() -> None:
    assert state_after(reading(5, 500.0), 30, NOW) == State(MinerState.ONLINE)
