"""Which error of PostgreSQL's it was: its five letters, of which HMM tells these apart."""

CHECK_VIOLATION = "23514"
"""A row for which there is no partition, too."""

INSUFFICIENT_PRIVILEGE = "42501"
UNDEFINED_FUNCTION = "42883"
UNDEFINED_TABLE = "42P01"
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"


def sqlstate_of(error: Exception) -> str:
    """Return the SQLSTATE of an error as Django raises it; "" for one that did not come from the server."""
    return getattr(error.__cause__, "sqlstate", None) or ""
