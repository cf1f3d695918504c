"""Telemetry that devices behind another network send by themselves, and the states of those that do.

`body` turns a request's bytes into rows, `accept` judges and stores them, `silence` notices who has stopped.
"""
