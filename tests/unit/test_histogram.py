"""Times in buckets."""

from __future__ import annotations

from math import inf

from tradecore.histogram import SECONDS, Histogram


def test_a_value_counts_in_the_bucket_whose_bound_it_reaches() -> None:
    times = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 3.0):
        times.observe(value)
    assert times.counts == [2, 2, 1]
    assert times.cumulative() == [2, 4, 5]
    assert (times.count, times.sum) == (5, 8.0)


def test_a_quantile_is_the_bound_below_which_so_many_lie() -> None:
    times = Histogram()
    assert times.quantile(0.5) is None
    for _ in range(99):
        times.observe(0.0004)
    times.observe(100.0)
    assert (times.quantile(0.5), times.quantile(0.99), times.quantile(1.0)) == (0.0005, 0.0005, inf)
    assert list(SECONDS) == sorted(set(SECONDS))
