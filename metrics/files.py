"""What a page shows, as a file to keep."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

from metrics.exports.csv_table import BYTE_ORDER_MARK, guarded


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """Return the download `name`.csv: a header, then the rows, each sent as soon as it is there.

    Null is an empty cell, numbers are as they are, and no text can pass for a formula.
    """
    return StreamingHttpResponse(
        csv_lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"},
    )


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a table for spreadsheets, beginning with the mark by which they see that it is UTF-8."""
    line = csv.writer(_Echo()).writerow
    yield BYTE_ORDER_MARK + line([guarded(name) for name in header])
    for row in rows:
        yield line([guarded(cell) if isinstance(cell, str) else cell for cell in row])


class _Echo:
    """The "file" of csv.writer: gives each line back, as writerow's result."""

    def write(self, line: str) -> str:
        return line
