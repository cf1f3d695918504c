"""Statements whose plans PostgreSQL keeps: functions, made anew from the code after each migrate.

Reading and planning statements as wide as ours takes PostgreSQL 1 to 2 ms each, longer than the work for a few rows.
Prepared statements would save that, but do not live behind a pooler that lends connections by the transaction. The
plans of a function's statements do: each backend keeps them from its first call on.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any, ClassVar

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.sql import quote

from hmm.lib.functions import drop_functions

PREFIX = "metrics_kept_"

NOTHING: Mapping[str, str | bool] = MappingProxyType({})

Query = tuple[str, Mapping[str, Any]]
"""A query and its parameters."""

AS_TEXT: Mapping[frozenset[type], Callable[[Any], str]] = MappingProxyType(
    {frozenset({int}): str, frozenset({datetime}): datetime.isoformat}
)
"""How the elements of an array are written, by their types."""

PARAMETER = re.compile(r"%\((\w+)\)s")

# Otherwise PostgreSQL plans the first five calls anew each, and for ever what it deems to gain by that.
KEEP_PLANS = "SET plan_cache_mode = force_generic_plan"

FUNCTION = f"""
CREATE FUNCTION {{name}}({{arguments}}) RETURNS {{returns}} LANGUAGE plpgsql {KEEP_PLANS} {{settings}} AS $kept$
#variable_conflict use_column
DECLARE
    inserted bigint := 0;
    n bigint;
BEGIN
{{body}}
END
$kept$
"""


@dataclass(frozen=True)
class KeptFunction(ABC):
    """A function of what `statements` name as `%(name)s`; `types` gives for each parameter its type in SQL.

    The function's name tells which statements it was made of, so that one made by another version of the code is never
    called. `settings` hold while it is planned and executed.
    """

    label: str
    types: Mapping[str, str]
    statements: tuple[str, ...]
    settings: str = ""

    returns: ClassVar[str]

    @cached_property
    def parameters(self) -> list[str]:
        """The names of the parameters, in the order of the function's."""
        return list(dict.fromkeys(PARAMETER.findall("".join(self.statements))))

    @cached_property
    def name(self) -> str:
        """The name of the function."""
        return f"{PREFIX}{self.label}_{sha256((self.settings + self._body()).encode()).hexdigest()[:8]}"

    def create_sql(self) -> str:
        """Return the statement that makes the function."""
        arguments = ", ".join(self.types[name] for name in self.parameters)
        return FUNCTION.format(
            name=self.name,
            arguments=arguments,
            returns=self.returns,
            settings=self.settings,
            body=self._body(),
        )

    def call(self, cursor: CursorWrapper, params: Mapping[str, Any]) -> Any:
        """Execute the statements by their kept plans. Returns what the function does."""
        cursor.execute(*self.bound(params))
        return cursor.fetchone()[0]

    def bound(self, params: Mapping[str, Any], mark: str = "") -> tuple[str, dict[str, Any]]:
        """Return the call and its parameters, whose names end with `mark` so that calls can go together."""
        names = ", ".join(f"%({name}{mark})s" for name in self.parameters)
        return f"SELECT {self.name}({names})", {
            f"{name}{mark}": argument(params[name]) for name in self.parameters
        }

    def _numbered(self) -> list[str]:
        """Return the statements with the function's arguments in place of the parameters."""
        numbers = {name: f"${n}" for n, name in enumerate(self.parameters, 1)}
        fill = partial(PARAMETER.sub, lambda match: numbers[match[1]])
        return [fill(statement).replace("%%", "%").strip() for statement in self.statements]

    @abstractmethod
    def _body(self) -> str:
        """Return what is done between BEGIN and END."""


@dataclass(frozen=True)
class KeptQuery(KeptFunction):
    """One query of one JSON value."""

    returns: ClassVar[str] = "jsonb"

    def _body(self) -> str:
        return "".join(f"    RETURN ({query});" for query in self._numbered())


class KeptText(KeptQuery):
    """One query of one value as text. JSON that is written once and not worked with is made twice as fast as jsonb."""

    returns: ClassVar[str] = "text"


