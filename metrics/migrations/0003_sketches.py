"""Sketches, partitioned as the store is, and the percentiles they give, copied to where figures are read."""

from django.db import migrations

PERCENTILES = (
    "hashrate_p50_ghs",
    "hashrate_p95_ghs",
    "hashrate_p99_ghs",
    "temperature_p50_c",
    "temperature_p95_c",
    "temperature_p99_c",
)

SKETCH = f"""
CREATE TABLE metrics_sketch (
    timestamp timestamptz NOT NULL,
    entity_id integer,
    {", ".join(f"{name} real" for name in PERCENTILES)},
    entity_type text NOT NULL,
    period text NOT NULL,
    buckets integer[] NOT NULL,
    seconds bigint[] NOT NULL,
    CONSTRAINT metrics_sketch_once UNIQUE NULLS NOT DISTINCT (timestamp, entity_type, entity_id, period)
) PARTITION BY LIST (period);
CREATE TABLE metrics_sketch_hourly PARTITION OF metrics_sketch FOR VALUES IN ('hourly') PARTITION BY RANGE (timestamp);
CREATE TABLE metrics_sketch_daily PARTITION OF metrics_sketch FOR VALUES IN ('daily');
CREATE TABLE metrics_sketch_weekly PARTITION OF metrics_sketch FOR VALUES IN ('weekly');
CREATE TABLE metrics_sketch_monthly PARTITION OF metrics_sketch FOR VALUES IN ('monthly');
ALTER TABLE metrics_rollup {", ".join(f"ADD COLUMN {name} real" for name in PERCENTILES)};
DO $$ DECLARE month text; first timestamp; BEGIN
    FOR month IN SELECT substring(relname FROM '[0-9]{{6}}$') FROM pg_class
                 WHERE relname ~ '^metrics_rollup_hourly_p[0-9]{{6}}$' AND relkind = 'r' LOOP
        first := to_date(month, 'YYYYMM');
        EXECUTE format('CREATE TABLE metrics_sketch_hourly_p%s PARTITION OF metrics_sketch_hourly FOR VALUES FROM (%L) TO (%L)',
                       month, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END $$
"""

FORGET = f"""
DROP VIEW IF EXISTS metrics;
ALTER TABLE metrics_rollup {", ".join(f"DROP COLUMN {name}" for name in PERCENTILES)};
DROP TABLE metrics_sketch
"""


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_storeform")]
    operations = [migrations.RunSQL(SKETCH, FORGET)]
