"""Tests of the maker: offline, in seconds, with the same outcome every time."""

import pytest
import tradecore as tc
from maker import Maker

INSTRUMENT = "BTCUSDT.SYNTH"


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """A small market of its own."""
    folder = tmp_path_factory.mktemp("market")
    tc.synthesize(folder, events=50_000, seed=2)
    return folder


class Watched(Maker):
    """The maker, with an eye on its position."""

    largest = 0.0

    def on_fill(self, ctx, fill):
        """Remember the largest position."""
        self.largest = max(self.largest, abs(float(ctx.position(fill.instrument).qty)))


def run(market, strategy):
    """Run a strategy over the market."""
    return tc.Backtest([strategy], data=market).run()


def test_it_trades_and_keeps_to_its_limit(market):
    maker = Watched("maker", [INSTRUMENT], max_position=0.03)
    result = run(market, maker)
    assert not result.failures
    assert result.summary()["fills"] > 0
    assert 0 < maker.largest <= 0.03 + maker.qty


def test_the_same_run_ends_the_same(market):
    first, second = (run(market, Maker("maker", [INSTRUMENT])) for _ in range(2))
    assert first.digest == second.digest


def test_a_parameter_of_the_wrong_type_is_refused():
    with pytest.raises(tc.TradecoreError, match="offset_ticks"):
        Maker("maker", [INSTRUMENT], offset_ticks="far")
