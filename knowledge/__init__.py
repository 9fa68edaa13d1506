"""What the bot knows: dated, cited answers read from content files; no network, no database."""
