"""What memory this process has taken."""

import sys
from pathlib import Path

__all__ = ["peak_rss_mb"]


def peak_rss_mb() -> float:
    """Return the largest resident memory of this process so far, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Unlike ru_maxrss this does not count the process that started us.
        (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(peak) / (1 << 10), 1)
    try:
        import resource
    except ImportError:  # Windows has none
        return 0.0
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak_bytes / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
