"""Makes telemetry, and miners to have it, for load tests and demonstrations.

Pure functions say what a miner in a given state would have told at each mark; telemetry's own bulk way stores it.
"""
