"""The telemetry table in its final shape: composite key from the start, one partition a UTC day."""

from django.db import migrations

TABLE = """
CREATE TABLE telemetry (
    miner_id integer NOT NULL,
    covered_s integer NOT NULL CHECK (covered_s > 0),
    timestamp timestamptz NOT NULL,
    power_w double precision,
    hashrate_ghs double precision,
    temperature_c double precision,
    fan_rpm integer,
    accepted integer,
    rejected integer,
    PRIMARY KEY (miner_id, timestamp)
)
"""

# Its files alone are not enough: the server must have loaded it at its start, which then knows its settings.
TIMESCALE_IS_THERE = """
SELECT 1 FROM pg_available_extensions
WHERE name = 'timescaledb' AND current_setting('timescaledb.disable_load', TRUE) IS NOT NULL
"""


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TIMESCALE_IS_THERE)
        if cursor.fetchone():
            cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            cursor.execute(TABLE)
            cursor.execute(
                "SELECT create_hypertable('telemetry', 'timestamp', chunk_time_interval => INTERVAL '1 day')"
            )
        else:
            cursor.execute(f"{TABLE} PARTITION BY RANGE (timestamp)")


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE telemetry")


class Migration(migrations.Migration):
    dependencies = [("miners", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
