"""What the operator can measure; labels hold bot accounts and states, never people."""

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

log = structlog.get_logger()

EVENTS = Counter("union_events_total", "Updates by bot account and what became of them", ["sender", "outcome"])
EVENT_SECONDS = Histogram(
    "union_event_seconds",
    "Time to handle one event, commit included",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 3),
)
DELIVERIES = Counter("union_deliveries_total", "Messages by bot account and how sending ended", ["sender", "state"])
OPEN_DELIVERIES = Gauge("union_deliveries_open", "Messages still to be sent, by bot account", ["sender"])
DOWN = Gauge("union_channel_down", "1 while a bot account that this process drives reaches nobody", ["sender"])
WAITING_EVENTS = Gauge("union_events_waiting", "Updates received and not handled yet")
SET_ASIDE_EVENTS = Gauge("union_events_set_aside", "Updates given up after repeated failures")
MONTH_MESSAGES = Gauge("union_month_messages", "Messages of this month by metered bot account", ["sender", "direction"])
PEOPLE = Gauge("union_account_people", "People a metered bot account has met", ["sender"])
ZALO_BOT_FORMS = Counter("union_zalo_bot_forms_total", "In which of several forms events of Zalo Bot came", ["form"])
ZALO_POSTS = Counter("union_zalo_posts_total", "Posts to the Official Account's webhook, by what they were", ["what"])
ZALO_MESSAGES = Counter("union_zalo_messages_total", "Official Account messages by the window they went in", ["window"])


def serve_metrics(port: int) -> None:
    """Offer the figures at ``/metrics``, to this machine only; a taken port costs the figures, not the bot."""
    try:
        start_http_server(port, addr="127.0.0.1")
    except OSError:
        log.warning("metrics_port_taken", port=port)
