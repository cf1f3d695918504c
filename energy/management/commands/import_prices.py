"""manage.py import_prices."""

import contextlib
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import IO, Any

from energy.price_files import PriceFileError, read_price_file
from energy.storing import NumberedPriceError, OverlapError, store_numbered_prices
from energy.tariffs import tariff_numbered
from hmm.lib.commands import HmmCommand, fail


class Command(HmmCommand):
    help = (
        "Import electricity prices from a CSV file (start,end,pence_per_kwh; times in ISO 8601 with offset, on"
        " marks of five minutes), plain or gzip-compressed. A slot that is stored already takes the new price;"
        " one that overlaps a stored slot in part is refused. All or nothing: a wrong line changes nothing."
    )
    example = "manage.py import_prices --tariff 1 prices.csv"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tariff", type=int, metavar="N", required=True, help="the tariff's number")
        parser.add_argument("file", metavar="FILE", help="the file, - for standard input")

    def handle(self, *args: Any, tariff: int, file: str, **options: Any) -> None:
        found = tariff_numbered(tariff)
        name = "standard input" if file == "-" else file
        with _opened(file) as opened:
            try:
                result = store_numbered_prices(found, read_price_file(opened))
            except PriceFileError as error:
                fail(f"{name}, {error}")
            except NumberedPriceError as error:
                fail(f"{name}, line {error.number}: {error}{_other_line(error)}")
            except OSError as error:
                fail(f"{name}: {error.strerror or error}")
        self.stdout.write(f"{found} (tariff {found.pk}): {result}")


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = open(file, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        fail(f"{file}: {getattr(error, 'strerror', None) or error}")
    with opened:
        yield opened


def _other_line(error: NumberedPriceError) -> str:
    if isinstance(error, OverlapError) and error.other_number is not None:
        return f" of line {error.other_number}"
    return ""
