"""manage.py setup_database_roles."""

import os
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from hmm.lib.commands import HmmCommand, fail
from hmm.postgres.lifetime import server_of
from hmm.system_metrics import roles
from hmm.system_metrics.partitions import AHEAD, ensure_hours, hours_between
from hmm.system_metrics.roles import Role

EMBEDDED = "hmm.postgres"

RECENT = timedelta(minutes=5)
"""What the view system_metrics_recent shows."""


class Command(HmmCommand):
    help = (
        "Make two database roles for system metrics: an operator that reads and writes them, and an application "
        "that reads them; then try, as each, what it may and what it must not. Harmless to run again. Passwords "
        "come from HMM_OPERATOR_PASSWORD and HMM_APPLICATION_PASSWORD (or the options, which other users of this "
        "machine can see); a role without one cannot sign in."
    )
    example = "HMM_APPLICATION_PASSWORD=… manage.py setup_database_roles --application grafana"

    def add_arguments(self, parser: ArgumentParser) -> None:
        for kind in ("operator", "application"):
            variable = f"HMM_{kind.upper()}_ROLE"
            parser.add_argument(
                f"--{kind}",
                metavar="NAME",
                default=os.environ.get(variable) or f"hmm_{kind}",
                help=f"name of the {kind} role ({variable}, else hmm_{kind})",
            )
            parser.add_argument(f"--{kind}-password", metavar="PASSWORD", help="its password")
        parser.add_argument("--verify-only", action="store_true", help="change nothing, only try")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [_role(kind, options) for kind in (roles.operator, roles.application)]
        _refuse_names(wanted)
        with connection.cursor() as cursor:
            _refuse_roles(cursor, wanted, options["verify_only"])
            if not options["verify_only"]:
                _require_may_create_roles(cursor)
        # One transaction: a role that may do what it must not is not left behind.
        with transaction.atomic(), connection.cursor() as cursor:
            if not options["verify_only"]:
                for role in wanted:
                    self._set_up(cursor, role)
                _make_hours(cursor)
            self._verify(cursor, wanted)

    def _set_up(self, cursor: Any, role: Role) -> None:
        created = roles.create(cursor, role)
        roles.grant(cursor, role)
        if not roles.whoami(cursor).is_superuser:
            roles.become_member(cursor, role)
        privileges = ", ".join(role.privileges).lower()
        self.stdout.write(
            f"{role.kind} role {role.name}: {'created' if created else 'was there'}, granted {privileges}"
        )

    def _verify(self, cursor: Any, wanted: list[Role]) -> None:
        now = timezone.now()
        ensure_hours(cursor, hours_between(now, now + timedelta(minutes=1)))
        wrong = [text for role in wanted for text in roles.wrong_grants(cursor, role)]
        if wrong:
            fail(f"the grants are not as they must be, nothing was changed: {'; '.join(wrong)}")
        self.stdout.write(f"verified: {len(roles.TRIALS)} things tried as each role, all as they must be")


def _require_may_create_roles(cursor: Any) -> None:
    """Fail where the database user may not make roles. HMM's own of the embedded server is let, once all else is well."""
    me = roles.whoami(cursor)
    if not me.may_create_roles and connection.settings_dict["ENGINE"] == EMBEDDED:
        server_of(connection.settings_dict).let_create_roles()
        me = roles.whoami(cursor)
    if not me.may_create_roles:
        fail(
            f"the database user {me.name} may not create roles; connect as one that may, "
            f'or have a superuser run: ALTER ROLE "{me.name}" CREATEROLE'
        )


def _make_hours(cursor: Any) -> None:
    """Make the hours that others may write, whether HMM, which makes them otherwise, runs or not."""
    now = timezone.now()
    ensure_hours(cursor, hours_between(now - RECENT, now + AHEAD))


def _role(make: Any, options: dict[str, Any]) -> Role:
    kind = make.__name__
    password = options[f"{kind}_password"] or os.environ.get(f"HMM_{kind.upper()}_PASSWORD", "")
    role: Role = make(options[kind], password)
    return role


def _refuse_names(wanted: list[Role]) -> None:
    if wanted[0].name == wanted[1].name:
        fail(f"operator and application must be two roles, not both {wanted[0].name}")
    for role in wanted:
        if not role.name.strip() or role.name.startswith("pg_") or len(role.name.encode()) > 63:
            fail(f"{role.name!r} cannot be the name of a role: 1 to 63 bytes, not beginning with pg_")


def _refuse_roles(cursor: Any, wanted: list[Role], verify_only: bool) -> None:
    for role in wanted:
        if roles.is_too_mighty(cursor, role):
            fail(f"{role.name} is a superuser or owns the table: no grant limits it; name another role")
        if verify_only and not roles.exists(cursor, role):
            fail(f"there is no role {role.name}; run: manage.py setup_database_roles")
