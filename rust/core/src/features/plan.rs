//! What a set needs to be kept, each thing once, and how each feature is read from it.

use std::sync::Arc;

use super::bars::{Bars, FIELDS};
use super::bulk::{BulkVpin, Spread};
use super::depth::Sides;
use super::flow::{Flow, Flows};
use super::intervals::Intervals;
use super::registry::Measure;
use super::set::{FeatureSet, Member};
use super::spec::{FeatureSpec, SpecError, Value};
use super::trades::{Roll, Rule, Signer, Trades, Vpin};
use super::window::Window;
use crate::bars::BarSpec;
use crate::types::Instrument;

/// A mid by the time it came to be.
pub(super) type MidSince = (i64, Option<i64>);

/// The mids of a horizon: the one at its start, and all since.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) horizon_ns: i64,
    pub(super) mids: std::collections::VecDeque<MidSince>,
}

impl History {
    pub(super) fn push(&mut self, ts: i64, twice_mid: Option<i64>) {
        self.pass(ts);
        self.mids.push_back((ts, twice_mid));
    }

    fn pass(&mut self, now: i64) {
        let start = now.saturating_sub(self.horizon_ns);
        while self.mids.get(1).is_some_and(|(since, _)| *since <= start) {
            self.mids.pop_front();
        }
    }

    /// Twice the mid a horizon before `now`.
    pub(super) fn before(&mut self, now: i64) -> Option<i64> {
        self.pass(now);
        let (since, mid) = self.mids.front()?;
        if *since <= now.saturating_sub(self.horizon_ns) { *mid } else { None }
    }
}

/// What trades are summed to.
#[derive(Debug, Clone, Copy)]
pub(super) enum OfTrades {
    Count,
    Volume,
    Bought,
    Sold,
    Flow,
    Imbalance,
    Vwap,
}

/// What intervals are made to.
#[derive(Debug, Clone, Copy)]
pub(super) enum OfIntervals {
    Kyle { intercept: bool },
    Amihud,
    Variance,
    Volatility { annualized: bool },
    Bipower,
    BipowerVolatility,
}

/// How a feature is read. Numbers are places in the lists of [`Parts`].
#[derive(Debug)]
pub(super) enum Slot {
    Spread,
    RelativeSpread,
    Mid,
    Microprice,
    Stoikov {
        table: Arc<[f64]>,
        buckets: usize,
    },
    Imbalance,
    QueueImbalance,
    Depth {
        levels: usize,
        sides: Sides,
    },
    DepthImbalance {
        weights: Vec<f64>,
    },
    DepthSlope {
        levels: usize,
        sides: Sides,
    },
    BookPressure {
        levels: usize,
    },
    /// Quantity over a window.
    Flow(usize),
    /// A count or quantity a second.
    Rate {
        flow: usize,
        seconds: f64,
        is_qty: bool,
    },
    CancelRate {
        removed: usize,
        traded: usize,
        seconds: f64,
    },
    TradeSign(usize),
    Trades(usize, OfTrades),
    Vpin(usize),
    BulkVpin(usize),
    Roll(usize),
    Intervals {
        group: usize,
        recent: usize,
        of: OfIntervals,
    },
    Ewma {
        group: usize,
        ewma: usize,
    },
    ArrivalRate {
        group: usize,
        intensity: usize,
    },
    DepthDecay {
        group: usize,
        intensity: usize,
    },
    LogReturn(usize),
    SinceTrade,
    SinceBookChange,
    SincePriceMove,
    Bar {
        bars: usize,
        field: usize,
    },
    Indicator {
        bars: usize,
        stream: usize,
        output: usize,
    },
    Custom(usize),
}

