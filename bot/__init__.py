"""The running program: how events come in and messages go out."""
