"""How near the fills of queue models come to the truth, and models that are fitted to it."""

from tradecore.fidelity.comparing import Compared, compare_queues, table_of
from tradecore.fidelity.fitting import QueueFit, fit_queue

__all__ = ["Compared", "QueueFit", "compare_queues", "fit_queue", "table_of"]
