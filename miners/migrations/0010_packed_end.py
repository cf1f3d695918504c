"""The end of a packed day apart from what fills whole chunks. Days that are packed already stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("miners", "0009_telemetry_by_time"),
    ]

    operations = [
        migrations.AddField(
            model_name='packedtelemetry',
            name='payload_end',
            field=models.BinaryField(default=b''),
        ),
        # Deflated already: PostgreSQL would try to compress it once more.
        migrations.RunSQL(
            "ALTER TABLE telemetry_packed ALTER COLUMN payload_end SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
