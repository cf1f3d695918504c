"""`setup_database_roles`: roles made and tried on a real server, passwords in no log."""

import logging
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from hmm.postgres.clusters import SUPERUSER
from hmm.postgres.lifetime import server_of
from hmm.system_metrics.roles import whoami
from tests.hmm.system_metrics.rows import put, stored

NAMES = {"operator": "hmm_trial_operator", "application": "hmm_trial_application"}
PASSWORD = "not-to-be-seen-anywhere"
pytestmark = pytest.mark.django_db


def run(**options: object) -> str:
    out = StringIO()
    call_command("setup_database_roles", **(NAMES | options), stdout=out)
    return out.getvalue()


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def role(name: str) -> tuple | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [name])
        return cursor.fetchone()


@pytest.fixture(autouse=True)
def _may_create_roles(db: None) -> None:
    """The embedded server's own user is let by the command; on another server it must be one that may."""
    with connection.cursor() as cursor:
        me = whoami(cursor)
    if me.may_create_roles:
        return
    if connection.settings_dict["ENGINE"] != "hmm.postgres":
        pytest.skip(f"THE DATABASE USER {me.name} MAY NOT CREATE ROLES: setup_database_roles was not tested")
    server_of(connection.settings_dict).let_create_roles()


@pytest.fixture
def fresh_embedded_server() -> None:
    """HMM's own user may not create roles, as on every embedded server before the first time."""
    if connection.settings_dict["ENGINE"] != "hmm.postgres":
        pytest.skip("not on the embedded server")
    with connection.cursor() as cursor:
        name = whoami(cursor).name
    info = connection.connection.info
    with psycopg.connect(
        host=info.host, port=info.port, user=SUPERUSER, dbname=info.dbname, autocommit=True
    ) as superuser:
        superuser.execute(f"ALTER ROLE {name} NOCREATEROLE")


@pytest.mark.usefixtures("fresh_embedded_server")
def test_the_embedded_server_lets_its_own_user_make_them():
    with connection.cursor() as cursor:
        assert not whoami(cursor).may_create_roles
    assert "verified" in run()
    assert role(NAMES["application"]) == (False,)


@pytest.mark.usefixtures("fresh_embedded_server")
@pytest.mark.parametrize(
    ("options", "why"),
    [({"verify_only": True}, "there is no role"), ({"operator": SUPERUSER}, "is a superuser")],
)
def test_what_is_refused_lets_nobody_more(options: dict[str, object], why: str):
    with pytest.raises(CommandError, match=why):
        run(**options)
    with connection.cursor() as cursor:
        assert not whoami(cursor).may_create_roles


@pytest.fixture
def plain_user() -> Iterator[str]:
    """Be a user that may not create roles, for the rest of the test's transaction."""
    execute("CREATE ROLE hmm_trial_plain NOLOGIN")
    execute("GRANT hmm_trial_plain TO CURRENT_USER")
    execute("SET ROLE hmm_trial_plain")
    yield "hmm_trial_plain"
    execute("RESET ROLE")


def test_both_roles_are_made_granted_and_verified():
    said = run()
    assert "operator role hmm_trial_operator: created, granted select, insert" in said
    assert "application role hmm_trial_application: created, granted select" in said
    assert "verified" in said
    assert role(NAMES["operator"]) == (False,)


def test_running_again_changes_nothing():
    run()
    said = run()
    assert said.count("was there") == 2
    assert "verified" in run(verify_only=True)


def test_the_trials_leave_no_row_behind():
    run()
    assert stored() == []


def test_what_was_granted_too_much_is_taken_away():
    run()
    execute(f"GRANT ALL ON system_metrics TO {NAMES['application']}")
    with pytest.raises(CommandError, match=r"hmm_trial_application \(application\) may insert") as refused:
        run(verify_only=True)
    assert refused.value.returncode == 2
    run()
    assert "verified" in run(verify_only=True)


def test_what_is_missing_is_named():
    run()
    execute(f"REVOKE INSERT ON system_metrics FROM {NAMES['operator']}")
    with pytest.raises(CommandError, match=r"hmm_trial_operator \(operator\) may not insert"):
        run(verify_only=True)


def test_a_right_that_comes_from_elsewhere_is_found_and_nothing_is_left():
    """Everybody may delete: no grant to the role can take that away."""
    execute("GRANT DELETE ON system_metrics TO PUBLIC")
    with pytest.raises(CommandError, match=r"operator.* may delete"), transaction.atomic():
        run()
    assert role(NAMES["operator"]) is None


def test_the_passwords_are_stored_scrambled_and_said_nowhere(caplog, monkeypatch):
    monkeypatch.setenv("HMM_APPLICATION_PASSWORD", PASSWORD)
    connection.force_debug_cursor = True
    try:
        with caplog.at_level(logging.DEBUG):
            said = run(operator_password=PASSWORD)
        statements = " ".join(query["sql"] for query in connection.queries)
    finally:
        connection.force_debug_cursor = False
    assert "ALTER ROLE" in statements
    assert PASSWORD not in said + caplog.text + statements
    assert statements.count("PASSWORD 'SCRAM-SHA-256$") == 2
    assert [role(name) for name in NAMES.values()] == [(True,), (True,)]


def test_a_user_that_may_not_create_roles_is_told_so(plain_user: str):
    with pytest.raises(CommandError, match=r"hmm_trial_plain may not create roles.*CREATEROLE"):
        run()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"operator": "same", "application": "same"}, "two roles"),
        ({"operator": "pg_mine"}, "cannot be the name"),
        ({"operator": " "}, "cannot be the name"),
        ({"application": "x" * 64}, "cannot be the name"),
    ],
)
def test_names_that_cannot_be_are_refused(names: dict[str, str], said: str):
    with pytest.raises(CommandError, match=said):
        run(**names)


def test_a_role_that_no_grant_limits_is_refused():
    with pytest.raises(CommandError, match="superuser or owns the table"):
        run(operator=connection.settings_dict["USER"])


def test_roles_that_are_not_there_cannot_be_verified():
    with pytest.raises(CommandError, match="there is no role hmm_trial_operator"):
        run(verify_only=True)


def test_a_name_of_any_kind_is_quoted():
    name = 'grafana "; DROP TABLE system_metrics; --'
    run(application=name)
    assert role(name) == (False,)


@pytest.mark.django_db(transaction=True)
def test_the_operator_signs_in_and_writes(monkeypatch):
    monkeypatch.setenv("HMM_OPERATOR_PASSWORD", PASSWORD)
    try:
        run()
        put(timezone.now(), "a", "web", 1)
        settings = connection.settings_dict
        with psycopg.connect(
            host=connection.connection.info.host,
            port=connection.connection.info.port,
            dbname=settings["NAME"],
            user=NAMES["operator"],
            password=PASSWORD,
        ) as operator:
            operator.execute("INSERT INTO system_metrics (metric_name, value) VALUES ('b', 2)")
            for since in ("-5 minutes", "23 hours"):
                operator.execute(
                    "INSERT INTO system_metrics (time, metric_name, value) VALUES (now() + %s::interval, 'b', 3)",
                    [since],
                )
            assert operator.execute("SELECT count(*) FROM system_metrics").fetchone() == (4,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                operator.execute("DELETE FROM system_metrics")
    finally:
        for name in NAMES.values():
            execute(f"DROP OWNED BY {name}")
            execute(f"DROP ROLE {name}")
