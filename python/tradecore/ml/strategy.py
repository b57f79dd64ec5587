"""A strategy that does what a model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field

from tradecore.errors import InvalidValueError
from tradecore.features import FeatureSet
from tradecore.features.recorded import RecordedFeatures
from tradecore.ml.model_files import load_model
from tradecore.ml.predictor import ModelPredictor
from tradecore.ml.recorded import RecordedPredictor
from tradecore.strategy import Predictor, Strategy
from tradecore.validation import Duration

if TYPE_CHECKING:
    from tradecore._core import Context, Instrument, Signal
    from tradecore.features.custom import UserFeature

__all__ = ["SignalStrategy"]


_OF_A_MODEL = frozenset(
    {
        "allow_pickle",
        "batch",
        "buy_above",
        "hold_band",
        "inference_latency",
        "inside_training",
        "sell_below",
        "trusted_types",
    }
)
"""Parameters that say how a model's file becomes a predictor."""


def _as_text(path: Any) -> Any:
    """Return a path as text, which is saved with a strategy's state."""
    return str(path) if isinstance(path, Path) else path


class SignalStrategy(Strategy):
    """Asks a model at a steady pace and holds what its signals say: long, short, or nothing.

    The model and its features come from a file, or as objects: ``predictor`` and ``features``. It is asked on the grid
    of the clock, when all features are ready. A signal holds for ``time_to_live``; when it expires and there is no
    other, orders are cancelled and, with ``flatten``, the position is closed. Override :meth:`on_signal` to trade
    otherwise, and :meth:`on_signal_expired` with it.

    Parameters
    ----------
    name, instruments
        As of any strategy; each instrument is asked about by itself.
    predictor : Predictor, optional
        Instead of a ``model``.
    features : FeatureSet or list of features, optional
        What the predictor is asked with; those of the model if not given.
    model : path, optional
        A file of :func:`save_model <tradecore.ml.save_model>`.
    trusted_types : sequence of str
        Types beyond the known ones that the file may hold.
    allow_pickle : bool
        Whether a file may be unpickled, which runs whatever it says.
    interval : duration
        Between questions.
    time_to_live : duration
        How long a signal holds from its question on.
    buy_above, sell_below, hold_band, inference_latency
        As ``buy_above``, ``sell_below``, ``hold_band`` and ``latency`` of :class:`ModelPredictor`. A ``predictor`` has
        its own: they, and what else is of a ``model``, are refused beside one.
    qty : Decimal
        What is held, in contracts (spot: base units).
    style : "take" or "quote"
        Whether positions are taken at market, or by a post-only order at the own best price.
    flatten : bool
        Whether a position is closed at market when its signal has expired.
    batch : bool
        Whether a backtest has the model answer for all times at once, before it runs; the result is the same.
    inside_training : bool
        Whether a backtest may touch the span that the model was trained on, which says nothing about the model.

    Raises
    ------
    InvalidValueError
        For parameters that do not fit, and where there is not exactly one of ``model`` and ``predictor``.
    ModelError
        For a file that cannot be loaded.
    """

    model: Annotated[str | None, BeforeValidator(_as_text)] = None
    trusted_types: tuple[str, ...] = ()
    allow_pickle: bool = False
    interval: Duration = "1s"
    time_to_live: Duration = "5s"
    buy_above: float = 0.1
    sell_below: float | None = None
    hold_band: Annotated[float, Field(ge=0)] = 0.0
    qty: Annotated[Decimal, Field(gt=0)]
    style: Literal["take", "quote"] = "take"
    flatten: bool = True
    inference_latency: Duration = "1ms"
    batch: bool = True
    inside_training: bool = False

    _recorded: ClassVar[RecordedFeatures | None] = None
    """What the journal keeps of its features, where it decides a session once more and opens no model."""

    def __init__(
        self,
        name: str,
        instruments: Sequence[str | Instrument],
        *,
        predictor: Predictor | None = None,
        features: FeatureSet | Sequence[str | UserFeature] | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(name, instruments, **parameters)
        for key in ("interval", "time_to_live"):
            if getattr(self, key) == 0:
                raise InvalidValueError(key, "expected a length of time above 0")
        if (self.model is None) == (predictor is None):
            raise InvalidValueError("model", "expected a model's file, or a predictor, and not both")
        if predictor is not None and (ignored := [key for key in parameters if key in _OF_A_MODEL]):
            raise InvalidValueError(ignored[0], "is of a model's file: a predictor has its own")
        wanted = None if features is None else FeatureSet.of(features)
        self.predictor = self._loaded(wanted) if predictor is None else predictor
        if isinstance(self.predictor, ModelPredictor | RecordedPredictor):
            if wanted is None:
                wanted = self.predictor.feature_set
            else:
                self.predictor.check_features(wanted)
        if wanted is not None:
            self.features = wanted  # type: ignore[misc]
        if self.features is None:
            who = "a predictor" if self.model is None else "this model"
            raise InvalidValueError("features", f"missing: {who} does not say what it is asked with")

    @classmethod
    def _of_journal(
        cls, name: str, instruments: Sequence[str], parameters: Mapping[str, Any], features: Mapping[str, Any] | None
    ) -> Self:
        strategy = cls.__new__(cls)
        if features is not None:
            # Before __init__, which a subclass may have of its own, with a model that it names itself.
            vars(strategy)["_recorded"] = RecordedFeatures.from_table(features)
        cls.__init__(strategy, name, instruments, **parameters)
        return strategy

    def _loaded(self, features: FeatureSet | None) -> Predictor:
        """Return the predictor of the model's file, or what stands in for it where the journal has the answers."""
        assert self.model is not None
        if self._recorded is not None:
            return RecordedPredictor(self._recorded)
        model = load_model(self.model, trusted=self.trusted_types, allow_pickle=self.allow_pickle)
        return ModelPredictor(
            model,
            buy_above=self.buy_above,
            sell_below=self.sell_below,
            hold_band=self.hold_band,
            latency=self.inference_latency,
            features=model.feature_set if features is None else features,
            every=self.interval if self.batch else None,
            inside_training=self.inside_training,
        )

    def on_start(self, ctx: Context) -> None:
        """Ask from the next time on that the interval divides."""
        ctx.at((ctx.now_ns // self.interval + 1) * self.interval, self.begin)

    def begin(self, ctx: Context) -> None:
        """Ask, and again at every interval."""
        ctx.every(self.interval, self.ask)
        self.ask(ctx)

    def ask(self, ctx: Context) -> None:
        """Ask about every instrument whose features are ready."""
        for instrument in self.instruments:
            seen = ctx.features(instrument)
            if isinstance(self.predictor, ModelPredictor):
                held = ctx.signal(instrument)
                self.predictor.resume(instrument, 0 if held is None else int(held.action))
            if seen.is_ready:
                ctx.predict(instrument, seen.values, lifetime=self.time_to_live)

    def on_signal(self, ctx: Context, signal: Signal) -> None:
        """Make the position what the signal says."""
        instrument = signal.instrument
        missing = self.qty * int(signal.action) - _held(ctx, instrument)
        if self.style == "take":
            # What is on its way is waited for: it would be bought twice.
            if missing and not ctx.orders(instrument):
                (ctx.buy if missing > 0 else ctx.sell)(instrument, abs(missing))
            return
        book = ctx.book(instrument)
        price = book.best_bid if missing > 0 else book.best_ask
        if not missing or price is None:
            ctx.cancel_all(instrument)
            return
        bid, ask = (price, None) if missing > 0 else (None, price)
        ctx.quote(instrument, bid=bid, ask=ask, qty=abs(missing), post_only=True)

    def on_signal_expired(self, ctx: Context, signal: Signal) -> None:
        """Stop what relied on the signal: cancel, and close the position if that is wanted."""
        ctx.cancel_all(signal.instrument)
        held = _held(ctx, signal.instrument)
        if self.flatten and held:
            (ctx.sell if held > 0 else ctx.buy)(signal.instrument, abs(held))


def _held(ctx: Context, instrument: str) -> Decimal:
    return Decimal(repr(ctx.position(instrument).qty))
