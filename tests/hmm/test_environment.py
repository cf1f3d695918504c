import pytest
from django.core.exceptions import ImproperlyConfigured

from hmm.lib.environment import whole_number


@pytest.mark.parametrize(("text", "number"), [("", 8000), ("1", 1), ("65535", 65535)])
def test_a_number_is_read(monkeypatch, text, number):
    monkeypatch.setenv("HMM_PORT", text)
    assert whole_number("HMM_PORT", 8000, 1, 65535) == number


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80.0", "٣", " 80"])
def test_anything_else_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("HMM_PORT", text)
    with pytest.raises(ImproperlyConfigured, match="HMM_PORT must be a whole number from 1 to 65535"):
        whole_number("HMM_PORT", 8000, 1, 65535)