/// What is kept, each thing once however many features are read from it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) flows: Flows,
    /// The first gives trades the sign that everything else counts them by.
    pub(super) signers: Vec<Signer>,
    pub(super) trades: Vec<Trades>,
    pub(super) vpins: Vec<Vpin>,
    pub(super) bulk_vpins: Vec<BulkVpin>,
    pub(super) rolls: Vec<Roll>,
    pub(super) groups: Vec<Intervals>,
    pub(super) histories: Vec<History>,
    pub(super) bars: Vec<Bars>,
    /// Most levels a side that a feature looks at.
    pub(super) depth: usize,
    /// Whether trades are looked at at all.
    pub(super) reads_trades: bool,
}

impl Parts {
    fn new() -> Self {
        Self {
            flows: Flows::new(),
            signers: vec![Signer::new(Rule::Aggressor, 0)],
            trades: Vec::new(),
            vpins: Vec::new(),
            bulk_vpins: Vec::new(),
            rolls: Vec::new(),
            groups: Vec::new(),
            histories: Vec::new(),
            bars: Vec::new(),
            depth: 0,
            reads_trades: false,
        }
    }

    fn trades(&mut self, window: Window) -> usize {
        self.reads_trades = true;
        self.trades.iter().position(|own| own.window() == window).unwrap_or_else(|| {
            self.trades.push(Trades::new(window));
            self.trades.len() - 1
        })
    }

    fn signer(&mut self, rule: Rule, lag_ns: i64) -> usize {
        self.reads_trades = true;
        self.signers.iter().position(|own| own.is(rule, lag_ns)).unwrap_or_else(|| {
            self.signers.push(Signer::new(rule, lag_ns));
            self.signers.len() - 1
        })
    }

    fn group(&mut self, ns: i64) -> usize {
        self.groups.iter().position(|own| own.ns == ns).unwrap_or_else(|| {
            self.groups.push(Intervals::new(ns));
            self.groups.len() - 1
        })
    }

    fn history(&mut self, horizon_ns: i64) -> usize {
        self.histories.iter().position(|own| own.horizon_ns == horizon_ns).unwrap_or_else(|| {
            self.histories.push(History { horizon_ns, mids: std::collections::VecDeque::new() });
            self.histories.len() - 1
        })
    }

    fn bars(&mut self, spec: BarSpec, instrument: &Instrument) -> Result<usize, SpecError> {
        if let Some(at) = self.bars.iter().position(|own| own.spec == spec) {
            return Ok(at);
        }
        self.bars.push(Bars::new(spec, instrument)?);
        Ok(self.bars.len() - 1)
    }

    fn levels(&mut self, levels: usize) -> usize {
        self.depth = self.depth.max(levels);
        levels
    }
}

/// The values of a feature's parameters, by name. A definition names what its measure asks for.
struct Given<'a>(&'a FeatureSpec);

impl Given<'_> {
    fn get(&self, name: &str) -> &Value {
        let at = self.0.definition.parameters.iter().position(|parameter| parameter.name == name);
        &self.0.values[at.expect("a parameter of the definition")]
    }

    fn whole(&self, name: &str) -> usize {
        if let Value::Count(n) = self.get(name) { *n } else { 0 }
    }

    fn ns(&self, name: &str) -> i64 {
        if let Value::Duration(ns) = self.get(name) { *ns } else { 0 }
    }

    fn number(&self, name: &str) -> f64 {
        if let Value::Number(number) = self.get(name) { *number } else { f64::NAN }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Value::Flag(true))
    }

    fn word(&self, name: &str) -> &'static str {
        if let Value::Word(word) = self.get(name) { word } else { "" }
    }

    fn numbers(&self, name: &str) -> Arc<[f64]> {
        if let Value::Numbers(numbers) = self.get(name) { Arc::clone(numbers) } else { Arc::default() }
    }

    fn bars(&self) -> BarSpec {
        if let Value::Bars(bars) = self.get("bars") { *bars } else { BarSpec::time(60_000_000_000) }
    }

    fn window(&self) -> Window {
        match self.get("window") {
            Value::Window(window) => *window,
            Value::Duration(ns) => Window::Time(*ns),
            _ => Window::Count(self.whole("window")),
        }
    }

    fn sides(&self) -> Sides {
        match self.word("side") {
            "bid" => Sides::Bid,
            "ask" => Sides::Ask,
            _ => Sides::Both,
        }
    }
}

