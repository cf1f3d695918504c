"""A day is plain or packed: nothing is lost between the two, and nothing is ever in both or in neither."""

import threading
from datetime import timedelta
from random import Random
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miners.models import Miner, PackedTelemetry, Telemetry
from miners.telemetry.packed import store
from miners.telemetry.packed.store import CHUNK, RowsChanged, pack
from miners.telemetry.partitions import ensure_days
from tests.factories import MinerFactory
from tests.miners.telemetry.packed.conftest import (
    A_DAY,
    DAY,
    MIDNIGHT,
    packed_days,
    plain,
    row,
    unpack_all,
    write,
)

pytestmark = pytest.mark.django_db

VALUES = st.fixed_dictionaries(
    {
        "power_w": st.none() | st.floats(0, 100_000),
        "hashrate_ghs": st.none() | st.decimals(0, 200_000, places=2).map(float),
        "temperature_c": st.none() | st.floats(-50, 200, width=32),
        "fan_rpm": st.none() | st.integers(0, 100_000),
        "accepted": st.none() | st.integers(0, 2**31 - 1),
        "rejected": st.none() | st.integers(0, 5),
    }
)


@given(
    told=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 86399), st.integers(1, 90_000), VALUES),
        min_size=1,
        max_size=25,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_rows_come_back_as_they_were(told: list[tuple[int, int, int, dict[str, object]]]) -> None:
    with transaction.atomic():
        miners = MinerFactory.create_batch(2)
        write(*(row(miners[n], at, covered_s, **values) for n, at, covered_s, values in told))
        before = plain()
        assert pack([m.pk for m in miners], DAY) == len(before)
        assert plain() == []
        assert sum(rows for _, _, rows in packed_days()) == len(before)
        assert unpack_all() == len(before)
        assert plain() == before
        assert packed_days() == []
        transaction.set_rollback(True)


def test_a_packed_day_says_from_when_until_when_it_has_rows(miner: Miner) -> None:
    write(row(miner, 0, covered_s=600), row(miner, 86399))
    pack([miner.pk], DAY)
    one = PackedTelemetry.objects.get()
    assert (one.begins_at, one.first_at) == (MIDNIGHT - timedelta(seconds=600), MIDNIGHT)
    assert one.last_at == MIDNIGHT + timedelta(seconds=86399)
    assert (one.day, one.rows) == (DAY, 2)


def test_rows_of_the_days_beside_and_of_other_miners_stay(miner: Miner) -> None:
    other = MinerFactory()
    write(row(miner, -1), row(miner, 0), row(miner, 86400), row(other, 5))
    pack([miner.pk], DAY)
    assert [(m, t) for m, t, *_ in plain()] == [
        (miner.pk, MIDNIGHT - timedelta(seconds=1)),
        (miner.pk, MIDNIGHT + A_DAY),
        (other.pk, MIDNIGHT + timedelta(seconds=5)),
    ]


def test_packing_where_nothing_is_stores_nothing(miner: Miner) -> None:
    write(row(miner, 0))
    assert pack([miner.pk], DAY + A_DAY) == 0
    assert packed_days() == []


class Crash(Exception):
    pass


def test_a_crash_between_storing_and_deleting_leaves_the_plain_rows(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 60))
    before = plain()
    with (
        patch.object(store, "DELETE", "SELECT 1 / 0, %s, %s, %s"),
        pytest.raises(Exception, match="division by zero"),
    ):
        pack([miner.pk], DAY)
    assert (plain(), packed_days()) == (before, [])


def test_a_crash_while_unpacking_leaves_the_packed_rows(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 60))
    pack([miner.pk], DAY)
    before = packed_days()
    with patch.object(store, "copy_days", side_effect=Crash), pytest.raises(Crash):
        unpack_all()
    assert (plain(), packed_days()) == ([], before)


def test_rows_that_appear_meanwhile_are_not_deleted(miner: Miner) -> None:
    """The lock prevents it; were it passed by, packing would rather fail than lose a row."""
    write(row(miner, 0), row(miner, 60))
    before = plain()
    with patch.object(store, "read_days", lambda data: iter([])), pytest.raises(RowsChanged):
        pack([miner.pk], DAY)
    assert (plain(), packed_days()) == (before, [])


@pytest.mark.django_db(transaction=True)
def test_packing_waits_for_whoever_reads_where_days_may_be_packed(
    miner: Miner, clean_partitions: None
) -> None:
    write(row(miner, 0))
    refused: list[str] = []

    def pack_impatiently() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            pack([miner.pk], DAY)
        except Exception as error:  # noqa: BLE001 - looked at below
            refused.append(str(error))
        finally:
            connection.close()

    with transaction.atomic():
        store.share_form()
        packer = threading.Thread(target=pack_impatiently)
        packer.start()
        packer.join(30)
    assert len(refused) == 1
    assert "lock timeout" in refused[0]
    assert pack([miner.pk], DAY) == 1


@pytest.mark.parametrize("rows", [3, 1500])
def test_the_end_of_a_payload_is_stored_apart(miner: Miner, rows: int) -> None:
    """So that what PostgreSQL cuts into chunks fills them; a day packed before that was so has no end apart."""
    chance = Random(rows)
    write(*(row(miner, 40 * n, power_w=chance.random()) for n in range(rows)))
    before = plain()
    pack([miner.pk], DAY)
    packed = PackedTelemetry.objects.get()
    assert len(packed.payload) % CHUNK == 0
    assert (len(packed.payload) > 0) == (rows > 3)
    assert 0 < len(packed.payload_end) < CHUNK
    PackedTelemetry.objects.update(payload=bytes(packed.payload) + bytes(packed.payload_end), payload_end=b"")
    unpack_all()
    assert plain() == before


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_not_stored_in_the_order_of_time_are_packed_in_it(miner: Miner, seed: int) -> None:
    """As late rows are, which come after those of the next hour."""
    chance = Random(seed)
    rows = [
        Telemetry(
            miner=miner,
            timestamp=MIDNIGHT + timedelta(seconds=second),
            covered_s=10,
            power_w=chance.choice([None, 3000.0]),
            fan_rpm=chance.choice([None, second]),
            rejected=None if second < 500 else 0,
        )
        for second in range(30, 3000, 30)
    ]
    chance.shuffle(rows)
    ensure_days([DAY])
    Telemetry.objects.bulk_create(rows)
    before = plain()
    assert pack([miner.pk], DAY) == len(rows)
    assert unpack_all() == len(rows)
    assert plain() == before
