"""Pages of the top floor: thin functions that ask the clock, read, and render."""
