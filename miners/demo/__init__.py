"""Makes a simulated fleet part of an installation, with a past. Afterwards nothing knows it is simulated."""
