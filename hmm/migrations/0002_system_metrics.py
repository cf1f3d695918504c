"""How the house itself is doing, over time: by the hour, as a hypertable where the server has TimescaleDB."""

from django.db import migrations, models

from hmm.lib.timescale import have_timescale

TABLE = """
CREATE TABLE system_metrics (
    time timestamptz NOT NULL DEFAULT now(),
    metric_name text NOT NULL,
    service text,
    tags jsonb NOT NULL DEFAULT '{}',
    value double precision NOT NULL
)
"""

HYPERTABLE = """
SELECT create_hypertable('system_metrics', 'time', chunk_time_interval => INTERVAL '1 hour',
                         create_default_indexes => FALSE)
"""

INDEXES = """
CREATE INDEX system_metrics_name_time ON system_metrics (metric_name, time DESC);
CREATE INDEX system_metrics_service_time ON system_metrics (service, time DESC) WHERE service IS NOT NULL;
CREATE INDEX system_metrics_name_service_time ON system_metrics (metric_name, service, time DESC);
"""

# The pairs of name and service that there are, found by hopping along an index from each to the next: a
# DISTINCT would read every row. Then, of each pair, the newest row of every process that still writes.
LATEST = """
CREATE VIEW system_metrics_latest AS
WITH RECURSIVE names AS (
    (SELECT metric_name FROM system_metrics ORDER BY metric_name LIMIT 1)
    UNION ALL
    SELECT (SELECT m.metric_name FROM system_metrics m WHERE m.metric_name > names.metric_name
            ORDER BY m.metric_name LIMIT 1)
    FROM names WHERE names.metric_name IS NOT NULL
), pairs AS (
    (SELECT metric_name, service FROM system_metrics WHERE service IS NOT NULL
     ORDER BY metric_name, service LIMIT 1)
    UNION ALL
    SELECT following.metric_name, following.service
    FROM pairs CROSS JOIN LATERAL (
        SELECT m.metric_name, m.service FROM system_metrics m
        WHERE (m.metric_name, m.service) > (pairs.metric_name, pairs.service)
        ORDER BY m.metric_name, m.service LIMIT 1
    ) following
), newest AS (
    SELECT pairs.metric_name, pairs.service, row.time
    FROM pairs CROSS JOIN LATERAL (
        SELECT m.time FROM system_metrics m
        WHERE m.metric_name = pairs.metric_name AND m.service = pairs.service
        ORDER BY m.time DESC LIMIT 1
    ) row
    UNION ALL
    SELECT names.metric_name, NULL, row.time
    FROM names CROSS JOIN LATERAL (
        SELECT m.time FROM system_metrics m
        WHERE m.metric_name = names.metric_name AND m.service IS NULL
        ORDER BY m.time DESC LIMIT 1
    ) row
)
SELECT each.time, newest.metric_name, newest.service, each.tags, each.value
FROM newest CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.tags) m.time, m.tags, m.value FROM system_metrics m
    WHERE m.metric_name = newest.metric_name
      AND (m.service = newest.service OR newest.service IS NULL AND m.service IS NULL)
      AND m.time > newest.time - INTERVAL '45 seconds' AND m.time <= newest.time
    ORDER BY m.tags, m.time DESC
) each
"""

RECENT = """
CREATE VIEW system_metrics_recent AS
SELECT service, metric_name, count(*) AS samples, avg(value) AS average, min(value) AS minimum,
       max(value) AS maximum, max(time) AS latest_time
FROM system_metrics
WHERE time > now() - INTERVAL '5 minutes'
GROUP BY service, metric_name
ORDER BY service, metric_name
"""


def create(apps, schema_editor):
    timescale = have_timescale(schema_editor.connection)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(TABLE if timescale else f"{TABLE} PARTITION BY RANGE (time)")
        if timescale:
            cursor.execute(HYPERTABLE)
        for statement in (INDEXES, LATEST, RECENT):
            cursor.execute(statement)


def drop(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DROP VIEW system_metrics_recent")
        cursor.execute("DROP VIEW system_metrics_latest")
        cursor.execute("DROP TABLE system_metrics")


class Migration(migrations.Migration):
    dependencies = [("hmm", "0001_initial")]
    operations = [
        migrations.RunPython(create, drop),
        migrations.CreateModel(
            name="SystemMetric",
            fields=[
                ("time", models.DateTimeField(primary_key=True, serialize=False)),
                ("metric_name", models.TextField()),
                ("service", models.TextField(null=True)),
                ("tags", models.JSONField(default=dict)),
                ("value", models.FloatField()),
            ],
            options={"db_table": "system_metrics", "managed": False},
        ),
    ]
