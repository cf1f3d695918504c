"""Outcomes on disk: what goes in comes out, in order, whatever tears or is damaged."""

import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from miners.collector.lines import Damaged, read_line, write_line
from miners.collector.place import Place
from miners.collector.poll import Outcome, Target
from miners.collector.spool import Spool, SpoolFull
from miners.drivers.base import Reading
from tests.miners.collector.conftest import NOON

TARGET = Target(7, "bench", "127.0.0.1", 80, "line", "", 30)

texts = st.text(max_size=20)
numbers = st.none() | st.floats(allow_nan=False) | st.integers()
targets = st.builds(
    Target,
    st.integers(1),
    texts,
    texts,
    st.none() | st.integers(1, 65535),
    texts,
    texts,
    st.integers(5, 3600),
)
readings = st.builds(
    Reading,
    texts,
    st.none() | texts,
    hashrate_ghs=numbers,
    accepted=st.none() | st.integers(),
    mode=st.none() | texts,
    warnings=st.lists(texts).map(tuple),
)
outcomes = st.builds(Outcome, targets, st.datetimes(timezones=st.just(UTC)), readings | texts)


def failed(n: int) -> Outcome:
    return Outcome(TARGET, NOON + timedelta(seconds=n), f"no answer {n}")


def reasons(found: Sequence[Outcome]) -> list[int]:
    return [int(str(outcome.result).split()[-1]) for outcome in found]


def make(directory: Path, *, max_bytes: int = 1_000_000, segment_bytes: int = 500) -> Spool:
    return Spool(directory, max_bytes=max_bytes, segment_bytes=segment_bytes)


def drain(spool: Spool, at_once: int = 3) -> list[int]:
    """Read and forget all of it."""
    found: list[int] = []
    while spool:
        some = spool.read(at_once)
        found += reasons(some.outcomes)
        spool.forget(some)
    return found


@given(outcomes)
def test_a_line_is_read_as_it_was_written(outcome: Outcome) -> None:
    line = write_line(outcome)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read_line(line) == outcome


@given(outcomes, st.data())
def test_one_wrong_byte_is_noticed(outcome: Outcome, data: st.DataObject) -> None:
    line = bytearray(write_line(outcome))
    place = data.draw(st.integers(0, len(line) - 2))
    line[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Damaged):
        read_line(bytes(line))


def test_a_line_of_another_version_is_refused_or_read_without_what_is_unknown() -> None:
    def line(text: bytes) -> bytes:
        return b"%08x %s\n" % (zlib.crc32(text), text)

    known = b'"target":{"miner_id":7,"name":"bench","host":"h","driver":"","identity":"","interval_s":30,"colour":"red"}'
    found = read_line(line(b'{"at":"2026-03-01T12:00:00+00:00",%s,"reason":"x","new":1}' % known))
    assert (found.target.name, found.target.port, found.result) == ("bench", None, "x")
    for text in (b"{}", b"[]", b'{"at":"noon",%s,"reason":"x"}' % known, b'{"at":1,"target":3}'):
        with pytest.raises(Damaged, match="cannot read it"):
            read_line(line(text))


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 9), st.booleans())
def test_what_was_appended_comes_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], at_once: int, anew: bool
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    spool, count = make(directory), 0
    for size in sizes:
        spool.append([failed(n) for n in range(count, count + size)])
        count += size
        if anew:
            spool = make(directory)
    assert spool.readings == count
    assert drain(spool, at_once) == list(range(count))
    assert (spool.readings, spool.size, spool.oldest) == (0, 0, None)
    assert list(directory.glob("*.spool")) == []


@given(st.integers(1, 10), st.data())
def test_a_tail_torn_anywhere_costs_only_the_line_that_is_torn(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    make(directory, segment_bytes=10_000).append([failed(n) for n in range(count)])
    (segment,) = directory.glob("*.spool")
    whole = segment.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    segment.write_bytes(whole[:cut])
    spool = make(directory)
    spool.append([failed(99)])
    found = spool.read(1000)
    assert reasons(found.outcomes) == [*range(whole[:cut].count(b"\n")), 99]
    assert found.damaged == []
    spool.forget(found)
    assert not spool


def test_a_damaged_line_in_the_middle_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    make(tmp_path, segment_bytes=10_000).append([failed(n) for n in range(3)])
    (segment,) = tmp_path.glob("*.spool")
    segment.write_bytes(segment.read_bytes().replace(b"no answer 1", b"no answer 7"))
    found = make(tmp_path).read(10)
    assert reasons(found.outcomes) == [0, 2]
    assert [line.reason for line in found.damaged] == ["the checksum is wrong"]


def test_what_was_read_and_not_forgotten_is_read_again_after_a_crash(tmp_path: Path) -> None:
    spool = make(tmp_path)
    spool.append([failed(n) for n in range(9)])
    spool.forget(spool.read(2))
    spool.read(3)
    found = drain(make(tmp_path))
    assert found == list(range(9))  # those forgotten within a segment too: a replay changes nothing


def test_what_is_appended_between_reading_and_forgetting_stays(tmp_path: Path) -> None:
    spool = make(tmp_path)
    spool.append([failed(0), failed(1)])
    found = spool.read(10)
    spool.append([failed(2)])
    spool.forget(found)
    assert (spool.readings, drain(spool)) == (1, [2])


def test_it_says_how_much_it_holds_and_since_when(tmp_path: Path) -> None:
    spool = make(tmp_path)
    spool.append([failed(5), failed(6)])
    assert (spool.readings, spool.oldest) == (2, NOON + timedelta(seconds=5))
    assert spool.size == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_what_does_not_fit_is_refused_whole_and_what_is_there_stays(tmp_path: Path) -> None:
    spool = make(tmp_path, max_bytes=400)
    spool.append([failed(0), failed(1)])
    with pytest.raises(SpoolFull, match="may take 400 bytes"):
        spool.append([failed(2), failed(3)])
    assert spool.readings == 2
    assert drain(spool) == [0, 1]
    spool.append([failed(4), failed(5)])


def test_a_disk_that_is_full_costs_what_did_not_fit_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make(tmp_path)
    spool.append([failed(0)])

    def no_room(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_room)
        with pytest.raises(SpoolFull, match="No space left"):
            spool.append([failed(1), failed(2)])
    spool.append([failed(3)])
    assert drain(make(tmp_path)) == [0, 3]


def test_each_collector_has_a_place_of_its_own_and_takes_what_the_dead_have_left(tmp_path: Path) -> None:
    first = Place(tmp_path)
    second = Place(tmp_path)
    assert first.directory != second.directory
    make(second.directory).append([failed(1)])
    third = Place(tmp_path)
    assert make(third.directory).readings == 0  # its owner lives
    second.leave()
    first.leave()
    again = Place(tmp_path)
    assert again.directory == first.directory
    assert drain(make(again.directory)) == [1]


HOLD_PLACE = """
import sys
from pathlib import Path
from miners.collector.place import Place
place = Place(Path(sys.argv[1]))
print(place.directory, flush=True)
sys.stdin.read()
"""


@pytest.mark.process
def test_a_place_is_free_again_when_its_process_was_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{HOLD_PLACE}", str(tmp_path)],
        cwd=django_settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        taken = Path(process.stdout.readline().strip())
        assert Place(tmp_path).directory != taken
    finally:
        process.kill()
        process.wait(20)
    assert Place(tmp_path).directory == taken
