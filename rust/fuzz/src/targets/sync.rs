//! A book and its venue: whatever is lost, doubled or comes late, a book that is called synchronised is the venue's as
//! of the update it says; and ids of any kind are taken without harm.

use std::collections::BTreeMap;

use tradecore_core::book::{
    BookState, BookSync, DeltaAction, DeltaIds, GapReason, L2Book, SnapshotAction, SyncRule,
};
use tradecore_core::decode::{BinanceDecoder, BinanceMarket, Decoder as _, FeedMessage};
use tradecore_core::types::{InstrumentKind, Side};

use super::text::MARKETS;
use super::{Target, noise};
use crate::common::instrument;
use crate::dice::Dice;

pub(super) const TARGET: Target = Target { name: "sync", run, seeds: noise, tokens: &[], iterations: 2_000 };

type Levels = [BTreeMap<i64, i64>; 2];

/// What a venue does and says.
struct VenueBook {
    market: BinanceMarket,
    /// The book after each update, from the first.
    history: Vec<Levels>,
    /// Updates that the last delta ends with.
    told: usize,
    previous: u64,
}

/// Id of the first update.
const FIRST: u64 = 100;

impl VenueBook {
    fn update(&mut self, dice: &mut Dice<'_>) {
        let mut levels = self.history.last().cloned().unwrap_or_default();
        let side = &mut levels[dice.below(2) as usize];
        let (price, qty) = (dice.within(1, 30), dice.within(0, 3));
        if qty == 0 {
            side.remove(&price);
        } else {
            side.insert(price, qty);
        }
        self.history.push(levels);
    }

    fn qty_at(&self, side: usize, price: i64) -> i64 {
        self.history.last().and_then(|levels| levels[side].get(&price)).copied().unwrap_or(0)
    }

    fn text(levels: &BTreeMap<i64, i64>) -> String {
        let level = |(price, qty): (&i64, &i64)| {
            format!(r#"["{}.{}","{}.{:03}"]"#, price / 10, price % 10, qty / 1_000, qty % 1_000)
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    }

    /// Every level that an update since the last delta has touched, as it is now.
    fn delta(&mut self) -> String {
        let told = &self.history[self.told - 1..];
        let changed = |side: usize| {
            let mut levels = BTreeMap::new();
            for pair in told.windows(2) {
                for price in pair[0][side].keys().chain(pair[1][side].keys()) {
                    if pair[0][side].get(price) != pair[1][side].get(price) {
                        levels.insert(*price, self.qty_at(side, *price));
                    }
                }
            }
            Self::text(&levels)
        };
        let (first, last) = (FIRST + self.told as u64, FIRST + self.history.len() as u64 - 1);
        let pu = match self.market {
            BinanceMarket::Spot => String::new(),
            BinanceMarket::UsdM | BinanceMarket::CoinM => format!(r#","pu":{}"#, self.previous),
        };
        let frame = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last}{pu},"b":[{}],"a":[{}]}}"#,
            changed(0),
            changed(1)
        );
        (self.told, self.previous) = (self.history.len(), last);
        frame
    }

    /// The book after an update.
    fn snapshot(&self, at: usize) -> String {
        let [bids, asks] = &self.history[at];
        let (id, bids, asks) = (FIRST + at as u64, Self::text(bids), Self::text(asks));
        format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}"#)
    }
}

fn follow(dice: &mut Dice<'_>) {
    let market = dice.pick(&MARKETS);
    let mut venue = VenueBook { market, history: vec![Levels::default()], told: 1, previous: FIRST };
    let spec = instrument("BTCUSDT.BINANCE", InstrumentKind::LINEAR_PERPETUAL);
    let mut decoder = BinanceDecoder::new(market, vec![spec]);
    let mut book = [L2Book::new()];
    let (mut sent, mut applied, mut waiting) = (Vec::new(), 0, 0);
    for at in 0.. {
        if dice.is_done() {
            return;
        }
        venue.update(dice);
        let frame = match dice.below(16) {
            0..3 => venue.snapshot(dice.within(0, venue.history.len() as i64 - 1) as usize),
            3 => venue.snapshot(venue.history.len() - 1),
            4 => {
                sent.push(venue.delta());
                continue;
            }
            5..8 if !sent.is_empty() => sent[dice.below(sent.len() as u64) as usize].clone(),
            8..10 => continue,
            _ => venue.delta(),
        };
        let outcome = decoder.feed(frame.as_bytes(), at, &mut book).expect("a sound frame");
        sent.push(frame);
        match outcome.message {
            FeedMessage::Depth(DeltaAction::Apply) => applied = outcome.id,
            FeedMessage::Depth(DeltaAction::Buffer | DeltaAction::Restart | DeltaAction::Gap) => {
                waiting = outcome.id;
            }
            FeedMessage::Snapshot(SnapshotAction::Load { .. }) => {
                applied = if outcome.applied > 0 { waiting } else { outcome.id };
            }
            _ => {}
        }
        if decoder.state(0) != BookState::Synced {
            continue;
        }
        let expected = &venue.history[(applied - FIRST) as usize];
        for side in [Side::Buy, Side::Sell] {
            let mut levels: Vec<(i64, i64)> =
                expected[side.index()].iter().map(|(price, qty)| (*price, *qty)).collect();
            if side == Side::Buy {
                levels.reverse();
            }
            assert!(book[0].iter(side).map(|level| (level.price, level.qty)).eq(levels));
        }
    }
}

/// Ids that no venue would send.
fn any_ids(dice: &mut Dice<'_>) {
    let limit = dice.within(1, 6) as usize;
    let rules = [SyncRule::BinanceSpot, SyncRule::BinanceFutures, SyncRule::Bybit, SyncRule::Coinbase];
    let rule = dice.pick(&rules);
    let mut sync = BookSync::new(rule, limit);
    let id = |dice: &mut Dice<'_>| dice.number().cast_unsigned();
    let (mut kept, mut gaps) = (0, 0);
    while !dice.is_done() {
        if dice.chance(10) {
            let was_synced = sync.state() == BookState::Synced;
            assert_eq!(sync.void(GapReason::Reconnect), was_synced);
            assert!(sync.state() != BookState::Synced && sync.gaps() == gaps);
            kept = 0;
            continue;
        }
        if dice.chance(40) {
            match sync.on_snapshot(id(dice)) {
                SnapshotAction::Load { from } => {
                    assert!(from <= kept);
                    assert_eq!(sync.state(), BookState::Synced);
                    kept = 0;
                }
                SnapshotAction::Ignore => assert_eq!(sync.state(), BookState::Synced),
                SnapshotAction::TooOld => assert!(kept > 0),
            }
            continue;
        }
        let ids = DeltaIds { first: id(dice), last: id(dice), previous: dice.maybe(id) };
        let before = sync.state();
        let was_synced = before == BookState::Synced;
        match sync.on_delta(ids) {
            DeltaAction::Apply => assert!(was_synced && sync.last_id() == ids.last),
            DeltaAction::Buffer => kept += 1,
            DeltaAction::Restart => kept = 1,
            DeltaAction::Gap => {
                assert!(was_synced && sync.state() == BookState::Gap && sync.gap_reason().is_some());
                kept = usize::from(!rule.is_in_stream());
            }
            DeltaAction::Unsynced => {
                assert!(rule.is_in_stream() && !was_synced && sync.state() == before);
            }
            DeltaAction::Ignore => {}
        }
        assert!(kept <= limit && sync.gaps() >= gaps);
        gaps = sync.gaps();
    }
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    if dice.chance(64) { any_ids(&mut dice) } else { follow(&mut dice) }
}
