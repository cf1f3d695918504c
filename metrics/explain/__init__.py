"""Explain this number: what any figure of the store means, and what it came from."""
