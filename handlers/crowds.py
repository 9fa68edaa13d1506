"""What may be said of how many people there are: nothing below a threshold, and above it no number that two looks could
subtract."""

_BANDS = (1, 2, 4, 10)
"""How many people are said to be behind an alert: at least the threshold, or twice, four times, ten times as many. A
figure closer to the truth would let two alerts be subtracted."""


def band_of(count: int, threshold: int) -> int:
    """The number that may be said of a count: "at least" this many. Raises ValueError below the threshold, where
    nothing may be said."""
    return max(threshold * times for times in _BANDS if threshold * times <= count)
