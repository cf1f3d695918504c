from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import call_command


def test_the_documentation_of_the_metrics_is_that_of_the_registry():
    out = StringIO()
    call_command("describe_metrics", stdout=out)
    written = Path(settings.BASE_DIR, "docs", "metrics.md").read_text()
    assert written == out.getvalue(), "run: manage.py describe_metrics > docs/metrics.md"
