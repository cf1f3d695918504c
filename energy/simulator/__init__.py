"""A price service in Octopus's format, for the demo and the tests. The product cannot tell it from the real one."""
