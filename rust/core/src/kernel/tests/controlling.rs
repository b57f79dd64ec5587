//! What a person has the kernel do.

use super::*;
use crate::orders::{NewTerms, OrderError, Trigger, TriggerAt, TriggerBy};
use crate::risk::Hold;
use crate::types::{OrderSupport, WordSet};

/// Keeps a stop of its own where its venue takes none, and does nothing else.
struct Keeper(Option<OrderRequest>);

impl Strategy for Keeper {
    fn interest(&self) -> Interest {
        Interest::default()
    }
    fn on_start(&mut self, ctx: &mut Context) -> HookResult {
        if let Some(request) = self.0.take() {
            ctx.submit_emulated(request).unwrap();
        }
        Ok(())
    }
}

#[test]
fn a_person_holds_one_strategy_and_acts_for_it_and_a_journal_decides_the_same() {
    let parts = || parts(linear(), Keeper(None), true);
    let idle = || {
        let (config, markets, strategies) = parts();
        Kernel::new(config, markets, strategies).unwrap()
    };
    let mut kernel = idle();
    let hold = |hold| Control::Hold { strategy: S0, hold };
    let order = |qty| Control::Order { strategy: S0, request: buy(qty) };
    let controls = [
        Control::Start,
        order(100),
        Control::Replace { strategy: S0, order: 1, terms: NewTerms::new(Price::new(90), Qty::new(200)) },
        hold(Some(Hold::Paused)),
        order(101),
        Control::Cancel { strategy: S0, order: 1 },
        hold(None),
        order(102),
        Control::CancelAll { strategy: S0, market: Some(M0) },
        Control::CancelAll { strategy: S0, market: None },
        Control::Parameters { strategy: S0, values: "{}".into() },
    ];
    let mut sent = Vec::new();
    for (at, control) in (0..).zip(&controls) {
        kernel.handle(at, Input::Control(control)).unwrap();
        sent.extend(kernel.drain().map(|outgoing| outgoing.command.into_inner()));
        if *control == hold(Some(Hold::Paused)) {
            assert_eq!(kernel.trading_state(S0), TradingState::Paused);
            let (config, markets, strategies) = parts();
            let restored = Kernel::load(config, markets, strategies, &kernel.save().unwrap()).unwrap();
            assert_eq!(restored.trading_state(S0), TradingState::Paused);
        }
        if *control == order(100) {
            kernel.handle(at, Input::Report(&Report::on(1, at, ReportKind::Accepted))).unwrap();
        }
    }
    let words: Vec<_> = sent
        .iter()
        .map(|command| match command {
            Command::Submit { order, .. } => format!("submit {order}"),
            Command::Replace { order, terms: NewTerms { price, qty, .. }, .. } => {
                format!("replace {order} {price} {qty}")
            }
            Command::Cancel { order, .. } => format!("cancel {order}"),
        })
        .collect();
    assert_eq!(words, ["submit 1", "replace 1 90 200", "cancel 1", "submit 3", "cancel 3"]);
    assert_eq!(kernel.order_count(), 3);
    assert_eq!(kernel.trading_state(S0), TradingState::Active);
    assert!(kernel.has_failed(S0), "it takes no parameters");
    let stranger = Control::Cancel { strategy: StrategyId::new(9), order: 1 };
    let refused = kernel.handle(99, Input::Control(&stranger));
    assert!(matches!(refused, Err(KernelError::UnknownStrategy(_))));
    let journal = kernel.take_journal();
    assert_eq!(idle().feed_back(&journal, || true, |_, _, _| ()).unwrap(), (None, Vec::new()));
}

/// Counts its starts, and follows trades.
struct Starts(Arc<Mutex<usize>>);

impl Strategy for Starts {
    fn interest(&self) -> Interest {
        Interest { topics: Topics::TRADES, ..Interest::default() }
    }
    fn on_start(&mut self, _: &mut Context) -> HookResult {
        *self.0.lock().unwrap() += 1;
        Ok(())
    }
}

