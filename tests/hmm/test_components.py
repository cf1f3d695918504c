"""The parts that pages are made of, and what they weigh."""

import gzip
import json
import struct
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import django_htmx
import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.ages import age_words
from hmm.templatetags.components import breakable, local_moments, unbroken

STATIC = Path(settings.BASE_DIR) / "static"


def rendered(source: str, **context: object) -> str:
    return " ".join(Template("{% load components %}" + source).render(Context(context)).split())


def test_a_card_has_its_heading_and_its_body() -> None:
    page = rendered("{% card title=name note='24 h' %}<p>body</p>{% endcard %}", name="<Garage>")
    assert "<h2>&lt;Garage&gt;</h2>" in page
    assert '<p class="muted small">24 h</p>' in page
    assert "<p>body</p>" in page


def test_what_a_body_says_is_escaped_once() -> None:
    assert "<p>&lt;b&gt;</p>" in rendered(
        "{% empty_state title='x' %}<p>{{ word }}</p>{% endempty_state %}", word="<b>"
    )


def test_a_dialog_is_named_by_its_heading() -> None:
    page = rendered("{% dialog dialog_id='why' title='Why' %}because{% enddialog %}")
    assert 'id="why" aria-labelledby="why-title"' in page
    assert '<h2 id="why-title">Why</h2>' in page


def test_a_figure_says_its_change_by_word_and_tone() -> None:
    page = rendered(
        '{% include "components/stat.html" with label="Power" number="3.1" unit="kW" notes=notes change=change %}',
        notes=["now"],
        change={"words": "4 % less", "tone": "good"},
    )
    assert '<span class="toned tone-good">4 % less</span> <span>now</span>' in page


def test_ages_are_said_with_the_moment_itself_beside_them() -> None:
    then = timezone.now() - timedelta(minutes=8, seconds=2)
    page = rendered("{% ago then %}|{% lasting then %}|{% ago None %}", then=then)
    assert "8 min ago</time>|" in page
    assert "for 8 min</time>|never" in page
    assert f'datetime="{timezone.localtime(then).isoformat(timespec="seconds")}"' in page


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("24.6 p now, lowest 15.3 p at 04:00", "24.6~p now, lowest 15.3~p at 04:00"),
        ("1 unreachable for 46 s · £11.53 so far", "1 unreachable for 46~s · £11.53 so far"),
        ("114 % of 1.07 TH/s, hot above 75 °C", "114~% of 1.07~TH/s, hot above 75~°C"),
        ("1 pool, 3 miners, 2 of 4, 5 past 8", "1 pool, 3 miners, 2 of 4, 5 past 8"),
    ],
)
def test_a_number_and_its_unit_stay_on_one_line(words: str, shown: str) -> None:
    assert unbroken(words).replace("\N{NO-BREAK SPACE}", "~") == shown


def test_words_that_stay_together_are_escaped_as_others_are() -> None:
    assert rendered("{{ words|unbroken }}", words="<b> 5 p") == "&lt;b&gt; 5 p"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172800, "2 days"),
        (-3, "0 s"),
    ],
)
def test_ages_in_words(seconds: float, words: str) -> None:
    assert age_words(timedelta(seconds=seconds)) == words


@given(st.integers(min_value=5, max_value=10**9))
def test_the_past_is_the_age_and_a_word(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert age_words(span, past=True) == f"{age_words(span)} ago"


def packed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in paths)


def test_scripts_and_styles_stay_light() -> None:
    htmx = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"
    scripts = [htmx, *(STATIC / "hmm").glob("*.js"), *(STATIC / "vendor").rglob("*.js")]
    assert len(scripts) >= 4
    assert packed(*scripts) <= 60_000
    assert packed(*STATIC.rglob("*.css")) <= 15_000


def test_the_manifest_names_icons_of_the_size_it_says() -> None:
    manifest = json.loads((STATIC / "hmm/manifest.webmanifest").read_text())
    pictures = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert {icon.get("purpose", "any") for icon in pictures} == {"any", "maskable"}
    for icon in pictures:
        told = (STATIC / "hmm" / icon["src"]).read_bytes()
        width, height = struct.unpack(">II", told[16:24])  # of a PNG's header
        assert icon["sizes"] == f"{width}x{height}"


def test_names_break_behind_underscores_alone() -> None:
    assert breakable("a_b<c") == "a_<wbr>b&lt;c"


def test_moments_as_they_are_kept_are_said_by_the_clock_of_the_place() -> None:
    words = "the reading of 2026-06-01 12:00:05 UTC: up for 3 s; 2026-99-01 12:00:05 UTC"
    with timezone.override(ZoneInfo("Europe/London")):
        said = local_moments(words)
    assert said == "the reading of 1 Jun 2026, 13:00:05: up for 3 s; 2026-99-01 12:00:05 UTC"
