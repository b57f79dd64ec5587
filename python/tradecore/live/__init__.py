"""Trading on paper and live: sessions, their journals, recovery and replay."""