#[test]
fn a_strategy_that_failed_starts_once_more_when_a_person_says_so() {
    let starts = Arc::new(Mutex::new(0));
    let parts = || parts(linear(), Starts(Arc::clone(&starts)), true);
    let idle = |on_error| {
        let (config, markets, strategies) = parts();
        Kernel::new(KernelConfig { on_error, ..config }, markets, strategies).unwrap()
    };
    let rearm = Control::Rearm { strategy: S0 };
    let fails = Control::Parameters { strategy: S0, values: "{}".into() };
    for on_error in [OnError::StopStrategy, OnError::StopRun] {
        let mut kernel = idle(on_error);
        *starts.lock().unwrap() = 0;
        kernel.handle(0, Input::Control(&Control::Start)).unwrap();
        kernel.handle(1, Input::Control(&rearm)).unwrap();
        assert_eq!(*starts.lock().unwrap(), 1, "it has not failed");
        assert_eq!(kernel.handle(2, Input::Control(&fails)).is_err(), on_error == OnError::StopRun);
        assert!(kernel.has_failed(S0) && !kernel.is_followed(M0));
        let (config, markets, strategies) = parts();
        let mut restored = Kernel::load(config, markets, strategies, &kernel.save().unwrap()).unwrap();
        for kernel in [&mut kernel, &mut restored] {
            kernel.handle(3, Input::Control(&rearm)).unwrap();
            assert!(!kernel.has_failed(S0) && kernel.is_followed(M0));
        }
        assert_eq!(*starts.lock().unwrap(), 3);
        let journal = kernel.take_journal();
        let mut again = idle(on_error);
        assert_eq!(again.feed_back(&journal, || true, |_, _, _| ()).unwrap(), (None, Vec::new()));
        assert!(!again.has_failed(S0));
    }
}

#[test]
fn a_stopped_strategy_has_nothing_at_work_and_stays_so_until_it_is_started() {
    let (config, markets, strategies) = parts(linear(), Keeper(None), false);
    let mut kernel = Kernel::new(config, markets, strategies).unwrap();
    let hold = |hold| Control::Hold { strategy: S0, hold };
    let order = || Control::Order { strategy: S0, request: buy(100) };
    let steps = [
        (Control::Start, TradingState::Active, ""),
        (order(), TradingState::Active, "submit 1"),
        (hold(Some(Hold::Stopped)), TradingState::Stopped, "cancel 1"),
        (order(), TradingState::Stopped, ""),
        (hold(Some(Hold::Paused)), TradingState::Stopped, ""),
        (Control::Pause, TradingState::Stopped, ""),
        (Control::Resume, TradingState::Stopped, ""),
        (hold(None), TradingState::Active, ""),
        (order(), TradingState::Active, "submit 3"),
    ];
    for (at, (control, state, sent)) in (0..).zip(&steps) {
        kernel.handle(at, Input::Control(control)).unwrap();
        let told: Vec<_> = kernel
            .drain()
            .map(|outgoing| match outgoing.command.into_inner() {
                Command::Submit { order, .. } => format!("submit {order}"),
                Command::Replace { order, .. } => format!("replace {order}"),
                Command::Cancel { order, .. } => format!("cancel {order}"),
            })
            .collect();
        assert_eq!((kernel.trading_state(S0), told.join(" ").as_str()), (*state, *sent), "at {at}");
        let (config, markets, strategies) = parts(linear(), Keeper(None), false);
        let restored = Kernel::load(config, markets, strategies, &kernel.save().unwrap()).unwrap();
        assert_eq!(restored.trading_state(S0), *state);
    }
    assert_eq!(kernel.order(&OrderKey::Id(2)).unwrap().reason, Some(Reason::StrategyStopped));
}

