"""`manage.py dbshell` on the embedded server, with the psql of its own version."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql.client import DatabaseClient as PostgresClient

from hmm.postgres.lifetime import server_of


class DatabaseClient(PostgresClient):
    """Starts psql on the embedded server's socket."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        server = server_of(settings_dict)
        where = server.ensure_running()
        reached = settings_dict | {"HOST": where.host, "PORT": where.port}
        command, environment = super().settings_to_cmd_args_env(reached, parameters)
        return [str(server.program(cls.executable_name)), *command[1:]], environment
