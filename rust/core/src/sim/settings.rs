//! What can be set of a simulated venue, and what a setting left open becomes.

use std::str::FromStr;

use super::custom::{QueueSource, Source};
use super::fees::{BadFees, FeeSettings};
use super::funding::FundingSource;
use super::impact::Impact;
use super::interest::InterestRates;
use super::latency::{Latency, LatencyModel};
use super::margin::MarginRules;
use super::market::{Accounts, Matching, SelfTrade};
use super::queue::QueueModel;
use super::rules::{Amend, AmendCrossing, DAY, OrderRules, ReduceOnly};
use crate::book::{FillBasis, MarkSource};
use crate::event::{EventKind, KindSet};
use crate::ledger::ACCOUNT_LIMIT;
use crate::orders::{ORDER_KINDS, POST_ONLY_MODES, TimeInForce, TriggerBy};
use crate::types::{BySymbol, Instrument, InstrumentKind, Money, OrderSupport, WordSet};

/// A setting no venue can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SettingsError {
    /// The setting.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl From<BadFees> for SettingsError {
    fn from(BadFees { field, problem }: BadFees) -> Self {
        Self { field, problem }
    }
}

/// What orders fill against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The finest the data has: the full book, top-of-book quotes, trades, bars.
    Auto,
    /// The full book.
    L2,
    /// Top-of-book quotes.
    L1,
    /// Trades.
    Trades,
    /// Bars that the venue published.
    Bars,
}

impl Basis {
    /// What it is for data that holds these kinds.
    pub fn resolve(self, holds: KindSet) -> FillBasis {
        match self {
            Self::Auto if holds.contains(EventKind::BookSet) => FillBasis::L2,
            Self::Auto if holds.contains(EventKind::Quote) => FillBasis::L1,
            Self::Auto if holds.contains(EventKind::Trade) => FillBasis::Trades,
            Self::Auto if holds.contains(EventKind::BarClose) => FillBasis::Bars,
            Self::Auto | Self::L1 => FillBasis::L1,
            Self::L2 => FillBasis::L2,
            Self::Trades => FillBasis::Trades,
            Self::Bars => FillBasis::Bars,
        }
    }
}

/// How far the venue's clock ran ahead of ours when the data was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockLead {
    /// Hour by hour just enough that no message arrived before it happened, but for those whose stamps are wrong.
    Auto,
    /// So far, ns.
    Ns(i64),
}

/// What is done about a book that stays locked or crossed for a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uncross {
    /// The older of the levels that cross are removed.
    #[default]
    DropOlder,
    /// Nothing.
    Off,
}

/// What becomes of a stamp that lies more than a second behind its receipt once the clocks are set right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrongStampRule {
    /// It is set aside, as all are that lie behind: its message acts as fast as the fastest of its hour.
    #[default]
    SetAside,
    /// The run ends with an error.
    Refuse,
}

/// What an account of a venue begins with, and whether it may owe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balances {
    /// Amounts by currency.
    pub begin: Vec<(String, Money)>,
    /// Whether more may be sold than is there.
    pub may_borrow: bool,
    /// What that costs, by currency; nothing where it is not said.
    pub interest: Option<InterestRates>,
}

impl Balances {
    /// Amounts as they are written: `0.5 BTC, 1000 USDT`.
    ///
    /// # Errors
    /// [`SettingsError`] for what is no amount of a currency, or a currency that is there twice.
    pub fn parse(text: &str, may_borrow: bool) -> Result<Self, SettingsError> {
        let fail = |problem| SettingsError { field: "balances", problem };
        let mut begin: Vec<(String, Money)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let amount = part.split_once(char::is_whitespace).and_then(|(amount, currency)| {
                let amount = amount.parse::<Money>().ok().filter(|amount| amount.is_within(ACCOUNT_LIMIT))?;
                (amount >= Money::ZERO).then(|| (currency.trim().to_owned(), amount))
            });
            let Some((currency, amount)) = amount else {
                return Err(fail(format!("{part:?} is no amount of a currency: 0.5 BTC, 1000 USDT")));
            };
            if begin.iter().any(|(known, _)| *known == currency) {
                return Err(fail(format!("{currency} is there twice")));
            }
            begin.push((currency, amount));
        }
        Ok(Self { begin, may_borrow, interest: None })
    }
}

