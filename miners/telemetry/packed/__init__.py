"""Telemetry that is some days old: a miner's day is one row, which holds all that its plain rows told, bit for bit.

`payload` turns columns into bytes and back, `wire` rows on their way from and to PostgreSQL into columns, `store`
moves days from one form to the other, and `reading` has queries see packed days. docs/adr/0007 tells the format.
"""
