"""Steps from one schema of the store to the next; ``versions`` holds one file a step."""