/// Settings of a simulated venue.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueSettings {
    /// How resting orders queue.
    pub queue: QueueModel,
    /// Where models come from by which they queue instead, with [`QueueRule::Custom`](super::QueueRule::Custom).
    pub custom_queue: Option<Source<dyn QueueSource>>,
    /// How fine its books are: the time whose events are one message, ns, 0 where each is one; told by the data if not
    /// given.
    pub granularity: Option<i64>,
    /// What orders fill against.
    pub basis: Basis,
    /// On the way there and back.
    pub latency: Latency,
    /// How far its clock runs ahead.
    pub clock_lead: ClockLead,
    /// What becomes of its stamps that cannot be.
    pub wrong_stamps: WrongStampRule,
    /// After so long without a message what is known of a market is old, ns.
    pub stale_ns: i64,
    /// What positions are valued at.
    pub mark_source: MarkSource,
    /// What is done about its book when it stays locked or crossed.
    pub uncross: Uncross,
    /// How far what was taken moves prices, where it does.
    pub impact: Option<BySymbol<Impact>>,
    /// How orders of ours meet.
    pub matching: Matching,
    /// What each account holds, where that is asked for.
    pub balances: Option<Balances>,
    /// How contracts are margined, where they are.
    pub margin: Option<MarginRules>,
    /// What it makes of the terms of orders.
    pub orders: OrderRules,
    /// What it charges.
    pub fees: FeeSettings,
    /// Where funding comes from.
    pub funding: FundingSource,
}

impl VenueSettings {
    /// Whether one of its models is somebody else's.
    pub fn has_custom(&self) -> bool {
        self.custom_queue.is_some() || self.fees.custom.is_some() || self.latency.is_custom()
    }

    /// Which orders the venue takes in an instrument. Who trades spot and may not borrow has what each order would pay set
    /// aside: of a simulated venue where it says what accounts hold, of a real one in any case.
    pub fn supports(&self, instrument: &Instrument, is_real: bool) -> OrderSupport {
        let asks = self.balances.as_ref().map_or(is_real, |balances| !balances.may_borrow);
        let reserves = asks && instrument.kind == InstrumentKind::Spot;
        OrderSupport { reserves, ..self.orders.supports() }
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`SettingsError`] for a queue model with an exponent that is not above 0, for a time below 0, and for a day that
    /// begins a day late, and fees that cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.queue.check().map_err(|error| SettingsError { field: "queue", problem: error.to_string() })?;
        let Latency { entry, response, feed } = &self.latency;
        let lead = if let ClockLead::Ns(ns) = self.clock_lead { ns } else { 0 };
        for (field, ns) in [
            ("latency.entry", entry.least()),
            ("latency.response", response.least()),
            ("latency.feed", feed.as_ref().map_or(0, LatencyModel::least)),
            ("clock_lead", lead),
            ("granularity", self.granularity.unwrap_or(0)),
            ("day_begins", self.orders.day_begins),
            ("stale_after", self.stale_ns),
        ] {
            if ns < 0 {
                return Err(SettingsError { field, problem: format!("{ns} ns is negative") });
            }
        }
        if self.margin.is_some() && self.balances.is_none() {
            let problem = "margin needs collateral: say what accounts hold, such as \"1000 USDT\"".into();
            return Err(SettingsError { field: "balances", problem });
        }
        self.fees.check()?;
        if self.orders.day_begins >= DAY {
            return Err(SettingsError {
                field: "day_begins",
                problem: "a day begins within 24h of midnight".into(),
            });
        }
        Ok(())
    }
}

/// The choice a word names.
fn choice<T: Copy>(field: &'static str, text: &str, choices: &[(&str, T)]) -> Result<T, SettingsError> {
    if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*chosen);
    }
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let (last, others) = words.split_last().unwrap_or((&"", &[]));
    Err(SettingsError { field, problem: format!("{text:?} is not {} or {last}", others.join(", ")) })
}

