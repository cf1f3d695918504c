"""Where an export goes: whole or not at all under its name; streams as they are."""

import gzip
import os
import stat
import threading
from pathlib import Path

import pytest

from metrics.exports.destination import destination, write_all


def test_the_name_is_taken_when_all_is_written(tmp_path: Path) -> None:
    target = tmp_path / "figures.csv"
    with destination(str(target), compressed=False) as out:
        out.write(b"half")
        assert not target.exists()
        out.write(b" and half")
    assert target.read_bytes() == b"half and half"
    assert os.listdir(tmp_path) == ["figures.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, BrokenPipeError])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], compressed: bool
) -> None:
    target = tmp_path / "figures.csv"
    target.write_text("of yesterday")
    with pytest.raises(error):
        _fail_halfway(target, error, compressed=compressed)
    assert target.read_text() == "of yesterday"
    assert os.listdir(tmp_path) == ["figures.csv"]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "figures.csv"
    target.touch(0o600)
    with destination(str(target), compressed=False) as out:
        out.write(b"new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_what_a_link_points_to_is_replaced_not_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with destination(str(tmp_path / "link.csv"), compressed=False) as out:
        out.write(b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with destination(str(pipe), compressed=False) as out:
        out.write(b"through")
    reader.join(30)
    assert read == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_gzip_is_one_whole_member(tmp_path: Path) -> None:
    target = tmp_path / "figures.csv.gz"
    with destination(str(target), compressed=True) as out:
        write_all(["Küche\n", "Bad\n"] * 50_000, out)
    assert gzip.decompress(target.read_bytes()).decode() == "Küche\nBad\n" * 50_000


@pytest.mark.parametrize("place", ["missing/figures.csv", "file/figures.csv", "."])
def test_where_nothing_can_be_written_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        destination(str(tmp_path / place), compressed=False).__enter__()
    assert os.listdir(tmp_path) == ["file"]


def _fail_halfway(target: Path, error: type[BaseException], *, compressed: bool) -> None:
    with destination(str(target), compressed=compressed) as out:
        out.write(b"half")
        raise error
