"""Statistics of returns, and the page of a run."""