#[test]
fn a_person_gives_a_stop_that_waits_another_quantity() {
    let at = TriggerAt::Stop { price: Price::new(110) };
    let stop = OrderRequest {
        order_type: OrderType::Market,
        trigger: Some(Trigger { at, by: TriggerBy::Last }),
        ..buy(100)
    };
    let replace =
        Control::Replace { strategy: S0, order: 1, terms: NewTerms::new(Price::default(), Qty::new(2_000)) };
    let mut bench = Bench::idle(Topics::NONE);
    let by_hand = Control::Order { strategy: S0, request: stop.clone() };
    bench.kernel.handle(1, Input::Control(&by_hand)).unwrap();
    bench.report(2, &Report::on(1, 2, ReportKind::Accepted));
    bench.commands();
    bench.kernel.handle(3, Input::Control(&replace)).unwrap();
    let asked =
        Command::Replace { order: 1, market: M0, terms: NewTerms::new(Price::new(110), Qty::new(2_000)) };
    assert_eq!(bench.commands(), [asked]);

    let supports = OrderSupport {
        kinds: WordSet::parse("market, limit", &crate::orders::ORDER_KINDS).unwrap(),
        replace: false,
        ..OrderSupport::default()
    };
    let mut bench = Bench::of(linear().with_support(supports), Keeper(Some(stop)), Log::default());
    bench.kernel.handle(3, Input::Control(&replace)).unwrap();
    bench.kernel.handle(3, Input::Due).unwrap();
    let kept = bench.kernel.order(&OrderKey::Id(1)).map(|order| (order.is_held, order.qty));
    assert_eq!((kept, bench.commands()), (Some((true, Qty::new(2_000))), vec![]));
}

/// A stop to buy at a price of the market.
fn stop_at(price: i64) -> OrderRequest {
    let at = TriggerAt::Stop { price: Price::new(price) };
    let trigger = Some(Trigger { at, by: TriggerBy::Last });
    OrderRequest { order_type: OrderType::Market, trigger, ..buy(100) }
}

fn moved(order: u64, qty: i64, trigger: i64) -> Control {
    let terms =
        NewTerms { trigger: Some(Price::new(trigger)), ..NewTerms::new(Price::default(), Qty::new(qty)) };
    Control::Replace { strategy: S0, order, terms }
}

#[test]
fn the_trigger_of_a_stop_is_moved_at_its_venue_and_told_by_it() {
    let mut bench = Bench::idle(Topics::NONE);
    let by_hand = Control::Order { strategy: S0, request: stop_at(110) };
    bench.kernel.handle(1, Input::Control(&by_hand)).unwrap();
    bench.report(2, &Report::on(1, 2, ReportKind::Accepted));
    bench.commands();
    bench.kernel.handle(3, Input::Control(&moved(1, 100, 120))).unwrap();
    // Without a limit it is valued where it is to be set off.
    let terms = NewTerms { price: Price::new(120), qty: Qty::new(100), trigger: Some(Price::new(120)) };
    assert_eq!(bench.commands(), [Command::Replace { order: 1, market: M0, terms }]);
    let trigger =
        |bench: &Bench| bench.kernel.order(&OrderKey::Id(1)).unwrap().trigger.and_then(Trigger::price);
    assert_eq!(trigger(&bench), Some(Price::new(110)));
    bench.report(4, &Report::on(1, 4, ReportKind::Replaced(terms)));
    assert_eq!(trigger(&bench), Some(Price::new(120)));
    bench.report(5, &Report::on(1, 5, ReportKind::Triggered));
    let late = bench.kernel.handle(6, Input::Control(&moved(1, 100, 130)));
    assert!(matches!(late, Err(KernelError::Order(OrderError::Contradiction(_)))), "{late:?}");
}

