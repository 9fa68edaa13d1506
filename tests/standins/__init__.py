"""Servers that stand in for the platforms, spoken to over real sockets."""
