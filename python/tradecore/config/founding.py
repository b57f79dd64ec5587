"""The configuration format of the founding market maker: TOML with Tardis CSV files as input.

Its keys keep their meaning where they had one. Where the original was wrong, the mapping says what stands instead,
in notes for the user.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradecore._core import tardis_venue
from tradecore.config.models import (
    BacktestConfig,
    DataConfig,
    OutputConfig,
    StrategyConfig,
    TardisConfig,
)
from tradecore.errors import ConfigError, InvalidValueError, UnknownInstrumentError
from tradecore.instruments import find_instrument
from tradecore.validation import first_problem
from tradecore.venue import Latency, SimVenue

__all__ = ["is_founding", "translate"]

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Volatility(_Section):
    window_len: _Count = 500
    interval_s: _Positive = 0.5
    ema_half_life: _Positive = 2.0
    sigma_min: Annotated[float, Field(ge=0)] | None = None
    sigma_max: _Positive | None = None


class _Penetration(_Section):
    window_len: _Count = 120
    num_bins: _Count = 500
    interval_ms: _Count = 500


class _Sequencer(_Section):
    interval_ms: _Count = 500


class _Avellaneda(_Section):
    tick_size: _Positive
    quote_size: _Positive
    max_position: _Positive
    gamma: _Positive
    delta: _Positive
    xi: Annotated[float, Field(ge=0)]
    vol: _Volatility = _Volatility()
    penetration: _Penetration = _Penetration()
    sequencer: _Sequencer = _Sequencer()


class _Strategy(_Section):
    kind: Literal["Avellaneda"]
    preprocessing: Literal["Avellaneda"] = "Avellaneda"
    symbol: str
    avellaneda: _Avellaneda


class _Data(_Section):
    from_csv: Literal[True]
    tardis_root: str
    trades_csv: str
    quotes_csv: str | None = None
    book_csv: str | None = None
    bitmex_api: str | None = None


class _Execution(_Section):
    latency_ms: Annotated[float, Field(ge=0, le=1e9)] = 0


class _Output(_Section):
    csv_path: str
    exchange: str
    date: str
    candle_size_min: _Count = 1


class _Position(_Section):
    contract_type: Literal["Inverse", "Linear"]
    fee_rate: Annotated[float, Field(ge=-0.1, le=0.1)] = 0.0005


class _Founding(_Section):
    strategy: _Strategy
    data: _Data
    execution: _Execution = _Execution()
    output: _Output
    position: _Position


def is_founding(document: dict[str, Any]) -> bool:
    """Whether a document is in the founding format: one ``strategy`` table instead of a list of ``strategies``."""
    return isinstance(document.get("strategy"), dict) and "strategies" not in document


def translate(document: dict[str, Any], source: str) -> tuple[BacktestConfig, list[str]]:
    """Translate a founding configuration, with notes on what is not as it was.

    Raises
    ------
    ConfigError
        With the key path of the first problem.
    """
    try:
        old = _Founding.model_validate(document)
    except ValidationError as error:
        raise ConfigError(source, *first_problem(error, _Founding)) from None
    maker = old.strategy.avellaneda
    interval_ms = _one_interval(maker, source)
    exchange = old.output.exchange
    venue = tardis_venue(exchange)
    instrument = f"{old.strategy.symbol}.{venue}"
    notes = []
    try:
        spec = find_instrument(instrument)
    except UnknownInstrumentError:
        raise ConfigError(source, "strategy.symbol", f"no specification is known for {instrument}") from None
    if old.position.contract_type.lower() != spec.kind:
        raise ConfigError(
            source,
            "position.contract_type",
            f"{old.position.contract_type} contradicts {instrument}, which is {spec.kind}",
        )
    if maker.tick_size != float(spec.tick_size):
        notes.append(
            f"strategy.avellaneda.tick_size {maker.tick_size:g} is not used: "
            f"the tick of {instrument} is {spec.tick_size}"
        )
    notes.append("gamma, xi and delta are taken per tick and second, with q counting filled quotes times delta")
    fee_bps = _decimal_text(old.position.fee_rate * 1e4)
    try:
        latency = Latency(entry=f"{_decimal_text(old.execution.latency_ms)}ms", response="0ms")
    except InvalidValueError as error:
        raise ConfigError(source, "execution.latency_ms", error.problem) from None
    params: dict[str, Any] = {
        "quote_qty": _decimal_text(maker.quote_size),
        "max_position": _decimal_text(maker.max_position),
        "gamma": maker.gamma,
        "xi": maker.xi,
        "delta": maker.delta,
        "interval": f"{interval_ms}ms",
        "volatility_window": maker.vol.window_len,
        "volatility_half_life_s": maker.vol.ema_half_life,
        "intensity_window": maker.penetration.window_len,
        "intensity_bins": maker.penetration.num_bins,
    }
    if maker.vol.sigma_min is not None:
        params["sigma_min"] = maker.vol.sigma_min
    if maker.vol.sigma_max is not None:
        params["sigma_max"] = maker.vol.sigma_max
    return BacktestConfig(
        data=DataConfig(
            tardis=TardisConfig(
                root=old.data.tardis_root,
                instrument=instrument,
                trades=old.data.trades_csv,
                quotes=old.data.quotes_csv,
                book=old.data.book_csv,
            )
        ),
        venues=(SimVenue(venue, latency=latency, maker_fee_bps=fee_bps, taker_fee_bps=fee_bps),),
        strategies=(
            StrategyConfig(kind="avellaneda_stoikov", name="Avellaneda", instruments=(instrument,), params=params),
        ),
        output=OutputConfig(
            dir=old.output.csv_path,
            exchange=exchange,
            date=old.output.date,
            candles=f"{old.output.candle_size_min}m",
        ),
    ), notes


def _one_interval(maker: _Avellaneda, source: str) -> int:
    """Return the interval that volatility, penetration and sequencer must share, in ms."""
    intervals = {
        "vol.interval_s": round(maker.vol.interval_s * 1000),
        "penetration.interval_ms": maker.penetration.interval_ms,
        "sequencer.interval_ms": maker.sequencer.interval_ms,
    }
    shared = intervals["sequencer.interval_ms"]
    for key, value in intervals.items():
        if value != shared:
            raise ConfigError(
                source,
                f"strategy.avellaneda.{key}",
                f"{value} ms contradicts sequencer.interval_ms, {shared} ms",
            )
    return shared


def _decimal_text(value: float) -> str:
    """Return a float as plain decimal text, without the noise of arithmetic on it."""
    text = f"{value:.12f}".rstrip("0").rstrip(".")
    return text or "0"
