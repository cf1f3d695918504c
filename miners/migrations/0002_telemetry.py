"""The telemetry table in its final shape: composite key from the start, one partition or chunk a UTC day."""

from django.db import migrations

from hmm.lib.timescale import have_timescale
from miners.telemetry.hypertable import make_hypertable

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


def create(apps, schema_editor):
    timescale = have_timescale(schema_editor.connection)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TABLE if timescale else f"{TABLE} PARTITION BY RANGE (timestamp)")
        if timescale:
            make_hypertable(cursor, "telemetry")


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE telemetry")


class Migration(migrations.Migration):
    dependencies = [("miners", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
