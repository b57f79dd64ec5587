//! Models ask and answer through the kernel: answers take their time, expire, and are inputs like any other.

use std::sync::{Arc, Mutex};

use crate::common::{M0, MS, Quiet, instrument, market_data, market_setup};
use proptest::prelude::*;
use tradecore_core::backtest::{Model, ModelSetup, Replay, RunConfig, RunEnd};
use tradecore_core::book::{FillBasis, MarkSource};
use tradecore_core::kernel::{
    Confidence, Context, Control, Entry, HookError, HookResult, Interest, Kernel, KernelConfig, MarketSpec,
    OnError, Opinion, OwnedInput, Question, Signal, SignalAction, Strategy, StrategySetup, entries,
};
use tradecore_core::ledger::CostBasis;
use tradecore_core::orders::{OrderRequest, OrderType, TimeInForce};
use tradecore_core::sim::{Latency, LatencyModel};
use tradecore_core::types::{AccountId, InstrumentKind, MarketId, Qty, Side};

/// What a strategy was told: when, and the time of the question; `false` for the end of a signal.
type Heard = Arc<Mutex<Vec<(i64, i64, bool)>>>;

/// Asks every so often, and holds one unit as its signal says.
struct Follower {
    every: i64,
    lifetime: i64,
    heard: Heard,
}

impl Follower {
    fn hold(ctx: &mut Context, target: i64) {
        let missing = target - ctx.position(M0).qty;
        let side = if missing > 0 { Side::Buy } else { Side::Sell };
        if missing != 0 {
            let _ = ctx.submit(OrderRequest {
                time_in_force: TimeInForce::Ioc,
                ..OrderRequest::new(M0, side, OrderType::Market, Qty::new(missing.abs()))
            });
        }
    }
}

impl Strategy for Follower {
    fn interest(&self) -> Interest {
        Interest::default()
    }

    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        ctx.every(self.every);
        Ok(())
    }

    fn on_timer(&mut self, ctx: &mut Context, _timer: u64) -> HookResult {
        let touch = ctx.touch(M0);
        let feature = touch.twice_mid().map_or(f64::NAN, |mid| mid as f64);
        ctx.ask(M0, Arc::from([feature]), self.lifetime).unwrap();
        Ok(())
    }

    fn on_signal(&mut self, ctx: &mut Context, market: MarketId, signal: &Signal) -> HookResult {
        self.heard.lock().unwrap().push((ctx.now_ns(), signal.ts, true));
        assert_eq!(ctx.signal(market), Some(signal));
        assert_eq!(ctx.signals().count(), 1);
        Self::hold(ctx, signal.opinion.action as i64);
        Ok(())
    }

    fn on_signal_expired(&mut self, ctx: &mut Context, market: MarketId, signal: &Signal) -> HookResult {
        self.heard.lock().unwrap().push((ctx.now_ns(), signal.ts, false));
        assert!(ctx.signal(market).is_none() && ctx.now_ns() == signal.expires);
        Self::hold(ctx, 0);
        Ok(())
    }
}

/// Says what the last digits of a mid say; not for every one.
struct Digits(Option<Question>);

impl Model for Digits {
    fn opinion(&mut self, question: &Question) -> Result<Opinion, HookError> {
        self.0 = Some(question.clone());
        let mid = question.features[0];
        if mid.is_nan() || mid as i64 % 7 == 0 {
            return Err(HookError::Failed("nothing to say".into()));
        }
        let action = [SignalAction::Sell, SignalAction::Hold, SignalAction::Buy][mid as usize % 3];
        let confidence = Confidence::new(mid % 10.0 / 10.0).unwrap();
        Ok(Opinion { action, confidence, value: mid, model: "digits".into() })
    }
}

fn digits(latency: i64) -> ModelSetup {
    ModelSetup { model: Box::new(Digits(None)), latency: LatencyModel::Constant(latency) }
}

fn config(keeps_journal: bool) -> RunConfig {
    RunConfig {
        session: "test".parse().unwrap(),
        seed: 3,
        sample_ns: 50 * MS,
        candle_ns: None,
        reporting: None,
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        keeps_journal,
        risk: None,
    }
}

fn follower(index: usize, every: i64, lifetime: i64, heard: &Heard) -> StrategySetup {
    StrategySetup {
        name: format!("f{index}"),
        markets: vec![M0],
        account: AccountId::new(index),
        strategy: Box::new(Follower { every, lifetime, heard: Arc::clone(heard) }),
    }
}

fn data(seed: u64) -> tradecore_core::backtest::MarketSetup {
    let latency = Latency::constant(2 * MS, MS, None);
    market_setup("A.TEST", InstrumentKind::LINEAR_PERPETUAL, market_data(seed, 12_000), 3_000, latency)
}

fn run(seed: u64, every: i64, lifetime: i64, latency: i64, keeps_journal: bool) -> (String, Vec<u8>, Heard) {
    let heard = Heard::default();
    let setup = vec![follower(0, every, lifetime, &heard)];
    let mut replay = Replay::new(config(keeps_journal), vec![data(seed)], setup).unwrap();
    replay.set_models(vec![Some(digits(latency))]);
    let (end, digest) = replay.run(&mut Quiet).unwrap();
    assert_eq!(end, RunEnd::Finished);
    assert!(replay.kernel().record_ref().fills.len() > 3);
    (digest, replay.kernel().take_journal(), heard)
}

#[test]
fn an_answer_arrives_after_its_latency_and_ends_with_its_lifetime() {
    let (_, _, heard) = run(5, 100 * MS, 60 * MS, 7 * MS, false);
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 12);
    for (now, ts, arrived) in heard.iter() {
        assert_eq!(now - ts, if *arrived { 7 * MS } else { 60 * MS });
    }
    let ends = heard.iter().filter(|(.., arrived)| !arrived).count();
    assert!(heard.len() - ends - ends <= 1, "every signal ends before the next, but the last");
}

