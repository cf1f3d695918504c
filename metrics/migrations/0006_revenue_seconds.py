from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0005_slots_from")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE metrics_rollup ADD COLUMN revenue_s bigint",
            "ALTER TABLE metrics_rollup DROP COLUMN revenue_s CASCADE",
        )
    ]
