"""Writes figures of the store to a file or to standard output."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from django.utils import timezone

from hmm.installation import installation
from hmm.lib.buckets import PERIODS
from hmm.lib.command_ranges import add_range, given_range
from hmm.lib.commands import HmmCommand, fail
from hmm.supervisor.signals import StopSignals
from metrics.engine.grid import BEGINNING
from metrics.exports import exporters
from metrics.exports.base import Figures, Selection
from metrics.exports.destination import STANDARD_OUTPUT, destination, write_all
from metrics.exports.read import StoredFigures, current_setting, prepare, snapshot
from metrics.query import NotComputedYet
from metrics.types import metric_types

ENTITY_TYPES = ("miner", "pool", "site", "system")
BROKEN_PIPE_STATUS = 141
"""What a shell gives a program that SIGPIPE has ended."""


class Command(HmmCommand):
    help = (
        "Write figures of the metrics store: those of every period that begins in the range and is over; an open "
        "period is left out. Without a range, and without --type, --period and --entity-type: everything. What is "
        "not computed yet is computed first, up to two days of it. A file takes its name when it is whole."
    )
    example = (
        "manage.py export_metrics --format csv --period daily --from 2025-03-01 --to 2025-03-31 -o march.csv"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        formats = "; ".join(f"{name}: {exporters[name].description}" for name in exporters.names())
        parser.add_argument("--format", required=True, choices=exporters.names(), help=formats)
        parser.add_argument("--gzip", action="store_true", help="compress it")
        add_range(parser)
        parser.add_argument(
            "-o",
            "--output",
            default=STANDARD_OUTPUT,
            metavar="FILE",
            help="where to; a file that is there is replaced; - is standard output (default)",
        )
        _add_words(parser, "--type", metric_types.names())
        _add_words(parser, "--period", PERIODS)
        _add_words(parser, "--entity-type", ENTITY_TYPES)

    def handle(self, *args: Any, **options: Any) -> None:
        selection = _selection(options, timezone.now())
        target = options["output"]
        if not target:
            fail("-o is empty; give the name of a file, or - for standard output")
        try:
            with StopSignals(), destination(target, compressed=options["gzip"]) as out:
                prepare(selection)
                with snapshot():
                    figures = StoredFigures(selection, current_setting())
                    with closing(_pieces(options["format"], figures)) as pieces:
                        write_all(pieces, out)
        except NotComputedYet as error:
            fail(str(error))
        except BrokenPipeError:
            sys.exit(BROKEN_PIPE_STATUS)
        except OSError as error:
            fail(f"cannot write {_shown(target)}: {_reason(error, target)}")


def _add_words(parser: ArgumentParser, option: str, words: Sequence[str]) -> None:
    text = f"{', '.join(words)}; may be repeated; all when left out"
    parser.add_argument(option, action="append", choices=words, metavar="WORD", help=text)


def _selection(options: dict[str, Any], now: datetime) -> Selection:
    types = _chosen(options["type"], metric_types.names())
    entity_types = _chosen(options["entity_type"], ENTITY_TYPES)
    types = [name for name in types if set(entity_types) & set(metric_types[name].entities)]
    if not types:
        fail(f"--type {' '.join(options['type'])} has no figures of a {' or '.join(entity_types)}")
    start, end = given_range(options, installation().zone, first=BEGINNING, last=now)
    return Selection(types, _chosen(options["period"], PERIODS), entity_types, start, end, now)


def _chosen(given: Sequence[str] | None, all_words: Sequence[str]) -> list[str]:
    return [word for word in all_words if given is None or word in given]


def _pieces(name: str, figures: Figures) -> Generator[str, None, None]:
    # Closing this one closes the cursors it reads from, before their transaction ends.
    yield from exporters[name].write(figures)


def _shown(target: str) -> str:
    return "to standard output" if target == STANDARD_OUTPUT else target


def _reason(error: OSError, target: str) -> str:
    directory = os.path.dirname(os.path.realpath(target))
    if isinstance(error, FileNotFoundError):
        return f"there is no directory {directory}; make it first"
    return error.strerror or str(error)
