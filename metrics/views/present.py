"""The one place where a page asks the clock."""

from django.utils import timezone

from hmm.installation import installation
from metrics.dashboard.blocks import Present


def present() -> Present:
    """Return this moment, and the installation's zone and currency."""
    here = installation()
    return Present(timezone.now(), here.zone, here.currency)
