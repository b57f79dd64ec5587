"""Events of a session within its process: who subscribes to them, queues of them, and their log."""

from __future__ import annotations

from tradecore.bus import events
from tradecore.bus.dispatch import EventBus, EventCounts, EventFailure, Subscription
from tradecore.bus.queues import EventQueue, QueuePolicy

__all__ = ["EventBus", "EventCounts", "EventFailure", "EventQueue", "QueuePolicy", "Subscription", "events"]
