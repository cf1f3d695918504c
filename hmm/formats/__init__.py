"""How Django itself says dates and numbers, in the admin above all, where it differs from the language."""
