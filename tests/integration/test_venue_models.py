"""Latency, queue and fee models of one's own: what a venue asks of them, what they may not say, and where they are named."""

from __future__ import annotations

import copy
import pickle
import random
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import cli
from tradecore.errors import InvalidValueError, VenueModelError

NAME = "BTCUSDT.SYNTH"
MS = 1_000_000


class Constant:
    """Takes the same on all ways."""

    def __init__(self, ns: int = 3 * MS) -> None:
        self.ns = ns

    def least(self) -> int:
        return self.ns

    def entry(self, now_ns: int, instrument: str) -> int:
        return self.ns

    response = feed = entry


class Drawn:
    """Draws from what it was seeded with."""

    def __init__(self, seed: int = 7) -> None:
        self.seed = seed
        self._random = random.Random(seed)

    def least(self) -> int:
        return MS

    def entry(self, now_ns: int, instrument: str) -> int:
        assert instrument == NAME
        return MS + self._random.randrange(5 * MS)

    response = feed = entry


class Cautious:
    """The rule of `conservative`: trades alone advance an order, a shrinking level caps what is ahead."""

    def join(self, place: tc.QueuePlace) -> float:
        return place.ahead

    def trade(self, place: tc.QueuePlace, qty: int) -> float:
        return max(place.ahead - qty, 0)

    def change(self, place: tc.QueuePlace, prev: int, new: int) -> float:
        return min(place.ahead, new)


