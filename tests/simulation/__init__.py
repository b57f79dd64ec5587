"""The whole of a live session on a clock that is made up, against venues in the same process, under faults."""
