"""Runs HMM's services as child processes: starts them, restarts what dies or stalls, ends them all."""