impl FromStr for Basis {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let [l2, l1, trades, bars] = FillBasis::ALL.map(FillBasis::as_str);
        let choices = [
            ("auto", Self::Auto),
            (l2, Self::L2),
            (l1, Self::L1),
            (trades, Self::Trades),
            (bars, Self::Bars),
        ];
        choice("basis", text, &choices)
    }
}

/// What positions are valued at, by its word.
///
/// # Errors
/// [`SettingsError`] for a word that is none.
pub fn mark_source(text: &str) -> Result<MarkSource, SettingsError> {
    choice("mark_source", text, &MarkSource::ALL.map(|source| (source.as_str(), source)))
}

impl FromStr for Uncross {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice("uncross", text, &[("drop-older", Self::DropOlder), ("off", Self::Off)])
    }
}

impl FromStr for WrongStampRule {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice("wrong_stamps", text, &[("set_aside", Self::SetAside), ("refuse", Self::Refuse)])
    }
}

impl FromStr for Amend {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice(
            "amend",
            text,
            &[
                ("keeps_place", Self::KeepsPlace),
                ("loses_place", Self::LosesPlace),
                ("unsupported", Self::Unsupported),
            ],
        )
    }
}

impl FromStr for AmendCrossing {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice("amend_crossing", text, &[("refused", Self::Refused), ("cancelled", Self::Cancelled)])
    }
}

impl FromStr for ReduceOnly {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice(
            "reduce_only",
            text,
            &[("shrinks", Self::Shrinks), ("refused", Self::Refused), ("unsupported", Self::Unsupported)],
        )
    }
}

/// Whether a venue takes something.
const TAKEN: [(&str, bool); 2] = [("accepted", true), ("unsupported", false)];

/// Which orders a venue takes, as it is written: each a list of words, `any` or `none`.
#[derive(Debug, Clone, Copy)]
pub struct SupportWords<'a> {
    /// Kinds of orders.
    pub order_types: &'a str,
    /// Times in force.
    pub times_in_force: &'a str,
    /// What becomes of post-only orders that would take.
    pub post_only: &'a str,
    /// What sets stops off.
    pub triggers: &'a str,
    /// `accepted` or `unsupported`.
    pub iceberg: &'a str,
    /// Whether a replacement may move a trigger: likewise.
    pub amend_trigger: &'a str,
}

impl SupportWords<'_> {
    /// What they say.
    ///
    /// # Errors
    /// [`SettingsError`] for a word that is none.
    pub fn parse(self) -> Result<OrderSupport, SettingsError> {
        let set = |field, text, words: &[&str]| {
            WordSet::parse(text, words).map_err(|problem| SettingsError { field, problem })
        };
        let times_in_force = TimeInForce::ALL.map(TimeInForce::as_str);
        let triggers = TriggerBy::ALL.map(TriggerBy::as_str);
        Ok(OrderSupport {
            kinds: set("order_types", self.order_types, &ORDER_KINDS)?,
            times_in_force: set("times_in_force", self.times_in_force, &times_in_force)?,
            post_only: set("post_only", self.post_only, &POST_ONLY_MODES)?,
            triggers: set("triggers", self.triggers, &triggers)?,
            iceberg: choice("iceberg", self.iceberg, &TAKEN)?,
            replace_trigger: choice("amend_trigger", self.amend_trigger, &TAKEN)?,
            ..OrderSupport::default()
        })
    }
}

impl FromStr for Accounts {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        choice("accounts", text, &[("shared", Self::Shared), ("isolated", Self::Isolated)])
    }
}

impl FromStr for SelfTrade {
    type Err = SettingsError;
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let choices = [
            ("cancel_newest", Self::CancelNewest),
            ("cancel_oldest", Self::CancelOldest),
            ("cancel_both", Self::CancelBoth),
            ("decrement", Self::Decrement),
        ];
        choice("self_trade", text, &choices)
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::QueueRule;
    use super::*;

