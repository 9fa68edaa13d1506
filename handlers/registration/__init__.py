"""Joining the union: consent, the application form, the officer's decision, the member's own page."""
