"""The options offered for a story."""

from knowledge.options import spread
from knowledge.search import Hit

LAW = "10/2026/QH15"


def test_the_last_option_of_a_story_leads_to_another_article() -> None:
    """When three options rest on one article, the fourth is not a fourth of it."""
    leads = {"a": (LAW, "1"), "b": (LAW, "1"), "c": (LAW, "1"), "d": (LAW, "1"), "e": (LAW, "2")}
    places = {one: frozenset({lead}) for one, lead in leads.items()}
    hits = [Hit(one, 1.0) for one in leads]
    assert spread(list(leads), hits, places, leads, 4) == ["a", "b", "c", "e", "d"]


def test_options_that_rest_on_different_articles_stay_in_order() -> None:
    """With nothing missing the ranking is kept."""
    leads = {"a": (LAW, "1"), "b": (LAW, "2"), "c": (LAW, "3"), "d": (LAW, "1"), "e": (LAW, "2")}
    places = {one: frozenset({lead}) for one, lead in leads.items()}
    assert spread(list(leads), [Hit(one, 1.0) for one in leads], places, leads, 4) == list(leads)