    fn settings() -> VenueSettings {
        VenueSettings {
            queue: QueueRule::Power(2.0).into(),
            custom_queue: None,
            granularity: None,
            basis: Basis::Auto,
            latency: Latency::constant(0, 0, Some(0)),
            clock_lead: ClockLead::Ns(0),
            wrong_stamps: WrongStampRule::default(),
            stale_ns: 60_000_000_000,
            mark_source: MarkSource::default(),
            uncross: Uncross::default(),
            impact: None,
            matching: Matching::default(),
            balances: None,
            margin: None,
            orders: OrderRules::default(),
            fees: FeeSettings::default(),
            funding: FundingSource::default(),
        }
    }

    #[test]
    fn words_are_read_and_others_told_by_their_setting() {
        assert_eq!("l1".parse(), Ok(Basis::L1));
        assert_eq!("isolated".parse(), Ok(Accounts::Isolated));
        assert_eq!(["mid", "mark", "last"].map(mark_source), MarkSource::ALL.map(Ok));
        assert_eq!("decrement".parse(), Ok(SelfTrade::Decrement));
        assert_eq!(["drop-older", "off"].map(str::parse), [Ok(Uncross::DropOlder), Ok(Uncross::Off)]);
        let told = |error: SettingsError| error.to_string();
        assert_eq!(
            "L2".parse::<Basis>().map_err(told),
            Err(r#"basis: "L2" is not auto, l2, l1, trades or bars"#.into())
        );
        assert_eq!(
            "".parse::<Accounts>().map_err(told),
            Err(r#"accounts: "" is not shared or isolated"#.into())
        );
        let error = "cancel".parse::<SelfTrade>().unwrap_err();
        assert_eq!(error.field, "self_trade");
    }

    #[test]
    fn balances_are_amounts_of_currencies() {
        let read = |text: &str| Balances::parse(text, false).map_err(|error| error.to_string());
        let amount = |text: &str| text.parse::<Money>().unwrap();
        let begin = vec![("BTC".to_owned(), amount("0.5")), ("USDT".to_owned(), amount("1000"))];
        assert_eq!(read("0.5 BTC, 1000  USDT"), Ok(Balances { begin, ..Balances::default() }));
        assert_eq!(read(""), Ok(Balances::default()));
        assert_eq!(read("1 BTC,2 BTC"), Err("balances: BTC is there twice".into()));
        for bad in ["BTC", "-1 BTC", "x BTC", "1"] {
            assert!(read(bad).unwrap_err().contains("is no amount of a currency"), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_by_its_setting() {
        assert_eq!(settings().check(), Ok(()));
        let mut bad: Vec<(VenueSettings, &str)> = Vec::new();
        for (leg, field) in ["latency.entry", "latency.response", "latency.feed"].into_iter().enumerate() {
            let mut one = settings();
            let legs = [&mut one.latency.entry, &mut one.latency.response];
            match legs.into_iter().nth(leg) {
                Some(model) => *model = LatencyModel::Constant(-1),
                None => one.latency.feed = Some(LatencyModel::Constant(-1)),
            }
            bad.push((one, field));
        }
        bad.push((VenueSettings { clock_lead: ClockLead::Ns(-1), ..settings() }, "clock_lead"));
        for day_begins in [-1, DAY] {
            let orders = OrderRules { day_begins, ..OrderRules::default() };
            bad.push((VenueSettings { orders, ..settings() }, "day_begins"));
        }
        bad.push((VenueSettings { granularity: Some(-1), ..settings() }, "granularity"));
        for exponent in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            bad.push((VenueSettings { queue: QueueRule::Power3(exponent).into(), ..settings() }, "queue"));
        }
        for (settings, field) in bad {
            assert_eq!(settings.check().map_err(|error| error.field), Err(field));
        }
    }

    #[test]
    fn what_is_left_open_follows_from_the_data() {
        let kinds = [EventKind::BookSet, EventKind::Quote, EventKind::Trade, EventKind::BarClose];
        let from = |first: usize| KindSet::of(&kinds[first..]).with(EventKind::Mark);
        assert_eq!([0, 1, 2, 3].map(|first| Basis::Auto.resolve(from(first))), FillBasis::ALL);
        assert_eq!(Basis::Auto.resolve(KindSet::EMPTY), FillBasis::L1);
        for basis in FillBasis::ALL {
            assert_eq!(basis.as_str().parse::<Basis>().unwrap().resolve(KindSet::ALL), basis);
        }
    }
}
