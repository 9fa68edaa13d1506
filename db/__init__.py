"""What the bot remembers: tables, and every SQL statement on them."""
