"""What the bot promises, as sentences that are run."""
