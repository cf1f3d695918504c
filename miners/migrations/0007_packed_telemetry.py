"""Days of telemetry that are packed, and since when what was dropped is gone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("miners", "0006_write_path"),
    ]

    operations = [
        migrations.CreateModel(
            name='DroppedTelemetry',
            fields=[
                ('miner', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='miners.miner')),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
            ],
            options={
                'db_table': 'telemetry_dropped',
            },
        ),
        migrations.CreateModel(
            name='PackedTelemetry',
            fields=[
                ('pk', models.CompositePrimaryKey('miner_id', 'day', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField(db_index=True)),
                ('rows', models.IntegerField()),
                ('begins_at', models.DateTimeField(db_index=True)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('payload', models.BinaryField()),
                ('miner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='miners.miner')),
            ],
            options={
                'db_table': 'telemetry_packed',
            },
        ),
        # Deflated already: PostgreSQL would try to compress it once more.
        migrations.RunSQL(
            "ALTER TABLE telemetry_packed ALTER COLUMN payload SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
