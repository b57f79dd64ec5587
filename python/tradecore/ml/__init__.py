"""Models: what is told of them is in the modules."""
