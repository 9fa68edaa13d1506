"""What bulletins are about: a short fixed list, so that people can choose what they want to be sent."""

from knowledge.texts import t

TOPICS = ("law", "welfare", "activities", "safety", "union", "urgent")


def name_topic(topic: str) -> str:
    """A topic as people read it."""
    return t(f"bulletin_topics.{topic}")
