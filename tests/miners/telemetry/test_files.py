"""Telemetry files, block by block: every line is there once, under its number, and the memory stays small."""

import gzip
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miners.telemetry import files, importing
from miners.telemetry.files import FileRefused, Numbered, reading
from miners.telemetry.importing import _Names, _stage_chunk
from miners.telemetry.lines import LineRefused
from miners.telemetry.staging import Stage

HEADER = "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected"
SOUND = "bench,2025-03-01T12:00:00Z,15.5,1200,61.5,4200,1,0"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def lines_of(path: Path) -> list[Numbered]:
    with reading(path, NOW, lambda _: None) as chunks:
        return [line for chunk in chunks for line in chunk.lines()]


class Sink:
    """Takes the place of the COPY: counts, and keeps nothing."""

    rows = 0

    def write(self, text: str) -> None:
        self.rows += text.count("\n")


def staged(path: Path, *, keep_going: bool = False, create: bool = True) -> Stage:
    stage, names = Stage(Sink()), _Names({}, create=create)
    with reading(path, NOW, lambda _: None) as chunks:
        for chunk in chunks:
            _stage_chunk(stage, names, chunk, keep_going)
    stage.flush()
    return stage


texts = st.sampled_from([SOUND, "", " ", "torn", "Küche" + SOUND, '"bench 1"' + SOUND[5:], '"open' + SOUND])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(texts, max_size=9),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.integers(1, 200),
    st.booleans(),
)
def test_every_line_is_there_once_under_its_number(
    tmp_path: Path, given_texts: list[str], line_end: str, ends: bool, block_bytes: int, packed: bool
) -> None:
    path = tmp_path / "file.csv"
    content = (line_end.join([HEADER, *given_texts]) + (line_end if ends else "")).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "BLOCK_BYTES", block_bytes)
        found = lines_of(path)
    assert [(number, text) for number, _, text in found] == [
        (number, text) for number, text in enumerate(given_texts, start=2) if text.strip()
    ]
    sound = [text for _, line, text in found if not isinstance(line, LineRefused)]
    assert sound == [text for text in given_texts if text.strip() and text not in ("torn", '"open' + SOUND)]


def test_a_quotation_that_is_not_closed_spoils_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("\n".join([HEADER, SOUND, '"bench,2025-03-01', SOUND, SOUND]))
    found = lines_of(path)
    assert [number for number, line, _ in found if isinstance(line, LineRefused)] == [3]
    assert str(found[1][1]) == "is not CSV: a quotation is not closed"


def test_a_carriage_return_within_a_line_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("\n".join([HEADER, SOUND, SOUND.replace(",", "\r,", 1)]).encode())
    assert [str(line) for _, line, _ in lines_of(path)][1:] == ["is not CSV: it holds a carriage return"]


def test_names_in_quotation_marks_may_hold_a_comma(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f'{HEADER}\n"shed, left"{SOUND[5:]}\n')
    ((_, line, _),) = lines_of(path)
    assert not isinstance(line, LineRefused)
    assert line.miner == "shed, left"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_sound_lines_go_by_columns_a_block_at_a_time(tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes((line_end.join([HEADER, *[SOUND] * 20_000]) + line_end).encode())
    with reading(path, NOW, lambda _: None) as chunks:
        columns = [chunk.columns() for chunk in chunks]
    assert len(columns) > 1
    assert sum(len(found.miners) for found in columns if found is not None) == 20_000


def test_cells_that_make_up_for_each_other_are_not_taken_for_sound(tmp_path: Path) -> None:
    """One line with a cell too few beside one with a cell too many, which together have as many as they should."""
    path = tmp_path / "file.csv"
    path.write_text("\n".join([HEADER, SOUND, SOUND.rpartition(",")[0], f"0,{SOUND}", SOUND, ""]))
    with reading(path, NOW, lambda _: None) as chunks:
        assert [chunk.columns() for chunk in chunks] == [None]


@pytest.mark.parametrize(("before", "number"), [(0, 2), (1, 3), (20_000, 20_002)])
def test_a_line_without_end_refuses_the_file(tmp_path: Path, before: int, number: int) -> None:
    path = tmp_path / "file.csv"
    path.write_text("\n".join([HEADER, *[SOUND] * before, "x" * 3_000_000]))
    with pytest.raises(FileRefused, match=f"line {number} is longer than 65535 characters"):
        lines_of(path)


@pytest.mark.parametrize("content", [b"\0" * 200_000, b"x" * 65536 + b"\n"])
def test_what_begins_with_a_line_without_end_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="line 1 is longer"):
        lines_of(path)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(gzip.compress(f"{HEADER}\n{SOUND}\n".encode())))
    writer.start()
    assert [number for number, _, _ in lines_of(path)] == [2]
    writer.join()


def bad_lines(count: int) -> Iterator[str]:
    yield HEADER
    yield from (f"{SOUND[:30]}{n},nan" for n in range(count))


def sound_lines(count: int) -> Iterator[str]:
    yield HEADER
    yield from (SOUND for _ in range(count))


def foreign_lines(count: int) -> Iterator[str]:
    yield HEADER
    yield from (f"nobody-{n}{SOUND[5:]}" for n in range(count))


@pytest.mark.parametrize("make", [bad_lines, sound_lines, foreign_lines])
def test_what_is_held_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Iterator[str]]
) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 1 << 15)
    peaks = []
    for count in (4_000, 16_000):
        path = tmp_path / f"{count}.csv"
        path.write_text("\n".join(make(count)))
        tracemalloc.start()
        staged(path, keep_going=True, create=make is not foreign_lines)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_names_no_end_of_miners_is_refused(
    tmp_path: Path, create: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_NEW_NAMES", 500)
    path = tmp_path / "file.csv"
    path.write_text("\n".join(foreign_lines(501)))
    with pytest.raises(FileRefused, match="more than 500 miners that do not exist"):
        staged(path, create=create)
    path.write_text("\n".join(foreign_lines(500)))
    assert staged(path, create=create).rows == (500 if create else 0)


def test_a_bad_line_is_found_among_many_and_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    lines = [SOUND] * 10_000
    lines[7_654] = "torn"
    path.write_text("\n".join([HEADER, *lines]))
    with pytest.raises(FileRefused, match="line 7656: has 1 cells, the header has 8"):
        staged(path)
    stage = staged(path, keep_going=True)
    assert (stage.rows, stage.problems) == (9_999, 1)
