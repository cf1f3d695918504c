"""Computes the store: telemetry to slots, slots to longer periods, miners to sites and the system."""
