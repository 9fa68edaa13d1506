"""Bulletins: written once, released by a second person, sent to everybody who should have them, and answered."""
