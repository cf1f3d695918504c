"""How small packed telemetry is, and how fast it is made and read."""

import statistics
import time
from datetime import timedelta
from functools import partial

from django.db import connection, transaction

from benchmarks import dataset
from benchmarks.measure import seconds
from miners.telemetry.packed import job, store
from miners.telemetry.packed.job import pack_old
from miners.telemetry.packed.payload import decode
from miners.telemetry.packed.reading import unpacked
from miners.telemetry.packed.store import pack
from miners.telemetry.partitions import list_partitions

DAY = (dataset.START + timedelta(days=2)).date()

# What devices say: whole watts, hundredths of GH/s, tenths of a degree. The set itself has all digits of a random
# double, which nothing can make smaller.
AS_TOLD = """
UPDATE telemetry SET power_w = round(power_w), hashrate_ghs = round(hashrate_ghs * 100) / 100,
                     temperature_c = round(temperature_c * 10) / 10
"""

PLAIN_DAY = """
SELECT timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected
FROM telemetry WHERE miner_id = %s AND timestamp >= %s AND timestamp < %s ORDER BY timestamp
"""

PACKED_DAY = "SELECT payload || payload_end FROM telemetry_packed WHERE miner_id = %s AND day = %s"

PACKED_SIZE = "SELECT sum(rows), sum(length(payload) + length(payload_end)), pg_total_relation_size('telemetry_packed') FROM telemetry_packed"

PLAIN_SIZE = """
SELECT (SELECT count(*) FROM telemetry), sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
WHERE inhparent = 'telemetry'::regclass
"""


def packing(ids: list[int]) -> None:
    """Measure with figures as the set has them, then as devices tell them. Leaves the days packed."""
    rows, size = _query(PLAIN_SIZE)
    print(f"plain rows: {float(size) / rows:.1f} bytes a row, indexes included")
    with transaction.atomic():
        print("all digits of a random double:")
        _one_day(ids)
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute(AS_TOLD)
        cursor.execute("VACUUM FULL telemetry")
        cursor.execute("TRUNCATE telemetry_packed")
    print("as devices tell them:")
    plain_s = statistics.median(seconds(partial(_read_plain, ids[n]))[0] for n in range(30))
    with transaction.atomic():
        _one_day(ids)
        packed_s = statistics.median(seconds(partial(_read_packed, ids[n]))[0] for n in range(30))
        temporary_s = statistics.median(
            seconds(partial(_unpack_beside, ids[n : n + 10]))[0] / 10 for n in range(0, 90, 10)
        )
        transaction.set_rollback(True)
    print(
        f"a miner's day read from plain rows {plain_s * 1e3:.2f} ms, from a packed one {packed_s * 1e3:.2f} ms,"
    )
    print(f"unpacked beside the plain rows for queries {temporary_s * 1e3:.2f} ms")
    before = len(list_partitions())
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE telemetry_packed")  # what was rolled back took room
    took, _ = seconds(lambda: pack_old(dataset.END + timedelta(days=8), 7))
    rows, payload, size = _query(PACKED_SIZE)
    print(f"all {rows} rows packed, partitions dropped ({before} to {len(list_partitions())}): {took:.1f} s")
    print(
        f"{float(payload) / float(rows):.2f} bytes a row in payloads, {float(size) / float(rows):.2f} in the table, indexes included"
    )


def _one_day(ids: list[int]) -> None:
    """Print what packing one day of 100 miners takes, in the transactions that the job would make."""
    groups = [g for p in list_partitions() if p.start == DAY for g in job.groups(p, DAY + timedelta(days=1))]
    processor_s = time.process_time()
    took, clock = seconds(lambda: [pack(group.miner_ids, group.day) for group in groups])
    processor_s = time.process_time() - processor_s
    rows, payload, _ = _query(PACKED_SIZE)
    print(
        f"a day of {len(ids)} miners, {rows} rows: {took:.2f} s ({processor_s:.2f} s of processor here, "
        f"{clock.seconds:.2f} s in statements), "
        f"{float(payload) / float(rows):.2f} bytes a row"
    )


def _read_plain(miner_id: int) -> None:
    start = store.midnight(DAY)
    with connection.cursor() as cursor:
        cursor.execute(PLAIN_DAY, [miner_id, start, start + timedelta(days=1)])
        cursor.fetchall()


def _read_packed(miner_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PACKED_DAY, [miner_id, DAY])
        decode(bytes(cursor.fetchone()[0]))


def _unpack_beside(ids: list[int]) -> None:
    start = store.midnight(DAY)
    with unpacked([(start, start + timedelta(hours=23))], ids):
        pass


def _query(sql: str) -> tuple[float, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()
