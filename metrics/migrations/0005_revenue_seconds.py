from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0004_token_scope")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE metrics_rollup ADD COLUMN revenue_s bigint",
            "ALTER TABLE metrics_rollup DROP COLUMN revenue_s CASCADE",
        )
    ]
