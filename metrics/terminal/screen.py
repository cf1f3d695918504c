"""The snapshot as text: at any width, in colour or without, whole or as much as a screen holds."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from hmm.health import SILENT_AFTER
from metrics.dashboard.blocks import PriceBlock
from metrics.dashboard.fleet import Figure
from metrics.dashboard.miner_table import MinerRow
from metrics.dashboard.prices import PriceRow
from metrics.query import JobStatistics
from metrics.templatetags.hmm_format import age, decimal, percent
from metrics.terminal.layout import (
    JOB_COLUMNS,
    MINER_COLUMNS,
    Column,
    allot,
    columns_for,
    cut,
    lines_of,
    printable,
)
from metrics.terminal.snapshot import Snapshot
from metrics.terminal.sparkline import ASCII, BLOCKS, sparkline
from metrics.terminal.thresholds import Level, Verdict, miner_level, queue_verdict
from metrics.terminal.work import verdict_on

STYLES = {Level.GOOD: "green", Level.WARN: "yellow", Level.BAD: "bold red", Level.MUTED: "dim"}
WORDS = {Level.GOOD: "fine", Level.MUTED: "fine", Level.WARN: "needs a look", Level.BAD: "trouble"}
BAND_STYLES = {"negative": "green", "low": "green", "high": "yellow", "very high": "red"}
HEADER = "bold"
SEPARATOR = " · "
FLEET_CELLS = 24
FLEET_SERIES_FROM = 72
FIGURES_ALL_FROM = 110
SPACES_AND_HEADERS = 3 + 1 + 2
"""Blank lines, the header of the miners, that of the jobs and all of them together."""

NO_MINERS = "There is no miner yet: manage.py add_miner, or the admin's Miners, adds one."


class Screen:
    """A snapshot that rich can print. `fits`: on a screen, leave out the lines for which there is no room."""

    def __init__(self, snapshot: Snapshot, *, fits: bool) -> None:
        self.snapshot, self.fits = snapshot, fits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown, width = self.snapshot, options.max_width
        glyphs = BLOCKS if console.encoding.startswith("utf") else ASCII
        head, prices, queue = _head(shown, width, glyphs), _prices(shown, width), _queue(shown)
        jobs = sorted(shown.work.jobs, key=lambda job: -list(Level).index(verdict_on(job).level))
        miner_lines = job_lines = None
        if self.fits:
            taken = len(console.render_lines(Group(head, prices, queue), options.update(height=None)))
            free = console.height - taken - SPACES_AND_HEADERS
            miner_lines, job_lines = allot(free, len(shown.miners), len(jobs))
        miners = _miners(shown, width, glyphs, miner_lines)
        yield Group(head, Text(), miners, Text(), prices, Text(), _jobs(shown, jobs, width, job_lines), queue)


def _head(shown: Snapshot, width: int, glyphs: str) -> RenderableType:
    title = Table.grid(expand=True)
    title.add_column(no_wrap=True, overflow="ellipsis")
    title.add_column(justify="right", no_wrap=True)
    level = shown.level
    local = shown.at.now.astimezone(shown.at.zone)
    left = Text.assemble(("HMM ", "bold"), (WORDS[level], STYLES[level]), f"  {local:%a %d %b %H:%M:%S}")
    spark = sparkline(shown.fleet_series, FLEET_CELLS, glyphs)
    has_series = spark.strip() and width >= FLEET_SERIES_FROM
    title.add_row(left, Text(f"24 h {spark}" if has_series else ""))
    lines: list[RenderableType] = [title]
    if shown.summary:
        style = STYLES[Level(shown.summary.tone)]
        lines += [Text(line, style) for line in _wrapped(shown.summary.parts, width)]
        lines += [Text(line) for line in _figures(shown.summary.figures, width)]
    if shown.notice:
        lines.append(Text(printable(shown.notice), STYLES[Level.WARN]))
    return Group(*lines)


def _wrapped(parts: Sequence[str], width: int) -> list[str]:
    return lines_of([printable(part) for part in parts], width, SEPARATOR)


def _figures(figures: Sequence[Figure], width: int) -> list[str]:
    """The sentence says the last two, price and cost; a wide terminal has them here too, with the notes."""
    wide = width >= FIGURES_ALL_FROM
    return _wrapped(
        [_figure(figure, with_notes=wide) for figure in (figures if wide else figures[:3])], width
    )


def _figure(figure: Figure, *, with_notes: bool) -> str:
    notes = [note for note in figure.notes if note != "now"] if with_notes else []
    return f"{figure.label} {figure.text}" + (f" ({', '.join(notes)})" if notes else "")


def _miners(shown: Snapshot, width: int, glyphs: str, lines: int | None) -> RenderableType:
    if not shown.miners:
        return Text(NO_MINERS)
    columns = columns_for(MINER_COLUMNS, width)
    kept, left_out = cut(shown.miners, lines)
    table = _table(columns)
    for row in kept:
        cells = _miner_cells(row, shown.series.get(row.id, ()), glyphs)
        table.add_row(*(cells[column.key] for column in columns))
    return _with_rest(table, "miner", [row.state for row in left_out])


def _miner_cells(row: MinerRow, series: Sequence[float | None], glyphs: str) -> dict[str, Text]:
    level = miner_level(row.tone, row.is_hot)
    style = STYLES[level]
    widths = {column.key: column.width for column in MINER_COLUMNS}
    return {
        "name": Text(printable(row.name)),
        "state": Text(f"hot, {row.state}" if row.is_hot else row.state, style),
        "since": Text(row.since.removeprefix("for ")),
        "hashrate": Text(row.hashrate),
        "power_w": Text(row.power_w),
        "temperature_c": Text(row.temperature_c, STYLES[Level.BAD] if row.is_hot else ""),
        "efficiency": Text(row.efficiency_j_per_th),
        "rejects": Text(row.rejects_percent),
        "age": Text(row.reading_age),
        "spark": Text(sparkline(series, widths["spark"], glyphs)),
        "long_spark": Text(sparkline(series, widths["long_spark"], glyphs)),
        "model": Text(printable(row.model)),
        "reason": Text(printable(row.reason), style),
    }


def _prices(shown: Snapshot, width: int) -> RenderableType:
    if not shown.prices:
        return Text("No site is on a tariff.")
    return Group(*(line for block in shown.prices for line in _price_lines(block, width)))


def _price_lines(block: PriceBlock, width: int) -> Iterable[Text]:
    said = Text(no_wrap=True, overflow="ellipsis")
    parts = [f"{block.title}: {block.sentence}", block.published]
    said.append(printable(SEPARATOR.join(filter(None, parts))))
    yield said
    if block.fetch_error:
        yield _one_line(f"the last fetch of prices failed: {block.fetch_error}", STYLES[Level.WARN])
    if coming := [row for row in block.rows if not row.is_now]:
        yield _coming(coming, width)


def _coming(rows: Sequence[PriceRow], width: int) -> Text:
    """Return the next slots in one line: as many as fit."""
    head, gap = "next ", "  "
    first_line = lines_of([_slot_words(row) for row in rows], width - len(head), gap)[0]
    slots = zip(first_line.split(gap), rows, strict=False)
    return Text(head) + Text(gap).join(Text(words, BAND_STYLES.get(row.band, "")) for words, row in slots)


def _slot_words(row: PriceRow) -> str:
    return f"{row.when.partition('–')[0]} {row.price}"


def _jobs(shown: Snapshot, jobs: Sequence[JobStatistics], width: int, lines: int | None) -> RenderableType:
    columns = columns_for(JOB_COLUMNS, width)
    kept, left_out = cut(jobs, lines)
    table = _table(columns)
    for job in (shown.work.all_jobs, *kept):
        cells = _job_cells(job, shown)
        table.add_row(*(cells[column.key] for column in columns))
    return _with_rest(table, "job", [verdict_on(job).word for job in left_out])


def _job_cells(job: JobStatistics, shown: Snapshot) -> dict[str, Text]:
    # Each job has its own verdict; all of them together only say how many runs there were and how they went.
    verdict = verdict_on(job) if job.name else Verdict(Level.MUTED, "" if job.runs else "no runs")
    return {
        "name": Text(printable(job.name or "all in 24 h")),
        "verdict": Text(verdict.word, STYLES[verdict.level]),
        "last": Text(age(shown.at.now - job.last_started_at if job.last_started_at else None)),
        "success": Text(percent(job.success_rate)),
        "p50": Text(_seconds(job.p50_s)),
        "p99": Text(_seconds(job.p99_s)),
        "runs": Text(f"{job.runs:,}"),
        "error": Text(printable(job.last_error.partition("\n")[0]), STYLES[Level.WARN]),
    }


def _seconds(seconds: float | None) -> str:
    return f"{decimal(seconds, 2)} s" if seconds is not None else decimal(None)


def _queue(shown: Snapshot) -> Text:
    work = shown.work
    verdict = queue_verdict(work.queue.waiting)
    said = Text.assemble("queue: ", (verdict.word, STYLES[verdict.level]))
    if work.queue.waiting is not None:
        said.append(f", {work.queue.waiting:,} waiting, {work.queue.at_work:,} at work")
    for service in sorted({*work.beats, *work.silent}):
        said.append(SEPARATOR)
        said.append(*_service(service, shown))
    return said


def _service(service: str, shown: Snapshot) -> tuple[str, str]:
    beat = shown.work.beats.get(service)
    if beat is None:
        return f"{service} never seen", STYLES[Level.BAD]
    silent_for = shown.at.now - beat
    if silent_for <= SILENT_AFTER:
        return f"{service} alive", STYLES[Level.GOOD]
    level = Level.BAD if service in shown.work.silent else Level.MUTED
    return f"{service} silent for {age(silent_for)}", STYLES[level]


def _table(columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style=HEADER, expand=False)
    for column in columns:
        table.add_column(
            column.header,
            justify=column.justify,
            width=column.width or None,
            ratio=None if column.width else 1,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _with_rest(table: Table, what: str, left_out: Sequence[str]) -> RenderableType:
    if not left_out:
        return table
    kinds = ", ".join(f"{count} {word}" for word, count in Counter(left_out).items())
    return Group(
        table, _one_line(f"… and {len(left_out)} more {what}{'s' * (len(left_out) > 1)}: {kinds}", "")
    )


def _one_line(text: str, style: str) -> Text:
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")
