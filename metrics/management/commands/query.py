"""Asks the query layer."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import datetime
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.console import Console

from hmm.installation import installation
from hmm.lib.commands import HmmCommand, fail
from metrics.query import NotComputedYet, Refused
from metrics.query.questions import QUESTIONS, Answer, Present, Question
from metrics.query.questions.tables import table_of

ASKED = {question.name: question for question in QUESTIONS}
WIDTH_OF_A_PIPE = 200


class Command(HmmCommand):
    help = "Ask for figures of the metrics store, and how the jobs run, as the pages and the API do."
    example = "\n  ".join(question.example for question in QUESTIONS)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # Here, and not in add_arguments: only now has the parser HMM's way of refusing, which these inherit.
        asked = parser.add_subparsers(dest="question", metavar="QUESTION", required=True)
        for question in QUESTIONS:
            _add(asked, question)
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        at = Present(timezone.now(), installation().zone)
        try:
            found = ASKED[options["question"]].answer(options, at)
        except Refused as refusal:
            fail(f"{_option(refusal.field)}: {refusal}")
        except NotComputedYet as reason:
            fail(str(reason))
        if options["json"]:
            self.stdout.write(as_json(found, at.zone))
        else:
            self._show(found, at.zone)

    def _show(self, found: Answer, zone: ZoneInfo) -> None:
        console = Console(
            file=cast(IO[str], self.stdout), width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
        )
        if not found.rows:
            console.print("nothing found")
            return
        console.print(table_of(found.lines or found.rows, zone))
        if found.next:
            console.print(f"There is more: ask again with --cursor {found.next}", soft_wrap=True)


def as_json(found: Answer, zone: ZoneInfo) -> str:
    """Return an answer as JSON, its times in `zone` with their offset."""

    def plain(value: Any) -> str:
        if isinstance(value, datetime):
            return value.astimezone(zone).isoformat()
        raise TypeError(f"{type(value).__name__} has no place in an answer")

    return json.dumps(
        {"results": found.rows, "next": found.next}, default=plain, ensure_ascii=False, indent=2
    )


def _option(field: str) -> str:
    """Return how what a refusal names is written on the command line."""
    if field == "miner":
        return "MINER"
    return f"-{field}" if len(field) == 1 else f"--{field.replace('_', '-')}"


def _add(asked: Any, question: Question) -> None:
    parser: ArgumentParser = asked.add_parser(
        question.name,
        help=question.help,
        description=f"{question.help[0].upper()}{question.help[1:]}.",
        epilog=f"example:\n  {question.example}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    for options in question.options:
        options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
