"""What a running session shows of itself: metrics, health, logs and alerts."""
