"""Texts from outside, made fit to be kept and shown."""


def storable_text(text: str) -> str:
    """Return `text` as PostgreSQL and a page can hold it, which have neither NUL nor lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
