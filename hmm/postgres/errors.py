"""What goes wrong with the embedded server, as one line a person can act on."""

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError


class ServerUnavailable(OperationalError, ImproperlyConfigured):
    """The embedded server cannot be started or reached; the message is one line with the remedy.

    It is an OperationalError to code that copes with a database that is away, and ImproperlyConfigured to the
    command line, which shows that as one line rather than a traceback.
    """


def reason(error: OSError) -> str:
    """Return why the system refused, as it says it, with the file when it names one."""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else why
