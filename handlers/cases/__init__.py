"""Grievances: from a worried message to an officer who has claimed it, on the Vietnamese working calendar."""
