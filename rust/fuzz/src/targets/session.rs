//! A small session that the targets of the kernel share.

use tradecore_core::backtest::{Replay, RunConfig};
use tradecore_core::book::{FillBasis, MarkSource};
use tradecore_core::kernel::{
    Entry, Kernel, KernelConfig, KernelError, LoadError, MarketSpec, OnError, OwnedInput, StrategySetup,
    entries,
};
use tradecore_core::ledger::CostBasis;
use tradecore_core::sim::Latency;
use tradecore_core::types::{AccountId, InstrumentKind, MarketId};

use crate::common::{M0, MS, Monkey, Quiet, instrument, market_data, market_setup};

const MARKETS: [(&str, InstrumentKind); 2] =
    [("A.TEST", InstrumentKind::LINEAR_PERPETUAL), ("B.TEST", InstrumentKind::INVERSE_PERPETUAL)];

/// What a kernel is told, and when.
pub(super) type Inputs = Vec<(i64, OwnedInput)>;

fn strategies() -> Vec<StrategySetup> {
    (0..2)
        .map(|i| StrategySetup {
            name: format!("m{i}"),
            markets: vec![M0, MarketId::new(1)],
            account: AccountId::new(i as usize),
            strategy: Box::new(Monkey::new(3, i, 2)),
        })
        .collect()
}

fn specs() -> Vec<MarketSpec> {
    let spec = |(id, kind): (&str, InstrumentKind)| MarketSpec {
        instrument: instrument(id, kind),
        basis: FillBasis::L2,
        marks: MarkSource::Mid,
    };
    MARKETS.into_iter().map(spec).collect()
}

fn config() -> KernelConfig {
    KernelConfig {
        session: "test".parse().expect("a session"),
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::Fifo,
        checks: true,
        candle_ns: Some(1_000 * MS),
        keeps_journal: true,
        risk: None,
    }
}

/// A kernel before its first input.
pub(super) fn kernel() -> Kernel {
    Kernel::new(config(), specs(), strategies()).expect("sound increments")
}

/// A kernel that goes on from a state.
pub(super) fn load(state: &[u8]) -> Result<Kernel, LoadError> {
    Kernel::load(config(), specs(), strategies(), state)
}

/// The journal of a short backtest.
pub(super) fn journal(rows: usize) -> Vec<u8> {
    let setup = |at: usize| {
        let (id, kind) = MARKETS[at].clone();
        market_setup(id, kind, market_data(at as u64, rows), 1_000, Latency::constant(MS, MS, None))
    };
    let config = RunConfig {
        session: "test".parse().expect("a session"),
        seed: 3,
        sample_ns: 50 * MS,
        candle_ns: Some(1_000 * MS),
        reporting: None,
        on_error: OnError::StopStrategy,
        cost_basis: CostBasis::Fifo,
        checks: true,
        keeps_journal: true,
        risk: None,
    };
    let mut replay = Replay::new(config, vec![setup(0), setup(1)], strategies()).expect("a sound setup");
    replay.run(&mut Quiet).expect("a run without a fault");
    replay.kernel().take_journal()
}

/// The inputs among entries.
pub(super) fn inputs(entries: impl IntoIterator<Item = Entry>) -> Inputs {
    let input = |entry| match entry {
        Entry::Input { at, input } => Some((at, input)),
        Entry::Command { .. } => None,
    };
    entries.into_iter().filter_map(input).collect()
}

/// What a kernel made of its inputs.
pub(super) struct Outcome {
    digest: String,
    journal: Vec<Entry>,
    /// How the first error that ends a session did.
    error: Option<String>,
}

/// Feeds inputs one at a time, until one ends the session. The state is saved and another kernel goes on after every
/// `every` of them.
pub(super) fn feed(mut kernel: Kernel, inputs: &[(i64, OwnedInput)], every: usize) -> Outcome {
    let (mut journal, mut error) = (Vec::new(), None);
    for (at, (time, input)) in inputs.iter().enumerate() {
        if at % every == every - 1 {
            let state = kernel.save().expect("everything has been drained");
            journal.extend(kernel.take_journal());
            kernel = load(&state).expect("a state that was saved is loaded");
            assert_eq!(kernel.save().as_ref(), Ok(&state));
        }
        let outcome = kernel.handle(*time, input.as_input());
        // What is refused has changed nothing.
        let is_refusal = |error: &KernelError| {
            matches!(
                error,
                KernelError::UnknownMarket(_) | KernelError::UnknownStrategy(_) | KernelError::Order(_)
            )
        };
        if let Some(ended) = outcome.err().filter(|error| !is_refusal(error)) {
            error = Some(ended.to_string());
            break;
        }
        kernel.drain();
    }
    journal.extend(kernel.take_journal());
    let journal = entries(&journal).collect::<Result<_, _>>().expect("what a kernel writes is read");
    Outcome { digest: kernel.finish(), journal, error }
}

/// The same inputs make the same session, whether it is saved and loaded on the way or fed back from its own journal.
pub(super) fn check(inputs: &[(i64, OwnedInput)]) {
    let whole = feed(kernel(), inputs, usize::MAX);
    same(&feed(kernel(), inputs, 1 + inputs.len() / 3), &whole);
    same(&feed(kernel(), &self::inputs(whole.journal.clone()), usize::MAX), &whole);
}

/// Two sessions are one.
pub(super) fn same(one: &Outcome, other: &Outcome) {
    for (at, (one, other)) in one.journal.iter().zip(&other.journal).enumerate() {
        assert_eq!(one, other, "entry {at}");
    }
    assert_eq!(one.journal.len(), other.journal.len());
    assert_eq!((&one.digest, &one.error), (&other.digest, &other.error));
}
