"""The two roles for system metrics: made, granted what they need, and tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

from django.db import DatabaseError, transaction
from psycopg import sql

from hmm.lib.sqlstates import INSUFFICIENT_PRIVILEGE, sqlstate_of

TABLE = "system_metrics"
VIEWS = ("system_metrics_latest", "system_metrics_recent")

TRIALS: dict[str, LiteralString] = {
    "select": "SELECT count(*) FROM system_metrics WHERE time > now() - INTERVAL '1 hour'",
    "select latest": "SELECT count(*) FROM system_metrics_latest",
    "select recent": "SELECT count(*) FROM system_metrics_recent",
    "insert": "INSERT INTO system_metrics (metric_name, service, value) VALUES ('role_trial', NULL, 0)",
    "update": "UPDATE system_metrics SET value = value WHERE FALSE",
    "delete": "DELETE FROM system_metrics WHERE FALSE",
    "truncate": "TRUNCATE system_metrics",
    "read users": "SELECT count(*) FROM auth_user",
}
"""What is tried as each role; all of it is undone."""


@dataclass(frozen=True)
class Role:
    """A role by its name, the privileges it has on the table, and its password where it gets one."""

    kind: str
    name: str
    privileges: tuple[LiteralString, ...]
    password: str = ""

    def may(self, trial: str) -> bool:
        """Return whether this role is to be let do `trial`."""
        return trial.split()[0].upper() in self.privileges


def operator(name: str, password: str = "") -> Role:
    """Return the role that reads and writes."""
    return Role("operator", name, ("SELECT", "INSERT"), password)


def application(name: str, password: str = "") -> Role:
    """Return the role that only reads."""
    return Role("application", name, ("SELECT",), password)


@dataclass(frozen=True)
class Me:
    """Who is connected."""

    name: str
    may_create_roles: bool
    is_superuser: bool


def whoami(cursor: Any) -> Me:
    """Return the connected user."""
    cursor.execute(
        "SELECT rolname, rolcreaterole OR rolsuper, rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    return Me(*cursor.fetchone())


def exists(cursor: Any, role: Role) -> bool:
    """Return whether the server has a role of this name."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.name])
    return cursor.fetchone() is not None


def is_too_mighty(cursor: Any, role: Role) -> bool:
    """Return whether there is such a role, and it is one that no grant limits: a superuser or the table's owner."""
    cursor.execute(
        "SELECT rolsuper OR oid IN (SELECT relowner FROM pg_class WHERE oid = %s::regclass) "
        "FROM pg_roles WHERE rolname = %s",
        [TABLE, role.name],
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def create(cursor: Any, role: Role) -> bool:
    """Create `role`, or leave it, and set its password where one is given; return whether it was created.

    A role without a password cannot sign in; others can be made members of it.
    """
    name = sql.Identifier(role.name)
    created = not exists(cursor, role)
    if created:
        cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
    if role.password:
        # Scrambled here, so that no log of statements can have it.
        verifier = cursor.connection.pgconn.encrypt_password(
            role.password.encode(), role.name.encode(), b"scram-sha-256"
        )
        cursor.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(verifier.decode()))
        )
    return created


def grant(cursor: Any, role: Role) -> None:
    """Give `role` its privileges and take away what else it was given on the table and its views."""
    name, relations = sql.Identifier(role.name), sql.SQL(", ").join(map(sql.Identifier, (TABLE, *VIEWS)))
    privileges = sql.SQL(", ").join(map(sql.SQL, role.privileges))
    cursor.execute("SELECT current_database(), current_schema()")
    database, schema = map(sql.Identifier, cursor.fetchone())
    for statement in (
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name),
        sql.SQL("REVOKE ALL ON {} FROM {}").format(relations, name),
        sql.SQL("GRANT {} ON {} TO {}").format(privileges, sql.Identifier(TABLE), name),
        sql.SQL("GRANT SELECT ON {} TO {}").format(sql.SQL(", ").join(map(sql.Identifier, VIEWS)), name),
    ):
        cursor.execute(statement)


def become_member(cursor: Any, role: Role) -> None:
    """Let the connected user, where it is no superuser, act as `role`, to try what it may."""
    cursor.execute(
        "SELECT current_setting('server_version_num')::int >= 160000, pg_has_role(current_user, %s, 'MEMBER')",
        [role.name],
    )
    newer, member = cursor.fetchone()
    if newer:  # since 16 who creates a role may grant it, which says nothing of acting as it
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH SET TRUE").format(sql.Identifier(role.name)))
    elif not member:
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role.name)))


def wrong_grants(cursor: Any, role: Role) -> Iterator[str]:
    """Try everything as `role`; yield what is let it and must not be, or the reverse. Leaves nothing behind."""
    for trial, statement in TRIALS.items():
        allowed = _try(cursor, role, statement)
        if allowed != role.may(trial):
            yield f"{role.name} ({role.kind}) {'may' if allowed else 'may not'} {trial}"


class _Undo(Exception):
    """Ends a trial."""


def _try(cursor: Any, role: Role, statement: LiteralString) -> bool:
    try:
        with transaction.atomic():
            cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role.name)))
            cursor.execute(statement)
            raise _Undo
    except _Undo:
        return True
    except DatabaseError as error:
        if sqlstate_of(error) != INSUFFICIENT_PRIVILEGE:
            raise
        return False