/// How the features of a set are read, and from what.
pub(super) fn compile(set: &FeatureSet, instrument: &Instrument) -> Result<(Parts, Vec<Slot>), SpecError> {
    let (mut parts, mut slots, mut customs) = (Parts::new(), Vec::with_capacity(set.members.len()), 0);
    for member in &set.members {
        slots.push(match member {
            Member::Built(spec) => slot(&mut parts, spec, instrument)?,
            Member::Custom(..) => {
                customs += 1;
                Slot::Custom(customs - 1)
            }
        });
    }
    Ok((parts, slots))
}

/// How many increments a bucket of a feature holds.
fn bucket(spec: &FeatureSpec, instrument: &Instrument) -> Result<i64, SpecError> {
    let bucket = Given(spec).number("bucket");
    let steps = instrument.qty_increment.near_steps(bucket).filter(|steps| *steps > 0);
    steps.ok_or_else(|| SpecError::BadValue {
        feature: spec.definition.name.to_owned(),
        parameter: "bucket".to_owned(),
        value: bucket.to_string(),
        expected: format!(
            "a quantity of {}, whose increment is {}",
            instrument.id,
            instrument.qty_increment.value()
        ),
    })
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn slot(parts: &mut Parts, spec: &FeatureSpec, instrument: &Instrument) -> Result<Slot, SpecError> {
    let given = Given(spec);
    let of_trades = |parts: &mut Parts, of| Slot::Trades(parts.trades(given.window()), of);
    let rate = |parts: &mut Parts, flow| Slot::Rate {
        flow: parts.flows.add(flow, given.window()),
        seconds: given.window().seconds().unwrap_or(f64::NAN),
        is_qty: flow != Flow::Updates,
    };
    let of_intervals = |parts: &mut Parts, of| {
        let group = parts.group(given.ns("interval"));
        Slot::Intervals { group, recent: parts.groups[group].window(given.whole("window")), of }
    };
    let intensity = |parts: &mut Parts| {
        parts.reads_trades = true;
        let group = parts.group(given.ns("interval"));
        let terms = (given.whole("window"), given.number("bin_ticks"), given.whole("bins"));
        (group, parts.groups[group].intensity(terms))
    };
    Ok(match spec.definition.measure {
        Measure::Spread => Slot::Spread,
        Measure::RelativeSpread => Slot::RelativeSpread,
        Measure::Mid => Slot::Mid,
        Measure::Microprice => Slot::Microprice,
        Measure::StoikovMicroprice => {
            Slot::Stoikov { table: given.numbers("table"), buckets: given.whole("buckets") }
        }
        Measure::Imbalance => Slot::Imbalance,
        Measure::QueueImbalance => Slot::QueueImbalance,
        Measure::Depth => Slot::Depth { levels: parts.levels(given.whole("levels")), sides: given.sides() },
        Measure::DepthImbalance => {
            let (levels, decay) = (parts.levels(given.whole("levels")), given.number("decay"));
            Slot::DepthImbalance {
                weights: (0..levels).map(|level| libm::exp(-decay * level as f64)).collect(),
            }
        }
        Measure::DepthSlope => {
            Slot::DepthSlope { levels: parts.levels(given.whole("levels")), sides: given.sides() }
        }
        Measure::BookPressure => Slot::BookPressure { levels: parts.levels(given.whole("levels")) },
        Measure::Ofi => Slot::Flow(parts.flows.add(Flow::Level(given.whole("level") - 1), given.window())),
        Measure::MultilevelOfi => {
            Slot::Flow(parts.flows.add(Flow::Levels(given.whole("levels")), given.window()))
        }
        Measure::UpdateRate => rate(parts, Flow::Updates),
        Measure::AddRate => rate(parts, Flow::Added),
        Measure::CancelRate => Slot::CancelRate {
            removed: parts.flows.add(Flow::Removed, given.window()),
            traded: parts.trades(given.window()),
            seconds: given.window().seconds().unwrap_or(f64::NAN),
        },
        Measure::TradeSign => {
            let rule = match given.word("rule") {
                "lee_ready" => Rule::LeeReady,
                "tick" => Rule::Tick,
                _ => Rule::Aggressor,
            };
            Slot::TradeSign(parts.signer(rule, given.ns("lag")))
        }
        Measure::TradeCount => of_trades(parts, OfTrades::Count),
        Measure::Volume => of_trades(parts, OfTrades::Volume),
        Measure::BuyVolume => of_trades(parts, OfTrades::Bought),
        Measure::SellVolume => of_trades(parts, OfTrades::Sold),
        Measure::TradeFlow => of_trades(parts, OfTrades::Flow),
        Measure::TradeImbalance => of_trades(parts, OfTrades::Imbalance),
        Measure::Vwap => of_trades(parts, OfTrades::Vwap),
        Measure::Vpin => {
            parts.reads_trades = true;
            parts.vpins.push(Vpin::new(bucket(spec, instrument)?, given.whole("window")));
            Slot::Vpin(parts.vpins.len() - 1)
        }
        Measure::BulkVpin => {
            let spread =
                if given.word("distribution") == "normal" { Spread::Normal } else { Spread::StudentT };
            parts.reads_trades = true;
            parts.bulk_vpins.push(BulkVpin::new(bucket(spec, instrument)?, given.whole("window"), spread));
            Slot::BulkVpin(parts.bulk_vpins.len() - 1)
        }
        Measure::RollSpread => {
            parts.reads_trades = true;
            parts.rolls.push(Roll::new(given.whole("window")));
            Slot::Roll(parts.rolls.len() - 1)
        }
        Measure::KyleLambda => {
            parts.reads_trades = true;
            of_intervals(parts, OfIntervals::Kyle { intercept: given.flag("intercept") })
        }
        Measure::Amihud => {
            parts.reads_trades = true;
            of_intervals(parts, OfIntervals::Amihud)
        }
        Measure::RealizedVariance => of_intervals(parts, OfIntervals::Variance),
        Measure::RealizedVolatility => {
            of_intervals(parts, OfIntervals::Volatility { annualized: given.flag("annualized") })
        }
        Measure::BipowerVariation => of_intervals(parts, OfIntervals::Bipower),
        Measure::BipowerVolatility => of_intervals(parts, OfIntervals::BipowerVolatility),
        Measure::EwmaVolatility => {
            let group = parts.group(given.ns("interval"));
            Slot::Ewma { group, ewma: parts.groups[group].ewma(given.whole("half_life")) }
        }
        Measure::ArrivalRate => {
            let (group, intensity) = intensity(parts);
            Slot::ArrivalRate { group, intensity }
        }
        Measure::DepthDecay => {
            let (group, intensity) = intensity(parts);
            Slot::DepthDecay { group, intensity }
        }
        Measure::LogReturn => Slot::LogReturn(parts.history(given.ns("horizon"))),
        Measure::TimeSinceTrade => {
            parts.reads_trades = true;
            Slot::SinceTrade
        }
        Measure::TimeSinceBookChange => Slot::SinceBookChange,
        Measure::TimeSincePriceMove => Slot::SincePriceMove,
        Measure::Bar => Slot::Bar {
            bars: parts.bars(given.bars(), instrument)?,
            field: FIELDS.iter().position(|field| *field == given.word("field")).unwrap_or_default(),
        },
        Measure::Indicator => {
            let (stream, output) = spec.indicator.clone().ok_or(SpecError::Empty)?;
            let bars = parts.bars(given.bars(), instrument)?;
            Slot::Indicator { bars, stream: parts.bars[bars].stream(stream), output }
        }
    })
}
