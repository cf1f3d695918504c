"""Numbers too near to zero to be reckoned with."""

SMALLEST = 1e-100
"""What is nearer to zero nobody has measured: products and squares of such numbers underflow, which PostgreSQL refuses to compute."""


def vanishes(value: float) -> bool:
    """Return whether `value` is not zero, and yet nearer to it than anything that is measured or charged."""
    return 0 < abs(value) < SMALLEST