@dataclass(frozen=True)
class KeptRows(KeptFunction):
    """One query of rows, for the FROM of others; `columns` are what it gives, with their types."""

    columns: str = ""
    returns: ClassVar[str] = "SETOF record"

    @property
    def rows(self) -> str:
        """The query of the rows, with the parameters by their names."""
        names = ", ".join(f"%({name})s" for name in self.parameters)
        return f"SELECT * FROM {self.name}({names}) AS kept({self.columns})"

    def _body(self) -> str:
        return "".join(f"    RETURN QUERY {query};" for query in self._numbered())


@dataclass(frozen=True)
class Kept(KeptFunction):
    """Statements that are executed one after the other; the function returns how many rows they inserted."""

    returns: ClassVar[str] = "bigint"

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

    def execute(self, cursor: CursorWrapper, params: Mapping[str, Any]) -> int:
        """Execute the statements, each planned for what it is given. Returns how many rows they inserted."""
        inserted = 0
        for statement in self.statements:
            cursor.execute(statement, params)
            inserted += 0 if _deletes(statement) else cursor.rowcount
        return inserted

    def _body(self) -> str:
        return "\n".join([*map(_step, self._numbered()), "    RETURN inserted;"])


class Batch:
    """Statements that write rows, in the order in which they are added; kept ones that adjoin go to the server together.

    Each way to the server and back costs as much as making a few rows. `sent` sends what is left.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Kept, Mapping[str, Any], bool]] = []
        self._rows = 0

    def add(self, kept: Kept, params: Mapping[str, Any], *, counted: bool = True) -> None:
        """Have `kept` called with `params`; `counted` says whether its rows are among those that `sent` returns."""
        self._waiting.append((kept, params, counted))

    def at_once(self, work: Callable[[CursorWrapper], int], *, counted: bool = True) -> None:
        """Do `work` after all that was added before; it returns how many rows it wrote, and `counted` is as with `add`."""
        self.sent()
        with connection.cursor() as cursor:
            rows = work(cursor)
        self._rows += rows if counted else 0

    def sent(self) -> int:
        """Send what is left; return how many rows were written since the batch was begun."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._rows += _call_all(waiting)
        return self._rows


def _call_all(waiting: Sequence[tuple[Kept, Mapping[str, Any], bool]]) -> int:
    """Call all of these in one way to the server; return how many rows those inserted that are counted."""
    bound = [kept.bound(params, f"_{n}") for n, (kept, params, _) in enumerate(waiting)]
    rows = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "; ".join(sql for sql, _ in bound), {name: v for _, named in bound for name, v in named.items()}
        )
        for _, _, counted in waiting:
            rows += cursor.fetchone()[0] if counted else 0
            cursor.nextset()
    return rows


def rows_together(cursor: CursorWrapper, queries: Sequence[Query]) -> list[list[tuple[Any, ...]]]:
    """Return the rows of each of these queries, which go to the server in one way."""
    told = {f"{name}_{n}": value for n, (_, params) in enumerate(queries) for name, value in params.items()}
    cursor.execute("; ".join(PARAMETER.sub(rf"%(\1_{n})s", sql) for n, (sql, _) in enumerate(queries)), told)
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    return found


def create_kept(cursor: CursorWrapper, kept: Iterable[KeptFunction]) -> None:
    """Make the functions of `kept`, and drop those of other versions of the code."""
    drop_functions(cursor, PREFIX)
    for each in kept:
        cursor.execute(each.create_sql())


def arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the driver writes them fast."""
    return {name: argument(value) for name, value in params.items()}


def argument(value: Any) -> Any:
    """Return what the driver writes fast: an array of hundreds of numbers, or of moments, as the text of one."""
    as_text = AS_TEXT.get(frozenset(map(type, value))) if isinstance(value, list) else None
    return f"{{{','.join(map(as_text, value))}}}" if as_text else value


def _step(statement: str) -> str:
    count = "" if _deletes(statement) else "\n    GET DIAGNOSTICS n = ROW_COUNT; inserted := inserted + n;"
    return f"    {statement};{count}"


def _deletes(statement: str) -> bool:
    return statement.lstrip().startswith("DELETE")