class Shared(Cautious):
    """A share of what leaves without a trade stood ahead."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def change(self, place: tc.QueuePlace, prev: int, new: int) -> float:
        return min(max(place.ahead - self.share * max(prev - new, 0), 0), new)


def maker(name: str = "m") -> tc.TouchMaker:
    return tc.TouchMaker(name, [NAME], quote_qty="0.05", max_position="0.5", interval="200ms")


def run(market: Path, *, strategies: Any = None, bounds: bool = False, **settings: Any) -> tc.Result:
    venue = tc.SimVenue("SYNTH", **settings)
    return tc.Backtest(strategies or [maker()], market, [venue], seed=3, bounds=bounds).run()


def test_a_latency_of_ones_own_that_is_constant_is_that_latency(market: Path) -> None:
    own = run(market, latency=tc.Latency(entry=Constant(), response=Constant(2 * MS), feed=Constant(MS)))
    text = run(market, latency=tc.Latency(entry="3ms", response="2ms", feed="1ms"))
    assert own.digest == text.digest
    assert own.stats.fills > 0


def test_a_queue_of_ones_own_that_is_conservative_fills_as_it_does(market: Path) -> None:
    own, known = run(market, queue=Cautious()), run(market, queue="conservative")
    assert own.stats.fills > 10
    ours, theirs = own.fills["ts_event", "price", "qty"], known.fills["ts_event", "price", "qty"]
    # Trades that are told after their change count once with the model that ships.
    assert ours.join(theirs, on=ours.columns, how="inner").height > 0.9 * theirs.height


def test_what_stands_ahead_decides_who_fills(market: Path) -> None:
    none, half, all_ = (run(market, queue=Shared(share)).stats.fills for share in (0.0, 0.5, 1.0))
    assert none < half < all_


def test_equal_runs_of_models_that_draw_are_equal_and_the_object_given_is_left_alone(market: Path) -> None:
    given = Drawn()
    before = pickle.dumps(given)
    latency = tc.Latency(entry=given, response=given)
    digests = {run(market, latency=latency).digest for _ in range(2)}
    assert len(digests) == 1
    assert digests != {run(market, latency=tc.Latency(entry=Drawn(8), response=Drawn(8))).digest}
    assert pickle.dumps(given) == before


def test_changes_after_a_venue_was_made_are_not_seen(market: Path) -> None:
    model = Shared(0.0)
    venue = tc.SimVenue("SYNTH", queue=model)
    model.share = 1.0
    assert repr(venue.queue) == f"{__name__}:Shared(share=0.0)"
    changed = tc.Backtest([maker()], market, [venue], seed=3).run()
    assert changed.digest == run(market, queue=Shared(0.0)).digest


def test_strategies_that_are_alone_with_the_market_have_a_model_each(market: Path) -> None:
    latency = tc.Latency(entry=Drawn(), response=Drawn())
    alone = run(market, latency=latency, queue=Shared())
    both = run(market, strategies=[maker(), maker("n")], latency=latency, queue=Shared(), accounts="isolated")
    for name in ("m", "n"):
        own = both.fills.filter(both.fills["strategy"] == name)
        assert own["ts_event"].to_list() == alone.fills["ts_event"].to_list()
    bounded = run(market, bounds=True, latency=latency, queue=Shared())
    assert bounded.digest == alone.digest


def test_sweeps_run_points_as_runs_of_their_own_in_this_process_and_in_others(market: Path) -> None:
    venues = [tc.SimVenue("SYNTH", latency=tc.Latency(entry=Drawn(), response=Drawn()), queue=Shared(0.3))]
    grid = {"quote_qty": ["0.05", "0.02"], "max_position": "0.5", "interval": "200ms"}
    digests = []
    for workers in (1, 2):
        sweep = tc.sweep(tc.TouchMaker, market, grid, venues=venues, seed=3, workers=workers, progress=False)
        digests.append([point.figures["digest"] for point in sweep.points])
    alone = tc.Backtest([maker("sweep")], market, venues, seed=3).run()
    assert digests[0] == digests[1]
    assert digests[0][0] == alone.digest


class Broken(Cautious):
    """Says what it was told to say, the second time it is asked."""

    def __init__(self, method: str, answer: str) -> None:
        self.method = method
        self.answer = answer
        self._asked = 0

    def _said(self, method: str, sound: float) -> Any:
        if method != self.method:
            return sound
        self._asked += 1
        answers = {"nan": float("nan"), "negative": -1, "text": "all", "nothing": None, "truth": True}
        if self._asked < 2:
            return sound
        if self.answer == "raises":
            raise ZeroDivisionError("no queue")
        return answers[self.answer]

    def join(self, place: tc.QueuePlace) -> Any:
        return self._said("join", super().join(place))

    def trade(self, place: tc.QueuePlace, qty: int) -> Any:
        return self._said("trade", super().trade(place, qty))

    def change(self, place: tc.QueuePlace, prev: int, new: int) -> Any:
        return self._said("change", super().change(place, prev, new))


@pytest.mark.parametrize("method", ["join", "trade", "change"])
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("nan", "returned NaN, expected a quantity from 0 on"),
        ("negative", "returned -1, expected a quantity from 0 on"),
        ("text", "returned 'all', expected a number from 0 on"),
        ("nothing", "returned None, expected a number from 0 on"),
        ("truth", "returned True, expected a number from 0 on"),
        ("raises", "ZeroDivisionError: no queue"),
    ],
)
def test_a_queue_that_says_what_cannot_be_ends_the_run_with_what_was_done(
    market: Path, method: str, answer: str, problem: str
) -> None:
    with pytest.raises(VenueModelError) as caught:
        run(market, queue=Broken(method, answer))
    error = caught.value
    assert error.model == f"{__name__}:Broken(answer={answer!r}, method={method!r})"
    assert error.method == method
    assert problem in error.problem
    assert error.model in str(error)
    assert error.result.model_failure[:2] == (error.model, method)
    assert 0 < error.result.events < 60_000
    assert list(error.result.failures) == ["m"]
    assert pickle.loads(pickle.dumps(error)).problem == error.problem


@pytest.mark.parametrize("leg", ["entry", "response", "feed"])
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (-5, "returned -5, less than its least, 0 ns"),
        (0.5, "returned 0.5, expected whole ns from 0 on"),
        ("5ms", "returned '5ms', expected whole ns from 0 on"),
        (None, "returned None, expected whole ns from 0 on"),
        (True, "returned True, expected whole ns from 0 on"),
        (10**30, f"returned {10**30}, expected whole ns from 0 on"),
    ],
)
def test_a_latency_that_cannot_be_ends_the_run(market: Path, leg: str, answer: Any, problem: str) -> None:
    class Wrong(Constant):
        def __init__(self) -> None:
            super().__init__(0)
            self._times = 0

        def entry(self, now_ns: int, instrument: str) -> Any:
            self._times += 1
            return 0 if self._times < 20 else answer

        response = feed = entry

    with pytest.raises(VenueModelError, match=r"Wrong\(ns=0\)") as caught:
        run(market, latency=tc.Latency(**{leg: Wrong()}))
    assert caught.value.problem == problem
    assert caught.value.method == leg
    assert caught.value.result.stats is not None


def test_a_draw_below_the_least_is_refused_for_markets_may_have_run_ahead(market: Path) -> None:
    class Sooner(Constant):
        def entry(self, now_ns: int, instrument: str) -> int:
            return self.ns - 1

    with pytest.raises(VenueModelError, match="returned 2999999, less than its least, 3000000 ns"):
        run(market, latency=tc.Latency(entry=Sooner()))


def test_of_strategies_that_are_apart_only_those_fail_that_met_the_failure(market: Path) -> None:
    class Fussy(Cautious):
        def join(self, place: tc.QueuePlace) -> float:
            if place.leaves > 20:
                raise RuntimeError("too large")
            return place.ahead

    grid = {"quote_qty": ["0.05", "0.02"], "max_position": "0.5", "interval": "200ms"}
    venues = [tc.SimVenue("SYNTH", queue=Fussy())]
    sweep = tc.sweep(tc.TouchMaker, market, grid, venues=venues, workers=1, progress=False)
    large, small = sweep.points
    assert large.error is not None
    assert "RuntimeError: too large" in large.error
    assert small.error is None
    assert small.figures["fills"] > 0


def test_several_strategies_of_one_venue_all_fail_with_its_model(market: Path) -> None:
    with pytest.raises(VenueModelError) as caught:
        run(market, strategies=[maker(), maker("n")], queue=Broken("join", "negative"))
    assert sorted(caught.value.result.failures) == ["m", "n"]


def test_a_model_is_told_of_its_order_and_can_remember_it(market: Path) -> None:
    class Watched(Cautious):
        def join(self, place: tc.QueuePlace) -> float:
            assert place.memory is None
            assert place.instrument.id == NAME
            assert place.side in (tc.Side.BUY, tc.Side.SELL)
            assert isinstance(place.price, Decimal)
            assert place.leaves == 50
            assert place.displayed >= place.ahead >= 0
            assert "QueuePlace BTCUSDT.SYNTH" in repr(place)
            place.memory = [place.ts_ns]
            return place.ahead

        def trade(self, place: tc.QueuePlace, qty: int) -> float:
            assert place.ts_ns >= place.memory[0]
            assert place.own == 0
            assert place.is_shown in (True, False)
            return super().trade(place, qty)

        def change(self, place: tc.QueuePlace, prev: int, new: int) -> float:
            assert place.displayed == new != prev
            place.memory.append(place.ts_ns)
            assert place.memory == sorted(place.memory)
            return super().change(place, prev, new)

    assert run(market, queue=Watched()).stats.fills > 0


@pytest.mark.parametrize(
    ("setting", "given", "problem"),
    [
        ("queue", Constant(), r"expected the name of a queue model"),
        ("queue", Cautious, "Cautious is a class, expected an object of it"),
        ("queue", "no_such_module:Model", "queue: no module no_such_module"),
        ("queue", "math:nothing", "math has no nothing"),
        ("queue", "math:pi", r"math:pi has no method join\(self, place\)"),
        ("queue", "math:pi(share=1)", r"math:pi\(share=1\): TypeError: 'float' object is not callable"),
        ("queue", "fractions:Fraction", r"has no method join"),
        ("queue", "fractions:Fraction(1)", r"expected arguments such as \(share=0.5\)"),
        ("queue", f"{__name__}:Shared(share=0.1)(share=0.9)", r"expected arguments such as \(share=0.5\)"),
        ("queue", f"{__name__}:Shared(share=0.1,share=0.9)", r"expected arguments such as \(share=0.5\)"),
        ("queue", f"{__name__}:Shared(**{{'share': 0.1}})", r"expected arguments such as \(share=0.5\)"),
        ("fees", type("Own", (tc.FeeModel,), {}), "Own is a class, expected an object of it"),
        ("queue", "tradecore:QueueModel", "Protocol"),
        ("entry", "math:pi", r"math:pi has no method least\(self\)"),
        ("entry", "nonsense", "nonsense"),
    ],
)
def test_what_is_no_model_is_refused_where_it_is_set(setting: str, given: Any, problem: str) -> None:
    made = tc.Latency if setting == "entry" else partial(tc.SimVenue, "V")
    with pytest.raises(InvalidValueError, match=problem) as caught:
        made(**{setting: given})
    assert caught.value.field == setting


def test_a_model_that_lacks_something_says_what(tmp_path: Path) -> None:
    class NoChange:
        def join(self, place: Any) -> float:
            return 0

        trade = join

    class Heirless(tc.QueueModel):
        def join(self, place: tc.QueuePlace) -> float:
            return 0

    class Locked(Cautious):
        def __init__(self) -> None:
            self._file = (tmp_path / "x").open("w")

        def close(self) -> None:
            self._file.close()

    class Complicated(Cautious):
        def __init__(self) -> None:
            self.random = random.Random(7)

    class Short(Constant):
        def least(self) -> Any:
            return -1

    for model, problem in (
        (NoChange(), r"NoChange.trade takes \(place: .*\).*: expected trade\(self, place, qty\)"),
        (Heirless(), r"has no method trade\(self, place, qty\)"),
        (Complicated(), "random is a Random; parameters are plain data"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            tc.SimVenue("V", queue=model)  # type: ignore[arg-type]
    locked = Locked()
    with pytest.raises(InvalidValueError, match="cannot be copied: TypeError"):
        tc.SimVenue("V", queue=locked)
    locked.close()
    with pytest.raises(
        InvalidValueError, match=r"Short\(ns=3000000\)\.least: returned -1, expected whole ns from 0 on"
    ):
        tc.Latency(response=Short())


def test_results_name_the_models_and_keep_the_names_when_they_are_saved(market: Path, tmp_path: Path) -> None:
    latency = tc.Latency(entry=Constant(), feed=Drawn(4))
    result = run(market, latency=latency, queue=Shared(0.25))
    place = __name__
    shown = f"Latency(entry={place}:Constant(ns=3000000), response='5ms', feed={place}:Drawn(seed=4))"
    for told in (str(result), repr(result.venues[0])):
        assert shown in " ".join(told.split())
        assert f"{place}:Shared(share=0.25)" in told
    assert latency.entry_ns == 3 * MS
    result.save(tmp_path / "run.tcr")
    loaded = tc.load_result(tmp_path / "run.tcr")
    assert loaded.venues == result.venues
    assert repr(loaded.venues) == repr(result.venues)
    assert copy.deepcopy(loaded.venues) == loaded.venues
    with pytest.raises(InvalidValueError, match="the name alone is known"):
        tc.Backtest([maker()], market, loaded.venues).run()


MODELS = """
class Half:
    def __init__(self, share=0.5):
        self.share = share

    def join(self, place):
        return place.ahead

    def trade(self, place, qty):
        return max(place.ahead - qty, 0)

    def change(self, place, prev, new):
        return min(max(place.ahead - self.share * max(prev - new, 0), 0), new)


