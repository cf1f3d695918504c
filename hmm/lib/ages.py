"""How long ago something is, in words; `hmm.js` says the same as time goes on."""

from datetime import timedelta


def age_words(span: timedelta, *, past: bool = False) -> str:
    """Return "12 s", "8 min", "3 h" or "2 days"; with `past` "8 min ago", and "now" below five seconds."""
    seconds = max(0, int(span.total_seconds()))
    if past:
        return "now" if seconds < 5 else f"{age_words(span)} ago"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400:,} days"
