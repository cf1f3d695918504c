"""Rows that come for packed days are merged as if the days had never been packed."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from miners.models import LatestReading, Miner, SetAside
from miners.telemetry.importing import import_file
from miners.telemetry.packed.reading import unpacked
from miners.telemetry.packed.store import hold_unpacking, pack, unpack
from miners.telemetry.rows import TelemetryRow, WriteResult
from tests.factories import MinerFactory
from tests.miners.telemetry.packed.conftest import (
    A_DAY,
    DAY,
    MIDNIGHT,
    NOW,
    pack_all,
    packed_days,
    plain,
    row,
    write,
)

pytestmark = pytest.mark.django_db

DAY_S = 86400
TOLD = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(-DAY_S, 2 * DAY_S - 1),
        st.sampled_from([30, 3600, 40_000, 600_000]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


def everything(miners: list[Miner]) -> list[object]:
    """Return all that is stored, as plain rows."""
    with transaction.atomic():
        hold_unpacking()
        unpack([(miner_id, day) for miner_id, day, _ in packed_days()])
    latest = LatestReading.objects.order_by("miner_id").values_list("timestamp", "covered_s")
    ranges = DirtyRange.objects.order_by("id").values_list("start", "end")
    numbers = {m.pk: n for n, m in enumerate(miners)}
    return [
        [(numbers[miner_id], *rest) for miner_id, *rest in plain()],  # type: ignore[index]
        list(latest),
        list(ranges),
        sorted(str(a.row["timestamp"]) for a in SetAside.objects.all()),
    ]


@given(first=TOLD, late=TOLD, packed=st.sets(st.tuples(st.integers(0, 1), st.integers(-1, 1))))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, phases=[Phase.generate]
)
def test_late_rows_end_up_the_same_whichever_days_are_packed(
    first: list[tuple[int, int, int, int]],
    late: list[tuple[int, int, int, int]],
    packed: set[tuple[int, int]],
) -> None:
    """Clipped, shortened over the border of two days, unchanged, set aside: all alike, dirty ranges too."""

    def outcome(days: set[tuple[int, int]]) -> list[object]:
        with transaction.atomic():
            miners = MinerFactory.create_batch(2)
            results = [write(*(row(miners[n], at, c, fan_rpm=f) for n, at, c, f in first))]
            for n, day in days:
                pack([miners[n].pk], DAY + day * A_DAY)
            results.append(write(*(row(miners[n], at, c, fan_rpm=f) for n, at, c, f in late)))
            found = [results, *everything(miners)]
            transaction.set_rollback(True)
        return found

    assert outcome(packed) == outcome(set())


def test_only_the_days_beside_a_late_row_are_unpacked(miner: Miner) -> None:
    other = MinerFactory()
    write(*(row(m, n * DAY_S + 600) for m in (miner, other) for n in range(6)))
    pack_all()
    write(row(miner, 2 * DAY_S + 5))
    assert [(m, (day - DAY).days) for m, day, _ in packed_days() if m == miner.pk] == [
        (miner.pk, n) for n in (0, 4, 5)
    ]
    assert len([m for m, _, _ in packed_days() if m == other.pk]) == 6


def test_a_late_row_shortens_the_first_row_of_the_packed_day_after_it(miner: Miner) -> None:
    write(row(miner, DAY_S + 60, covered_s=600))
    pack_all()
    assert write(row(miner, DAY_S - 60)) == WriteResult(stored=1)
    assert [(t - MIDNIGHT, c) for _, t, c, *_ in plain()] == [
        (timedelta(seconds=DAY_S - 60), 30),
        (timedelta(seconds=DAY_S + 60), 120),
    ]


def test_a_file_imported_again_changes_nothing_once_its_days_are_packed(miner: Miner, tmp_path: Path) -> None:
    lines = [
        f"{miner.name},{(MIDNIGHT + timedelta(seconds=30 * n)).isoformat()},3000,110000,60,4000,1,0"
        for n in range(1, 50)
    ]
    path = tmp_path / "history.csv"
    path.write_text(
        "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected\n" + "\n".join(lines)
    )
    assert import_file(path, now=NOW).result == WriteResult(stored=49)
    before = plain()
    pack_all()
    assert import_file(path, now=NOW).result == WriteResult(unchanged=49)
    assert plain() == before
    pack_all()
    differing = path.with_name("differing.csv")
    differing.write_text(path.read_text().replace(",3000,", ",2999,"))
    assert import_file(differing, now=NOW).result == WriteResult(set_aside=49)
    assert plain() == before


@pytest.mark.django_db(transaction=True)
def test_late_rows_wait_for_readers_only_where_they_unpack(miner: Miner, clean_partitions: None) -> None:
    """A reader of packed days, a late row for a plain day, which passes, and one for a packed day, which waits."""
    write(row(miner, 60))
    pack_all()
    outcome: list[str] = []

    def deliver(*rows: TelemetryRow) -> threading.Thread:
        def work() -> None:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET lock_timeout = '300ms'")
                outcome.append(str(write(*rows).stored))
            except OperationalError as error:
                outcome.append(str(error).splitlines()[0])
            finally:
                connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    with unpacked([(MIDNIGHT, MIDNIGHT + A_DAY)], [miner.pk], NOW):
        deliver(row(miner, 20 * DAY_S)).join(30)
        deliver(row(miner, 30)).join(30)
    assert outcome[0] == "1"
    assert "lock timeout" in outcome[1]
    deliver(row(miner, 30)).join(30)
    assert outcome[2] == "1"
