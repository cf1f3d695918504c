"""Pages of the miners."""
