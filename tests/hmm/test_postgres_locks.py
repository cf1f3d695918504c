"""The locks between processes that use the embedded server."""

import os
import threading
from pathlib import Path

import pytest

from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.locks import Presence, exclusive


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "lock", 1),
        pytest.raises(ServerUnavailable, match=r"/lock\)"),
        exclusive(tmp_path / "lock", 0.1),
    ):
        pytest.fail("two hold it")


def test_the_next_has_it_when_the_holder_leaves(tmp_path: Path) -> None:
    entered = threading.Event()

    def wait_for_it() -> None:
        with exclusive(tmp_path / "lock", 30):
            entered.set()

    with exclusive(tmp_path / "lock", 1):
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        assert not entered.wait(0.1)
    waiting.join(timeout=30)
    assert entered.is_set()


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock", 1):
        _ = 1 / 0
    with exclusive(tmp_path / "lock", 1):
        pass


def test_a_child_forked_inside_does_not_keep_it(tmp_path: Path) -> None:
    read, write = os.pipe()
    with exclusive(tmp_path / "lock", 1):
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
    try:
        with exclusive(tmp_path / "lock", 1):
            pass
    finally:
        os.close(write)
        os.waitpid(child, 0)
        os.close(read)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "lock").symlink_to(tmp_path / "target")

    with pytest.raises(ServerUnavailable, match="lock"), exclusive(tmp_path / "lock", 1):
        pytest.fail("it followed the link")


def test_the_last_one_present_knows(tmp_path: Path) -> None:
    first, second = Presence(tmp_path / "users"), Presence(tmp_path / "users")
    first.enter()
    second.enter()
    second.enter()

    assert first.leave() is False
    assert not first.entered
    assert second.leave() is True


def test_who_has_left_may_come_again(tmp_path: Path) -> None:
    first, second = Presence(tmp_path / "users"), Presence(tmp_path / "users")
    first.enter()
    first.leave()
    first.enter()
    second.enter()

    assert second.leave() is False
    assert first.leave() is True
