//! What features there are: names, parameters with their bounds, units, and what they mean.

use crate::types::nearest;

/// The longest window or horizon: a day.
pub(super) const MOST_WINDOW_NS: i64 = 86_400_000_000_000;
const MOST_NS: i64 = MOST_WINDOW_NS;
/// The shortest interval: what happens in one is looked at when it ends.
const LEAST_INTERVAL_NS: i64 = 1_000_000;
/// Values a window holds at most.
pub(super) const MOST_COUNT: usize = 100_000;
/// Levels a side at most.
const MOST_LEVELS: usize = 200;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Takes {
    /// A length of time, or a count.
    Window,
    /// A length of time, ns.
    Duration(i64, i64),
    /// A whole number.
    Count(usize, usize),
    /// A number.
    Number(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A list of numbers, of which NaN may be one.
    Numbers,
    /// Bars as [`BarSpec`](crate::bars::BarSpec) writes them, in quotes if there is a comma in it.
    Bars,
    /// The name of an indicator that reads bars, whose own parameters may follow.
    Indicator,
    /// The name of one of its outputs.
    Output,
}

/// A parameter of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Its default as text; without one it has to be given.
    pub default: Option<&'static str>,
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Spread,
    RelativeSpread,
    Mid,
    Microprice,
    StoikovMicroprice,
    Imbalance,
    QueueImbalance,
    Depth,
    DepthImbalance,
    DepthSlope,
    BookPressure,
    Ofi,
    MultilevelOfi,
    UpdateRate,
    AddRate,
    CancelRate,
    TradeSign,
    TradeCount,
    Volume,
    BuyVolume,
    SellVolume,
    TradeFlow,
    TradeImbalance,
    Vwap,
    Vpin,
    BulkVpin,
    RollSpread,
    KyleLambda,
    Amihud,
    RealizedVariance,
    RealizedVolatility,
    BipowerVariation,
    BipowerVolatility,
    EwmaVolatility,
    ArrivalRate,
    DepthDecay,
    LogReturn,
    TimeSinceTrade,
    TimeSinceBookChange,
    TimeSincePriceMove,
    Bar,
    Indicator,
}

/// A feature that can be asked for.
#[derive(Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// The formula, and what it means.
    pub summary: &'static str,
    /// When there is a first value.
    pub warm_up: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    pub(super) measure: Measure,
}

const fn parameter(name: &'static str, takes: Takes, default: &'static str) -> Parameter {
    Parameter { name, takes, default: Some(default) }
}

const WINDOW: Parameter = parameter("window", Takes::Window, "1s");
const LEVELS: Parameter = parameter("levels", Takes::Count(1, MOST_LEVELS), "5");
const SIDE: Parameter = parameter("side", Takes::Word(&["both", "bid", "ask"]), "both");
const INTERVAL: Parameter = parameter("interval", Takes::Duration(LEAST_INTERVAL_NS, MOST_NS), "1s");
const INTERVALS: Parameter = parameter("window", Takes::Count(2, MOST_COUNT), "60");
const RATE_WINDOW: Parameter = parameter("window", Takes::Duration(1, MOST_NS), "1s");
const ANNUALIZED: Parameter = parameter("annualized", Takes::Flag, "false");
const BIN: Parameter = parameter("bin_ticks", Takes::Number(1e-3, 1e6), "1");
const BINS: Parameter = parameter("bins", Takes::Count(3, 1_000), "50");
const INTENSITY_INTERVAL: Parameter =
    parameter("interval", Takes::Duration(LEAST_INTERVAL_NS, MOST_NS), "100ms");
const INTENSITY_WINDOW: Parameter = parameter("window", Takes::Count(1, MOST_COUNT), "6000");

const BARS: Parameter = parameter("bars", Takes::Bars, "1m");

const BOTH_SIDES: &str = "a synchronised book with both sides";
const BOOK_WINDOW: &str = "the window since the book was synchronised";
/// What stands for the first output of an indicator.
pub(super) const FIRST_OUTPUT: &str = "first";
const TRADE_WINDOW: &str = "the window since the first message";
const INTERVAL_WINDOW: &str = "`window` intervals after the first whole one";

macro_rules! definitions {
    ($($measure:ident $name:literal, $unit:literal, $warm_up:expr, [$($parameter:expr),*], $summary:literal;)*) => {
        /// All features, in the order of the documentation.
        pub fn definitions() -> &'static [Definition] {
            &[$(Definition {
                name: $name,
                unit: $unit,
                summary: $summary,
                warm_up: $warm_up,
                parameters: const { &[$($parameter),*] },
                measure: Measure::$measure,
            }),*]
        }
    };
}

