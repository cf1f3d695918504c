"""docs/system-metrics.md lists every statistic with its unit, service and meaning."""

from django.conf import settings

from hmm.system_metrics.read import statistics


def test_the_page_lists_every_statistic_as_it_is_declared():
    page = (settings.BASE_DIR / "docs" / "system-metrics.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    assert listed == [
        f"| `{each.name}` | {each.unit} | {each.service} | {each.combine} | {each.help} |"
        for each in statistics()
    ]