#[test]
fn the_trigger_of_a_stop_that_is_kept_moves_at_once_and_may_set_it_off() {
    let supports = OrderSupport {
        kinds: WordSet::parse("market, limit", &crate::orders::ORDER_KINDS).unwrap(),
        replace: false,
        ..OrderSupport::default()
    };
    let mut bench = Bench::of(linear().with_support(supports), Keeper(Some(stop_at(110))), Log::default());
    bench.kernel.handle(3, Input::Control(&moved(1, 300, 120))).unwrap();
    bench.kernel.handle(3, Input::Due).unwrap();
    bench.message(4, &[(EventKind::Trade, 1, 110, 1)]);
    assert_eq!(bench.commands(), []);
    // Its new trigger is where the market is.
    bench.message(5, &[(EventKind::BookSet, 1, 114, 9), (EventKind::BookSet, -1, 116, 9)]);
    bench.kernel.handle(6, Input::Control(&moved(1, 200, 113))).unwrap();
    let sent = bench.commands();
    assert!(
        matches!(&sent[..], [Command::Submit { order: 1, request }] if request.qty == Qty::new(200)),
        "{sent:?}"
    );
}

#[test]
fn a_session_that_was_stopped_starts_again_with_what_it_held_and_a_journal_decides_the_same() {
    let parts = || {
        let witness = Witness {
            interest: Interest {
                topics: Topics::BOOK,
                fill: true,
                order: true,
                payment: true,
                execution: true,
            },
            log: Log::default(),
            start: Box::new(|ctx| {
                ctx.every(10);
            }),
            act: Box::new(|_, _| Ok(())),
        };
        let log = Arc::clone(&witness.log);
        (parts(linear(), witness, true), log)
    };
    let idle = || {
        let ((config, markets, strategies), log) = parts();
        (Kernel::new(config, markets, strategies).unwrap(), log)
    };
    let (mut kernel, _) = idle();
    let control = |kernel: &mut Kernel, at: i64, control: Control| {
        kernel.handle(at, Input::Control(&control)).unwrap();
        kernel.drain().count()
    };
    let synced = FeedUpdate { state: BookState::Synced, reason: "".into() };
    control(&mut kernel, 0, Control::Start);
    kernel.handle(1, Input::Feed { market: M0, update: &synced }).unwrap();
    control(&mut kernel, 1, Control::Order { strategy: S0, request: buy(100) });
    kernel.handle(2, Input::Report(&Report::on(1, 2, fill(1_000)))).unwrap();
    control(&mut kernel, 3, Control::Kill);
    control(&mut kernel, 4, Control::Stop);
    assert!(kernel.is_stopped() && kernel.next_due().is_none());
    let ((config, markets, strategies), log) = parts();
    let mut kernel = {
        let state = kernel.save().unwrap();
        let journal = kernel.take_journal();
        let mut restored = Kernel::load(config, markets, strategies, &state).unwrap();
        assert!(restored.is_stopped());
        control(&mut restored, 105, Control::Start);
        let (mut fed, _) = idle();
        let all = [journal, restored.take_journal()].concat();
        assert_eq!(fed.feed_back(&all, || true, |_, _, _| ()).unwrap(), (None, Vec::new()));
        restored
    };
    // It has its timer once, the kill switch and its position; the book is that of before, and said to be.
    assert_eq!(kernel.next_due(), Some(115));
    assert_eq!(kernel.trading_state(S0), TradingState::Reducing);
    assert_eq!(kernel.positions_in(M0).next().unwrap().qty, 1_000);
    assert_eq!(kernel.book(M0).state(), BookState::Stale);
    assert_eq!(control(&mut kernel, 106, Control::Order { strategy: S0, request: buy(100) }), 0);
    kernel.handle(115, Input::Due).unwrap();
    assert!(log.lock().unwrap().contains(&Told::Timer(2)));
    control(&mut kernel, 116, Control::Resume);
    assert_eq!(control(&mut kernel, 117, Control::Order { strategy: S0, request: buy(100) }), 1);
    assert!(kernel.order(&OrderKey::Id(4)).is_some(), "orders are numbered on");
}