definitions! {
    Spread "spread", "quote currency", BOTH_SIDES, [],
        "best ask - best bid; negative while the book is crossed";
    RelativeSpread "relative_spread", "bps", BOTH_SIDES, [], "10^4 (ask - bid) / mid";
    Mid "mid", "quote currency", BOTH_SIDES, [], "(bid + ask) / 2";
    Microprice "microprice", "quote currency", BOTH_SIDES, [],
        "ask I + bid (1 - I) with I = bid_qty / (bid_qty + ask_qty)";
    StoikovMicroprice "stoikov_microprice", "quote currency", BOTH_SIDES,
        [Parameter { name: "table", takes: Takes::Numbers, default: None },
         parameter("buckets", Takes::Count(2, 1_000), "10")],
        "mid + G(I, spread) of a fitted table (`fit_microprice`): a row of `buckets` imbalances for each spread of \
         1, 2, ... ticks, in ticks; wider spreads take the last row";
    Imbalance "imbalance", "fraction 0..1", BOTH_SIDES, [], "bid_qty / (bid_qty + ask_qty) at the best prices";
    QueueImbalance "queue_imbalance", "fraction -1..1", BOTH_SIDES, [],
        "(bid_qty - ask_qty) / (bid_qty + ask_qty) at the best prices";
    Depth "depth", "contracts", "a synchronised book", [LEVELS, SIDE],
        "sum of the quantities of the best `levels` levels, as far as there are so many";
    DepthImbalance "depth_imbalance", "fraction -1..1", "a synchronised book with a level",
        [LEVELS, parameter("decay", Takes::Number(0.0, 100.0), "0")],
        "(B - A) / (B + A), B and A the sums of qty exp(-decay level) over the best `levels` levels, the best is \
         level 0";
    DepthSlope "depth_slope", "contracts a tick", BOTH_SIDES, [LEVELS, SIDE],
        "slope through the origin of cumulated quantity Q over distance d from the mid in ticks, sum(d Q) / sum(d^2), \
         over the best `levels` levels; `both` is the mean of the two";
    BookPressure "book_pressure", "fraction -1..1", BOTH_SIDES, [LEVELS],
        "(B - A) / (B + A), B and A the sums of qty / d over the best `levels` levels, d the distance from the mid in \
         ticks; NaN while the book is crossed";
    Ofi "ofi", "contracts", BOOK_WINDOW, [WINDOW, parameter("level", Takes::Count(1, MOST_LEVELS), "1")],
        "order-flow imbalance of one level: the sum over book updates of [b1 >= b0] qb1 - [b1 <= b0] qb0 - \
         [a1 <= a0] qa1 + [a1 >= a0] qa0";
    MultilevelOfi "multilevel_ofi", "contracts", BOOK_WINDOW, [LEVELS, WINDOW],
        "sum of `ofi` over the best `levels` levels";
    UpdateRate "update_rate", "1/s", BOOK_WINDOW, [RATE_WINDOW], "messages that hold levels (or quotes) a second";
    AddRate "add_rate", "contracts/s", BOOK_WINDOW, [RATE_WINDOW],
        "quantity added to levels a second; NaN for a book made of quotes";
    CancelRate "cancel_rate", "contracts/s", BOOK_WINDOW, [RATE_WINDOW],
        "quantity taken from levels less what was traded, a second, at least 0; NaN for a book made of quotes";
    TradeSign "trade_sign", "-1, 0, 1", "the first trade",
        [parameter("rule", Takes::Word(&["aggressor", "lee_ready", "tick"]), "aggressor"),
         parameter("lag", Takes::Duration(0, MOST_NS), "0ns")],
        "of the last trade: the venue's aggressor, where it says none Lee-Ready: above the mid of `lag` before 1, \
         below -1, at it (or without a mid) the sign of the last change of trade prices; 0 without one";
    TradeCount "trade_count", "trades", TRADE_WINDOW, [RATE_WINDOW], "trades in the window";
    Volume "volume", "contracts", TRADE_WINDOW, [WINDOW], "quantity traded in the window";
    BuyVolume "buy_volume", "contracts", TRADE_WINDOW, [WINDOW], "quantity that buyers took";
    SellVolume "sell_volume", "contracts", TRADE_WINDOW, [WINDOW], "quantity that sellers took";
    TradeFlow "trade_flow", "contracts", TRADE_WINDOW, [WINDOW], "buy_volume - sell_volume";
    TradeImbalance "trade_imbalance", "fraction -1..1", TRADE_WINDOW, [WINDOW],
        "(buy_volume - sell_volume) / volume; NaN without volume";
    Vwap "vwap", "quote currency", TRADE_WINDOW, [WINDOW], "sum(price qty) / sum(qty); NaN without volume";
    Vpin "vpin", "fraction 0..1", "`window` whole buckets",
        [Parameter { name: "bucket", takes: Takes::Number(1e-18, 1e18), default: None },
         parameter("window", Takes::Count(1, MOST_COUNT), "50")],
        "mean over the last `window` buckets of `bucket` contracts of |buy - sell| / bucket; a trade is split over \
         the edge of a bucket, and the open one does not count";
    BulkVpin "bulk_vpin", "fraction 0..1", "`window` + 1 whole buckets",
        [Parameter { name: "bucket", takes: Takes::Number(1e-18, 1e18), default: None },
         parameter("window", Takes::Count(2, 10_000), "50"),
         parameter("distribution", Takes::Word(&["normal", "student_t"]), "normal")],
        "`vpin` where nobody says who was the aggressor: mean over the buckets of |2 F(dp / s) - 1|, dp the change of \
         the price over a bucket, s its sample deviation in the window, F the normal distribution or Student's with \
         0.25 degrees of freedom";
    RollSpread "roll_spread", "quote currency", "`window` trades",
        [parameter("window", Takes::Count(4, MOST_COUNT), "100")],
        "2 sqrt(-cov(dp_t, dp_t-1)) of the last `window` trade prices, sample covariance; 0 where it is not negative";
    KyleLambda "kyle_lambda", "quote currency a contract", INTERVAL_WINDOW,
        [INTERVAL, INTERVALS, parameter("intercept", Takes::Flag, "true")],
        "slope of the least squares of the change of the mid on signed volume, by interval; NaN where the volume is \
         the same in all";
    Amihud "amihud", "1 / quote currency", INTERVAL_WINDOW, [INTERVAL, INTERVALS],
        "mean of |log return of the mid| / (price qty traded) over the intervals with trades; NaN without any";
    RealizedVariance "realized_variance", "1", INTERVAL_WINDOW, [INTERVAL, INTERVALS],
        "sum of squared log returns of the mid";
    RealizedVolatility "realized_volatility", "1 (annualized: a year)", INTERVAL_WINDOW,
        [INTERVAL, INTERVALS, ANNUALIZED],
        "sqrt(sum r^2); annualized sqrt(mean r^2 n), n the intervals of 365 days";
    BipowerVariation "bipower_variation", "1", INTERVAL_WINDOW, [INTERVAL, INTERVALS],
        "(pi / 2) sum |r_t| |r_t-1|: the variance without jumps";
    BipowerVolatility "bipower_volatility", "1", INTERVAL_WINDOW, [INTERVAL, INTERVALS],
        "sqrt of `bipower_variation`";
    EwmaVolatility "ewma_volatility", "1 (an interval)", "a half-life of intervals after the first whole one",
        [INTERVAL, parameter("half_life", Takes::Count(1, MOST_COUNT), "30")],
        "sqrt(v), v = l v + (1 - l) r^2 with l = 2^(-1 / half_life), half_life in intervals, begun with the first r^2";
    ArrivalRate "arrival_rate", "fills/s", "`window` whole intervals",
        [INTENSITY_INTERVAL, INTENSITY_WINDOW, BIN, BINS],
        "A of the intensity A exp(-k d) with which trades reach d ticks from the mid, as `IntensityEstimator` fits it";
    DepthDecay "depth_decay", "1/tick", "`window` whole intervals",
        [INTENSITY_INTERVAL, INTENSITY_WINDOW, BIN, BINS], "k of that intensity";
    LogReturn "log_return", "1", "the horizon since the first mid",
        [parameter("horizon", Takes::Duration(1, MOST_NS), "1s")], "ln(mid / mid of `horizon` ago)";
    TimeSinceTrade "time_since_trade", "s", "the first trade", [], "time since the last trade";
    TimeSinceBookChange "time_since_book_change", "s", "the first message with levels", [],
        "time since the last message with levels (or quotes)";
    TimeSincePriceMove "time_since_price_move", "s", "the first change of a best price", [],
        "time since a best price changed";
    Bar "bar", "that of the field", "the first finished bar",
        [BARS, parameter("field", Takes::Word(super::bars::FIELDS), "close")],
        "a field of the last finished bar, from when it is available: open, high, low, close, volume, quote_volume, \
         buy_volume, sell_volume, vwap, trades";
    Indicator "indicator", "that of the indicator", "the bars of the indicator's warm-up",
        [Parameter { name: "name", takes: Takes::Indicator, default: None }, BARS,
         parameter("output", Takes::Output, FIRST_OUTPUT)],
        "an indicator of `tradecore.indicators` on finished bars, whose parameters are given like those of a feature: \
         `indicator(name=rsi, bars=1m, period=14)`; a bar that late trades changed is taken as it was first";
}

/// The feature of a name, or the name that is nearest to it.
pub(super) fn find(name: &str) -> Result<&'static Definition, Option<&'static str>> {
    let all = definitions();
    if let Some(found) = all.iter().find(|definition| definition.name == name) {
        return Ok(found);
    }
    Err(nearest(name, all.iter().map(|definition| definition.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_told_the_nearest() {
        assert_eq!(find("micro_price").unwrap_err(), Some("microprice"));
        assert_eq!(find("OFI").unwrap_err(), Some("ofi"));
        assert_eq!(find("realised_variance").unwrap_err(), Some("realized_variance"));
        assert_eq!(find("xyzzy").unwrap_err(), None);
    }
}
