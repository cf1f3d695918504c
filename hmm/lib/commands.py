"""The base of HMM's commands: an example in --help; bad input is one clear line and exit status 2."""

import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, connections

from hmm.lib.sqlstates import UNDEFINED_TABLE, sqlstate_of


def fail(message: str) -> NoReturn:
    """End the command with `message` as its one line on stderr and exit status 2."""
    raise CommandError(message, returncode=2)


Parsed = TypeVar("Parsed")


def argument(parse: Callable[[str], Parsed]) -> Callable[[str], Parsed]:
    """Return `parse` as the `type` of an argument: what its ValueError says is what the user reads."""

    def parse_argument(text: str) -> Parsed:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return parse_argument


class _Parser(CommandParser):
    def error(self, message: str) -> NoReturn:
        if self.called_from_command_line:
            self.exit(2, f"{self.prog}: {message} (see --help)\n")
        fail(message)


class HmmCommand(BaseCommand):
    """A command of HMM. Set `help`, and `example` to a line that works."""

    example = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", f"example:\n  {self.example}" if self.example else None)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = _Parser
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run; a refusal, a dead database and Ctrl-C each end in one line, not a traceback."""
        try:
            parser = self.create_parser(argv[0], argv[1])
            options = vars(parser.parse_args(argv[2:]))
            args = options.pop("args", ())
            self.execute(*args, **options)
        except CommandError as error:
            self._end(argv, str(error), error.returncode)
        except (InterfaceError, DatabaseError) as error:
            if options.get("traceback"):
                raise
            self._end(argv, _database_says(error), 2)
        except KeyboardInterrupt:
            self._end(argv, "stopped", 130)
        finally:
            connections.close_all()

    def _end(self, argv: list[str], message: str, status: int) -> NoReturn:
        print(f"{argv[1]}: {message}", file=sys.stderr)  # noqa: T201
        sys.exit(status)


def _database_says(error: Exception) -> str:
    if sqlstate_of(error) == UNDEFINED_TABLE:
        return (
            "the database has not been set up yet; run: manage.py migrate (make up and make demo do it too)"
        )
    return f"the database refused: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
