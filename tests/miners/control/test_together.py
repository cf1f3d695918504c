"""One deed for several miners: who takes it, who is left out and why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from miners.control.together import Deed, Sorted, give, objection, sort_out
from miners.drivers.orders import Kind, Offers
from miners.models import Command, LatestReading, Miner, MinerState
from tests.factories import MinerFactory, MinerModelFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = Offers(frozenset({Kind.PAUSE}))


@pytest.mark.parametrize(
    ("deed", "differences", "offers", "has_open", "reason"),
    [
        (Deed.PAUSE, {}, ALL, False, ""),
        (Deed.PAUSE, {"retired_at": NOW}, ALL, False, "is retired"),
        (Deed.PAUSE, {"host": ""}, ALL, False, "has no address: HMM does not reach it"),
        (Deed.PAUSE, {}, Offers(note="too old"), False, "does not offer pause: too old"),
        (Deed.PAUSE, {}, Offers(), False, "does not offer pause"),
        (
            Deed.PAUSE,
            {},
            Offers(frozenset({Kind.PAUSE}), with_password=frozenset({Kind.PAUSE})),
            False,
            "takes that with its own password only",
        ),
        (Deed.PAUSE, {"state": MinerState.UNREACHABLE}, ALL, False, "is unreachable"),
        (Deed.PAUSE, {}, ALL, True, "has the same order open"),
        (Deed.BEGIN_MAINTENANCE, {"host": ""}, Offers(), False, ""),
        (Deed.BEGIN_MAINTENANCE, {"maintenance": True}, Offers(), False, "is in maintenance already"),
        (Deed.END_MAINTENANCE, {"maintenance": True}, Offers(), False, ""),
        (Deed.END_MAINTENANCE, {}, Offers(), False, "is not in maintenance"),
    ],
)
def test_who_is_left_out_is_told_why(
    deed: Deed, differences: dict[str, Any], offers: Offers, has_open: bool, reason: str
) -> None:
    miner = Miner(name="garage", **{"host": "192.0.2.1"} | differences)
    assert objection(deed, miner, offers, has_open=has_open) == reason


@pytest.fixture
def gammas(db: None) -> list[Miner]:
    """Three of the same kind, of which the last one's firmware cannot pause yet."""
    model = MinerModelFactory(name="Bitaxe Gamma 601")
    made = [MinerFactory(name=f"g{n}", model=model, driver="axeos", host="192.0.2.1") for n in range(3)]
    for miner, firmware in zip(made, ("v2.14.0", "v2.14.0", "v2.9.0"), strict=True):
        LatestReading.objects.create(miner=miner, timestamp=NOW, firmware=firmware)
    return made


def test_miners_are_sorted_out_in_their_order_by_two_queries_however_many(
    gammas: list[Miner], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        found = sort_out(Deed.PAUSE, [gammas[2].pk, gammas[1].pk, 999_999, gammas[1].pk, gammas[0].pk])
    assert found.ready == [gammas[1], gammas[0]]
    assert [(miner, reason.partition(":")[0]) for miner, reason in found.left_out] == [
        (gammas[2], "does not offer pause")
    ]
    assert found.total == 3


def test_each_gets_an_order_of_its_own_and_one_that_is_open_no_second(
    gammas: list[Miner], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        done, refused = give(Deed.PAUSE, gammas[:2], who="ann", why="dear hours", now=NOW)
    assert (done, refused) == (gammas[:2], [])
    assert sorted(Command.objects.values_list("miner__name", "kind", "who", "why")) == [
        ("g0", "pause", "ann", "dear hours"),
        ("g1", "pause", "ann", "dear hours"),
    ]
    assert OrmQ.objects.count() == 2
    assert [reason for _, reason in sort_out(Deed.PAUSE, [gammas[0].pk]).left_out] == [
        "has the same order open"
    ]
    # Somebody else was faster between the question and the answer.
    done, refused = give(Deed.PAUSE, gammas[:1], who="bob", why="me too", now=NOW)
    assert (done, len(refused)) == ([], 1)
    assert refused[0].startswith("g0: the same order is still open")


def test_an_order_with_usual_arguments_is_complete(gammas: list[Miner]) -> None:
    give(Deed.IDENTIFY, gammas[:1], who="ann", why="which one is it?", now=NOW)
    assert Command.objects.get().arguments == {"light": "on"}


def test_maintenance_needs_no_device(gammas: list[Miner]) -> None:
    bare = MinerFactory()
    done, _ = give(Deed.BEGIN_MAINTENANCE, [bare, gammas[0]], who="ann", why="", now=NOW)
    assert len(done) == 2
    assert set(Miner.objects.filter(maintenance=True)) == {bare, gammas[0]}
    assert not Command.objects.exists()


def test_who_is_left_out_for_the_same_reason_is_named_together() -> None:
    a, b, c = (Miner(pk=n, name=f"m{n}") for n in range(3))
    found = Sorted(left_out=[(a, "is retired"), (b, "is unreachable"), (c, "is unreachable")])
    assert found.reasons == [("is unreachable", [b, c]), ("is retired", [a])]
