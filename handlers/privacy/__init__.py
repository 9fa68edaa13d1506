"""Rights over data in the chat: see, correct, withdraw, erase; and the deadlines as the officer sees them."""