class Fails(Half):
    def change(self, place, prev, new):
        return -1


class Slow:
    def least(self):
        return 4_000_000

    def entry(self, now_ns, instrument):
        return 4_000_000
"""


def config(folder: Path, market: Path, queue: str, entry: str = "4ms") -> Path:
    (folder / "own_models.py").write_text(MODELS)
    path = folder / "run.toml"
    path.write_text(
        f"""
seed = 3
[data]
catalog = "{market}"
[[venues]]
name = "SYNTH"
queue = '{queue}'
entry_latency = '{entry}'
[[strategies]]
kind = "touch_maker"
name = "m"
[strategies.params]
quote_qty = "0.05"
max_position = "0.5"
interval = "200ms"
"""
    )
    return path


def test_a_configuration_names_a_model_by_where_it_is(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own_models.py"
    path = config(tmp_path, market, f"{file}:Half(share=0.3)", f"{file}:Slow")
    code, out, _ = cli("backtest", "--config", path, "--output", tmp_path / "runs", "--quiet", capsys=capsys)
    assert code == 0
    assert ":Half(share=0.3)" in out
    again = next((tmp_path / "runs").glob("*_config.toml"))
    assert f"{file}:Half(share=0.3)" in again.read_text()
    code, repeated, _ = cli("backtest", "--config", again, "--quiet", capsys=capsys)
    assert code == 0

    def digest(text: str) -> str:
        return text.rpartition("digest")[2].split()[0]

    assert digest(out) == digest(repeated)
    assert digest(out)[:12] in run(market, queue=Shared(0.3), latency=tc.Latency(entry="4ms")).digest


def test_the_command_line_tells_of_a_model_that_failed(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, market, f"{tmp_path / 'own_models.py'}:Fails")
    code, _, err = cli("backtest", "--config", path, "--quiet", capsys=capsys)
    assert code == 1
    assert err.count("error: ") == 1
    assert "Fails.change: returned -1, expected a quantity from 0 on" in err
    path = config(tmp_path, market, f"{tmp_path / 'own_models.py'}:None_such")
    code, _, err = cli("backtest", "--config", path, "--quiet", capsys=capsys)
    assert code == 2
    assert "venues.0.queue" in err
    assert "has no None_such" in err


class Schedule:
    """Makers get a tenth of a basis point, takers pay four, and one quote unit less a month from a volume on."""

    def __init__(self, rebate: str = "0.00001") -> None:
        self.rebate = rebate

    def fee(self, fill: tc.ChargedFill) -> Decimal:
        assert fill.instrument.id == NAME
        assert fill.value == fill.price * fill.qty
        assert fill.ts_ns > 0
        if fill.liquidity is tc.Liquidity.MAKER:
            return -(fill.value * Decimal(self.rebate))
        return fill.value * Decimal("0.0004")


def test_fees_of_ones_own_are_those_that_a_rate_would_be(market: Path) -> None:
    own = run(market, fees=Schedule())
    rates = run(market, maker_fee_bps="-0.1", taker_fee_bps="4")
    assert own.digest == rates.digest
    assert own.stats.fees < 0
    assert f"fees={__name__}:Schedule(rebate='0.00001')" in repr(own.venues[0])


def test_a_fee_model_sees_what_the_account_traded_before(market: Path) -> None:
    class Volumes:
        def __init__(self) -> None:
            self._traded = Decimal(0)

        def fee(self, fill: tc.ChargedFill) -> Decimal:
            assert fill.volume == self._traded
            assert fill.side in (tc.Side.BUY, tc.Side.SELL)
            self._traded += fill.value
            return Decimal(1) if self._traded > 10_000 else Decimal(0)

    alone = run(market, fees=Volumes())
    assert 0 < alone.stats.fees < alone.stats.fills
    both = run(market, strategies=[maker(), maker("n")], fees=Volumes(), accounts="isolated")
    assert both.stats.fees == 2 * alone.stats.fees
    assert run(market, fees=Volumes(), bounds=True).digest == alone.digest


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (0.5, "returned 0.5, expected an exact amount"),
        (None, "returned None, expected an exact amount"),
        (True, "returned True, expected an exact amount"),
        (Decimal("nan"), "returned Decimal('NaN'), expected an exact amount"),
        (Decimal(10) ** 22, "which cannot be counted"),
    ],
)
def test_a_fee_that_is_no_exact_amount_ends_the_run(market: Path, answer: Any, problem: str) -> None:
    class Wrong:
        def fee(self, fill: tc.ChargedFill) -> Any:
            return answer

    with pytest.raises(VenueModelError) as caught:
        run(market, fees=Wrong())
    assert caught.value.method == "fee"
    assert problem in caught.value.problem
    assert caught.value.result.stats.orders > 0


def test_a_fee_model_that_is_none_is_refused_and_one_may_be_named(market: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"expected tiers such as .* or a FeeModel, got <.*Constant") as caught:
        tc.SimVenue("V", fees=Constant())  # type: ignore[arg-type]
    assert caught.value.field == "fees"
    file = tmp_path / "own_fees.py"
    file.write_text("class Free:\n    def fee(self, fill):\n        return 0\n")
    named = run(market, fees=f"{file}:Free")
    assert named.stats.fees == 0
    named.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").venues == named.venues
