"""Questions on labour law and benefits, answered from the curated entries."""
