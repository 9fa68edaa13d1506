"""Servers that stand in for the platforms, spoken to over real sockets."""

PATIENCE = 60.0
"""Seconds a test waits for what must come: more than the slowest machine needs, so only what is wrong takes so long."""
