"""What rankings read of miners is described by them, too: their customer, tier and baseline."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER miners_described ON miners_miner;
CREATE TRIGGER miners_described
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF {columns}
    ON miners_miner FOR EACH STATEMENT EXECUTE FUNCTION miners_are_described();
"""
BEFORE = "name, host, model_id, site_id, enabled, retired_at"


class Migration(migrations.Migration):
    dependencies = [("miners", "0012_described")]
    operations = [
        migrations.RunSQL(
            TRIGGER.format(columns=f"{BEFORE}, customer, tier, baseline_hashrate_ghs"),
            TRIGGER.format(columns=BEFORE),
        )
    ]
