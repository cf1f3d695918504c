"""A sequence that moves whenever what miners are, and not how they are, changes: asked instead of reading them all."""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE miners_described;
CREATE FUNCTION miners_are_described() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('miners_described');
    RETURN NULL;
END
$$;
CREATE TRIGGER miners_described
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF name, host, model_id, site_id, enabled, retired_at ON miners_miner
    FOR EACH STATEMENT EXECUTE FUNCTION miners_are_described();
"""
BACKWARD = """
DROP TRIGGER miners_described ON miners_miner;
DROP FUNCTION miners_are_described();
DROP SEQUENCE miners_described;
"""


class Migration(migrations.Migration):
    dependencies = [("miners", "0011_command_power")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
