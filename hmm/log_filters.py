"""What need not be in the log. Named in the settings, so that nothing here may import a model."""

import logging


class NoHealthAnswers(logging.Filter):
    """Drops what django.request says of /healthz: 503 is its answer, to who asked, and no error of the web."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a 503 of /healthz, as it gives while the services start."""
        path = getattr(getattr(record, "request", None), "path", None)
        return not (path == "/healthz" and getattr(record, "status_code", None) == 503)
