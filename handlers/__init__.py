"""What the bot does when something happens: one folder per feature, and the words they share."""
