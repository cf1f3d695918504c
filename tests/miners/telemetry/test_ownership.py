"""Telemetry is read and written in one place: no other module names its table or its model."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

APPS = ("hmm", "energy", "pools", "miners", "metrics")
OWNER = Path("miners/telemetry")
NAMES_THE_TABLE = re.compile(
    r"""\b(?:FROM|JOIN|INTO|UPDATE|TABLE|COPY|TRUNCATE|ONLY)\s+"?telemetry"?(?![\w.])
      | \b(?i:select\b.*?\bfrom\s+"?telemetry"?(?![\w.]))""",
    re.VERBOSE | re.DOTALL,
)
"""Keywords in capitals, or a whole query in any case: "from telemetry" is also said in prose."""


def queries_in(source: str) -> list[str]:
    """Return what in a module's source queries telemetry: SQL in its texts, uses of the model."""
    tree = ast.parse(source)
    documentation = {id(text) for text in docstrings(tree)}
    return [
        found
        for node in ast.walk(tree)
        if id(node) not in documentation
        for found in [query_in(node)]
        if found
    ]


def query_in(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        match = NAMES_THE_TABLE.search(node.value)
        return match[0] if match else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Telemetry":
        return f"Telemetry.{node.attr}"
    return ""


def docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value


def modules() -> Iterator[Path]:
    for app in APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            inside = path.relative_to(settings.BASE_DIR)
            if OWNER not in inside.parents and "migrations" not in inside.parts:
                yield inside


def test_no_module_outside_miners_telemetry_queries_it() -> None:
    found = {
        str(path): queries
        for path in modules()
        if (queries := queries_in((settings.BASE_DIR / path).read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'SQL = "SELECT * FROM telemetry WHERE miner_id = 1"',
        'SQL = f"SELECT 1 from  telemetry t WHERE {x}"',
        'SQL = "DELETE FROM ONLY telemetry"',
        "def f():\n    return Telemetry.objects.count()",
    ],
)
def test_a_query_is_recognised(source: str) -> None:
    assert queries_in(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Reads from telemetry."""',
        'SQL = "SELECT * FROM telemetry_stage"',
        "from miners.telemetry.read import first_reading",
        'HELP = "Computes days again from telemetry."',
        'def f():\n    """What comes from telemetry."""',
    ],
)
def test_what_only_speaks_of_telemetry_is_not_one(source: str) -> None:
    assert queries_in(source) == []
