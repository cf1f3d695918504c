"""Owns what miners say over time: the only package that reads and writes telemetry and latest readings.

A row stands for [timestamp − covered_s, timestamp). Rows of one miner never overlap, whatever the order
in which they arrive; the first delivery of a second wins.
"""
