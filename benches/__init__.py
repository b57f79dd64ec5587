"""Benchmarks: the same work done by tradecore and by its peers, in turns, on the same machine.

``make bench`` runs them all, ``python -m benches --help`` tells the options. Peers that are not installed are left
out. Nothing here is part of the test suite's judgement; a smoke test runs it small so that it does not rot.
"""
