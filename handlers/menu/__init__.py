"""The main menu, the greeting and help."""
