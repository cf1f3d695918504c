"""An index by which everyone's rows of an hour are found without reading those of the day."""

from django.db import migrations

from miners.telemetry.by_time import by_time_sql, index_name


class Migration(migrations.Migration):
    dependencies = [("miners", "0008_commands")]
    operations = [migrations.RunSQL(by_time_sql("telemetry"), f"DROP INDEX {index_name('telemetry')}")]
