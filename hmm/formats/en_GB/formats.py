"""The clock of 24 hours, as every page has it; a fact's second counts."""

DATETIME_FORMAT = "j M Y H:i:s"
SHORT_DATETIME_FORMAT = "d/m/Y H:i"
TIME_FORMAT = "H:i"
