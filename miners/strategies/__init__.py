"""Curtailment: which miners a strategy would cut to draw less, and why. Only reckons; nothing is told to a device."""
