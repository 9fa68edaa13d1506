"""How fast, how much memory, how many right: one JSON line per benchmark."""
