import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from hmm.lib.environment import at_most, one_of, time_zone, whole_number


@pytest.mark.parametrize(("text", "number"), [("", 8000), ("1", 1), ("65535", 65535)])
def test_a_number_is_read(monkeypatch, text, number):
    monkeypatch.setenv("HMM_PORT", text)
    assert whole_number("HMM_PORT", 8000, 1, 65535) == number


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80.0", "٣", " 80"])
def test_anything_else_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("HMM_PORT", text)
    with pytest.raises(ImproperlyConfigured, match="HMM_PORT must be a whole number from 1 to 65535"):
        whole_number("HMM_PORT", 8000, 1, 65535)


def test_what_must_not_be_longer_than_another_is_refused_with_both_names():
    at_most("HMM_SHORT_DAYS", 7, "HMM_LONG_DAYS", 7)
    with pytest.raises(
        ImproperlyConfigured,
        match=r"^HMM_SHORT_DAYS must be at most HMM_LONG_DAYS, and 8 days are more than 7$",
    ):
        at_most("HMM_SHORT_DAYS", 8, "HMM_LONG_DAYS", 7)


def test_rows_are_not_to_stay_in_detail_longer_than_they_are_kept():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"HMM_RETENTION_DETAIL_DAYS": "91", "HMM_RETENTION_RAW_DAYS": "90"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "HMM_RETENTION_DETAIL_DAYS must be at most HMM_RETENTION_RAW_DAYS" in done.stderr


@pytest.mark.parametrize("text", ["", "Asia/Kathmandu", "UTC"])
def test_a_time_zone_is_read(monkeypatch, text):
    monkeypatch.setenv("HMM_TIME_ZONE", text)
    assert time_zone("HMM_TIME_ZONE", "Europe/London") == (text or "Europe/London")


@pytest.mark.parametrize("text", ["Mars/Olympus", "../etc/passwd", "Europe", " "])
def test_another_place_is_refused(monkeypatch, text):
    monkeypatch.setenv("HMM_TIME_ZONE", text)
    with pytest.raises(ImproperlyConfigured, match="HMM_TIME_ZONE must be a time zone such as Europe/London"):
        time_zone("HMM_TIME_ZONE", "Europe/London")


def test_a_word_is_one_of_the_known(monkeypatch):
    monkeypatch.setenv("HMM_CURRENCY", "EUR")
    assert one_of("HMM_CURRENCY", "GBP", ("GBP", "EUR")) == "EUR"
    monkeypatch.setenv("HMM_CURRENCY", "DOGE")
    with pytest.raises(ImproperlyConfigured, match="HMM_CURRENCY must be one of GBP, EUR, not 'DOGE'"):
        one_of("HMM_CURRENCY", "GBP", ("GBP", "EUR"))