#[test]
fn a_signal_that_is_replaced_in_time_does_not_end_and_one_that_is_late_is_not_told() {
    let (_, _, heard) = run(5, 20 * MS, 5_000 * MS, 0, false);
    assert!(heard.lock().unwrap().iter().all(|(now, ts, arrived)| *arrived && now == ts));
    let heard = Heard::default();
    let setup = vec![follower(0, 20 * MS, 5 * MS, &heard)];
    let mut replay = Replay::new(config(false), vec![data(5)], setup).unwrap();
    replay.set_models(vec![Some(digits(5 * MS))]);
    replay.run(&mut Quiet).unwrap();
    assert!(heard.lock().unwrap().is_empty());
    assert!(replay.kernel().record_ref().signals.len() > 12);
}

#[test]
fn a_strategy_without_a_model_is_answered_why_there_is_no_signal() {
    let heard = Heard::default();
    let setup = vec![follower(0, 50 * MS, MS, &heard)];
    let mut replay = Replay::new(config(false), vec![data(1)], setup).unwrap();
    replay.run(&mut Quiet).unwrap();
    let rows = &replay.kernel().record_ref().signals;
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row.answer.outcome == Err("the strategy has no model".into())));
}

#[test]
fn strategies_apart_have_their_own_models() {
    let heard = Heard::default();
    let seats = [(30, 50), (70, 90)];
    let setups = |which: &[usize]| -> Vec<StrategySetup> {
        which.iter().map(|i| follower(0, seats[*i].0 * MS, seats[*i].1 * MS, &heard)).collect()
    };
    let mut named = setups(&[0, 1]);
    named[1].name = "f1".into();
    let mut together = Replay::apart(config(false), vec![data(9)], named).unwrap();
    together.set_models(vec![Some(digits(3 * MS)), Some(digits(4 * MS))]);
    let (_, digests) = together.run_all(&mut Quiet).unwrap();
    for (index, digest) in digests.iter().enumerate() {
        let mut alone = Replay::new(config(false), vec![data(9)], setups(&[index])).unwrap();
        alone.set_models(vec![Some(digits((3 + index as i64) * MS))]);
        assert_eq!(&alone.run(&mut Quiet).unwrap().1, digest);
    }
}

/// Feeds a journal's inputs to a kernel without a model; `cut` says after how many another kernel goes on.
fn feed(journal: &[u8], every: i64, lifetime: i64, cut: Option<usize>) -> (String, Vec<(i64, i64, bool)>) {
    let heard = Heard::default();
    let config = KernelConfig {
        session: "test".parse().unwrap(),
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: None,
        keeps_journal: false,
        risk: None,
    };
    let markets = || {
        let instrument = instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL);
        vec![MarketSpec { instrument, basis: FillBasis::L2, marks: MarkSource::Mid }]
    };
    let setup = || vec![follower(0, every, lifetime, &heard)];
    let mut kernel = Kernel::new(config.clone(), markets(), setup()).unwrap();
    for (n, entry) in entries(journal).enumerate() {
        let Entry::Input { at, input } = entry.unwrap() else { continue };
        if cut.is_some_and(|cut| n >= cut) && kernel.save().is_ok() {
            let state = kernel.save().unwrap();
            kernel = Kernel::load(config.clone(), markets(), setup(), &state).unwrap();
        }
        kernel.handle(at, input.as_input()).unwrap();
        kernel.drain();
        kernel.questions().clear();
    }
    let heard = heard.lock().unwrap().clone();
    (kernel.finish(), heard)
}

#[test]
fn a_state_with_questions_that_nobody_took_is_not_saved() {
    let heard = Heard::default();
    let config = KernelConfig {
        session: "test".parse().unwrap(),
        on_error: OnError::StopRun,
        cost_basis: CostBasis::default(),
        checks: true,
        candle_ns: None,
        keeps_journal: false,
        risk: None,
    };
    let instrument = instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let markets = vec![MarketSpec { instrument, basis: FillBasis::L2, marks: MarkSource::Mid }];
    let mut kernel = Kernel::new(config, markets, vec![follower(0, MS, MS, &heard)]).unwrap();
    kernel.handle(0, OwnedInput::Control(Control::Start).as_input()).unwrap();
    kernel.handle(MS, OwnedInput::Due.as_input()).unwrap();
    assert!(kernel.save().unwrap_err().to_string().contains("1 commands or questions"));
    assert_eq!(kernel.questions().drain(..).count(), 1);
    assert!(kernel.save().is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_journal_fed_back_needs_no_model(
        seed in 0u64..100, every in 10i64..200, lifetime in 10i64..300, latency in 0i64..50, place in 0.0f64..1.0,
    ) {
        let (every, lifetime, latency) = (every * MS, lifetime * MS, latency * MS);
        let heard = Heard::default();
        let setup = vec![follower(0, every, lifetime, &heard)];
        let mut replay = Replay::new(config(true), vec![data(seed)], setup).unwrap();
        replay.set_models(vec![Some(digits(latency))]);
        let (_, digest) = replay.run(&mut Quiet).unwrap();
        let journal = replay.kernel().take_journal();
        let want = (digest, heard.lock().unwrap().clone());
        let cut = (entries(&journal).count() as f64 * place) as usize;
        prop_assert_eq!(&feed(&journal, every, lifetime, None), &want);
        prop_assert_eq!(&feed(&journal, every, lifetime, Some(cut)), &want);
    }
}
