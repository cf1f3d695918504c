"""Django's PostgreSQL backend on the embedded server."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base

from hmm.postgres.client import DatabaseClient
from hmm.postgres.lifetime import server_of
from hmm.postgres.server import EmbeddedServer


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects through the private socket of the server in `DATA_DIR`, which it starts when nothing answers."""

    client_class = DatabaseClient

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(_with_reviving_pool(settings_dict), alias)

    @property
    def server(self) -> EmbeddedServer:
        """The server of this connection's DATABASES entry."""
        return server_of(self.settings_dict)

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        where = self.server.attach()
        return params | {"host": where.host, "port": where.port}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool:
            return super().get_new_connection(conn_params)
        try:
            return super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            raise  # it is there and stuck: waiting for it to start would wait for ever
        except psycopg.OperationalError:
            self.server.ensure_running()
            return super().get_new_connection(conn_params)


def _with_reviving_pool(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with a pool whose connections are tried when borrowed and revive a dead server."""
    options = settings_dict.get("OPTIONS") or {}
    if not (pool := options.get("pool")):
        return settings_dict
    pool = {"connection_class": _reviving(settings_dict)} | ({} if pool is True else pool)
    return settings_dict | {"OPTIONS": options | {"pool": pool}, "CONN_HEALTH_CHECKS": True}


def _reviving(settings_dict: dict[str, Any]) -> type[psycopg.Connection[Any]]:
    class RevivingConnection(psycopg.Connection[Any]):
        """A connection that starts the server and tries once more when nothing answers."""

        @classmethod
        def connect(cls, conninfo: str = "", **kwargs: Any) -> Any:
            try:
                return super().connect(conninfo, **kwargs)
            except psycopg.errors.ConnectionTimeout:
                raise
            except psycopg.OperationalError:
                server_of(settings_dict).ensure_running()
                return super().connect(conninfo, **kwargs)

    return RevivingConnection
