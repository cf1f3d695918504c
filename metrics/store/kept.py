"""Statements whose plans PostgreSQL keeps: functions, made anew from the code after each migrate.

Reading and planning statements as wide as ours takes PostgreSQL 1 to 2 ms each, longer than the work for a few rows.
Prepared statements would save that, but do not live behind a pooler that lends connections by the transaction. The
plans of a function's statements do: each backend keeps them from its first call on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg.sql import quote

PREFIX = "metrics_kept_"

NOTHING: Mapping[str, str | bool] = MappingProxyType({})

PARAMETER = re.compile(r"%\((\w+)\)s")

# For whoever calls: without it, PostgreSQL plans the first five calls anew each.
KEEP_PLANS = "SET LOCAL plan_cache_mode = force_generic_plan"

FUNCTION = """
CREATE FUNCTION {name}({arguments}) RETURNS bigint LANGUAGE plpgsql {settings} AS $kept$
#variable_conflict use_column
DECLARE
    inserted bigint := 0;
    n bigint;
BEGIN
{body}
    RETURN inserted;
END
$kept$
"""

STALE = """
SELECT format('DROP FUNCTION %%s', oid::regprocedure) FROM pg_proc
WHERE starts_with(proname, %s) AND pronamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True)
class Kept:
    """Statements that are executed one after the other, with the parameters that they name as `%(name)s`.

    `types` gives for each parameter its type in SQL. The function's name tells which statements it was made of, so
    that one made by another version of the code is never called.
    """

    label: str
    types: Mapping[str, str]
    statements: tuple[str, ...]
    settings: str = ""

    @classmethod
    def of(
        cls,
        label: str,
        types: Mapping[str, str],
        statements: Iterable[str],
        fixed: Mapping[str, str | bool] = NOTHING,
        settings: str = "",
    ) -> "Kept":
        """Make one of `statements` in which the parameters `fixed` have these values, known when it is planned."""
        values = {name: quote(value).replace("%", "%%") for name, value in fixed.items()}
        fill = partial(PARAMETER.sub, lambda match: values.get(match[1], match[0]))
        return cls(label, types, tuple(fill(statement) for statement in statements), settings)

    @cached_property
    def parameters(self) -> list[str]:
        """The names of the parameters, in the order of the function's."""
        return list(dict.fromkeys(PARAMETER.findall("".join(self.statements))))

    @cached_property
    def name(self) -> str:
        """The name of the function."""
        return f"{PREFIX}{self.label}_{sha256((self.settings + self._body()).encode()).hexdigest()[:8]}"

    def call(self, cursor: CursorWrapper, params: Mapping[str, Any]) -> int:
        """Execute the statements by their kept plans. Returns how many rows they inserted."""
        given = {name: _argument(params[name]) for name in self.parameters}
        cursor.execute(self._call, given)
        return int(cursor.fetchone()[0])

    def execute(self, cursor: CursorWrapper, params: Mapping[str, Any]) -> int:
        """Execute the statements, each planned for what it is given. Returns how many rows they inserted."""
        inserted = 0
        for statement in self.statements:
            cursor.execute(statement, params)
            inserted += 0 if _deletes(statement) else cursor.rowcount
        return inserted

    @cached_property
    def _call(self) -> str:
        return f"SELECT {self.name}({', '.join(f'%({name})s' for name in self.parameters)})"

    def create_sql(self) -> str:
        """Return the statement that makes the function."""
        arguments = ", ".join(self.types[name] for name in self.parameters)
        return FUNCTION.format(name=self.name, arguments=arguments, body=self._body(), settings=self.settings)

    def _body(self) -> str:
        numbers = {name: f"${n}" for n, name in enumerate(self.parameters, 1)}
        return "\n".join(_step(statement, numbers) for statement in self.statements)


def create_kept(cursor: CursorWrapper, kept: Iterable[Kept]) -> None:
    """Make the functions of `kept`, and drop those of other versions of the code."""
    cursor.execute(STALE, [PREFIX])
    for (drop,) in cursor.fetchall():
        cursor.execute(drop)
    for each in kept:
        cursor.execute(each.create_sql())


def _argument(value: Any) -> Any:
    """Return what the driver writes fast: an array of hundreds of numbers as the text of one."""
    if isinstance(value, list) and value and all(type(each) is int for each in value):
        return f"{{{','.join(map(str, value))}}}"
    return value


def _step(statement: str, numbers: Mapping[str, str]) -> str:
    sql = PARAMETER.sub(lambda match: numbers[match[1]], statement).replace("%%", "%")
    count = "" if _deletes(statement) else "\n    GET DIAGNOSTICS n = ROW_COUNT; inserted := inserted + n;"
    return f"    {sql.strip()};{count}"


def _deletes(statement: str) -> bool:
    return statement.lstrip().startswith("DELETE")
