import pytest
from django.core.exceptions import ImproperlyConfigured

from hmm.lib.environment import one_of, time_zone, whole_number


@pytest.mark.parametrize(("text", "number"), [("", 8000), ("1", 1), ("65535", 65535)])
def test_a_number_is_read(monkeypatch, text, number):
    monkeypatch.setenv("HMM_PORT", text)
    assert whole_number("HMM_PORT", 8000, 1, 65535) == number


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80.0", "٣", " 80"])
def test_anything_else_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("HMM_PORT", text)
    with pytest.raises(ImproperlyConfigured, match="HMM_PORT must be a whole number from 1 to 65535"):
        whole_number("HMM_PORT", 8000, 1, 65535)


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
