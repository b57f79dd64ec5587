//! What is traded: identity, grid, contract kind, fees.
//!
//! Prices and quantities inside the engine are `i64` counts of `price_increment` and `qty_increment`, the finest
//! steps the instrument ever quotes. What an order must be a multiple of is in its terms, which change over time.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::decimal::{Decimal, Increment};
use super::duration::TIME_LIMIT;
use super::fees::{FeeCurrency, Fees};
use super::kind::InstrumentKind;
use super::names::{BadName, Named, shown};
use super::order_terms::{OrderTerms, OrderTermsSpec, TermsChange, terms_over_time};
use super::side::Side;
use super::steps::FINE_SCALE;
use super::support::OrderSupport;

/// Why an instrument cannot be built, or an order does not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstrumentError {
    /// The identifier is not `SYMBOL.VENUE`.
    #[error("instrument id {0:?} is not SYMBOL.VENUE")]
    BadId(String),
    /// The identifier cannot be a name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// A field holds an unusable value.
    #[error("instrument {id}: {field}: {problem}")]
    BadField {
        /// The instrument.
        id: String,
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// `SYMBOL.VENUE`: the venue's own symbol text and the venue's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstrumentId {
    text: String,
    dot: usize,
}

impl InstrumentId {
    /// The venue's own symbol.
    pub fn symbol(&self) -> &str {
        &self.text[..self.dot]
    }

    /// The venue's name.
    pub fn venue(&self) -> &str {
        &self.text[self.dot + 1..]
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for InstrumentId {
    type Err = InstrumentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Named::Instrument.check(text)?;
        let bad = || InstrumentError::BadId(shown(text));
        let dot = text.rfind('.').ok_or_else(bad)?;
        let (symbol, venue) = (&text[..dot], &text[dot + 1..]);
        let venue_ok =
            !venue.is_empty() && venue.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-');
        let symbol_ok = !symbol.is_empty() && !symbol.contains(char::is_whitespace);
        if !(venue_ok && symbol_ok) {
            return Err(bad());
        }
        Ok(Self { text: text.to_owned(), dot })
    }
}

impl fmt::Display for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The fields an [`Instrument`] is built from, as decimals.
#[derive(Debug, Clone)]
pub struct InstrumentSpec {
    /// Identity.
    pub id: InstrumentId,
    /// Contract kind.
    pub kind: InstrumentKind,
    /// Base currency.
    pub base: String,
    /// Quote currency.
    pub quote: String,
    /// Currency profit, loss and fees are booked in.
    pub settlement: String,
    /// Finest price step it ever quotes.
    pub price_increment: Decimal,
    /// Finest quantity step it ever quotes.
    pub qty_increment: Decimal,
    /// What an order has to keep to before any change.
    pub terms: OrderTermsSpec,
    /// What became another from a time on, ns, in order of time; what a change does not name stays.
    pub changes: Vec<(i64, OrderTermsSpec)>,
    /// Contract multiplier: base units (linear, option) or quote units (inverse) a contract stands for, or settlement
    /// units a contract gains with a unit of price (quanto).
    pub contract_size: Decimal,
    /// Fee of a maker fill in basis points of its value; negative is a rebate.
    pub maker_fee_bps: Decimal,
    /// Fee of a taker fill in basis points of its value.
    pub taker_fee_bps: Decimal,
    /// Currency in which fees are paid.
    pub fee_currency: FeeCurrency,
    /// When trading in it begins, ns; it always has been traded when absent.
    pub listing: Option<i64>,
    /// What it is settled at when it expires, where that is known: the price of what it is written on; of a binary 0 or 1.
    pub settlement_price: Option<Decimal>,
}

/// A tradable instrument. Immutable; every field has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Identity.
    pub id: InstrumentId,
    /// Contract kind.
    pub kind: InstrumentKind,
    /// Base currency.
    pub base: String,
    /// Quote currency.
    pub quote: String,
    /// Currency profit, loss and fees are booked in.
    pub settlement: String,
    /// Finest price step; the unit of every price inside.
    pub price_increment: Increment,
    /// Finest quantity step; the unit of every quantity inside.
    pub qty_increment: Increment,
    /// What an order has to keep to before any change.
    pub terms: OrderTerms,
    /// The terms from a time on, in order of time.
    pub changes: Vec<TermsChange>,
    /// Contract multiplier.
    pub contract_size: Decimal,
    /// Maker fee in basis points; negative is a rebate.
    pub maker_fee_bps: Decimal,
    /// Taker fee in basis points.
    pub taker_fee_bps: Decimal,
    /// Currency in which fees are paid.
    pub fee_currency: FeeCurrency,
    /// When trading in it begins, ns, where it has not always been traded.
    pub listing: Option<i64>,
    /// What it is settled at when it expires, where that is known.
    pub settlement_price: Option<Decimal>,
    /// A token that its venue may take fees in, where there is one.
    pub fee_token: Option<String>,
    /// Which orders its venue takes, as far as that is known.
    pub supports: OrderSupport,
}

impl Instrument {
    /// Checks a specification and builds the instrument.
    ///
    /// # Errors
    /// [`InstrumentError::BadField`] naming the field: a step that is not positive or not a multiple of its
    /// increment or has 2^60 of it, terms or a settlement currency that contradict the kind, a binary whose tick does not divide 1, a
    /// fee outside ±1000 bps or of more than 12 decimals.
    pub fn new(spec: InstrumentSpec) -> Result<Self, InstrumentError> {
        let id = spec.id.to_string();
        let fail = |field: &'static str, problem: String| InstrumentError::BadField {
            id: id.clone(),
            field,
            problem,
        };

        let price_increment =
            Increment::new(spec.price_increment).map_err(|e| fail("price_increment", e.to_string()))?;
        let qty_increment =
            Increment::new(spec.qty_increment).map_err(|e| fail("qty_increment", e.to_string()))?;
        let (terms, changes) = terms_over_time(spec.terms, &spec.changes, price_increment, qty_increment)
            .map_err(|(field, problem)| fail(field, problem))?;
        if spec.contract_size.mantissa() <= 0 {
            return Err(fail("contract_size", "must be greater than zero".into()));
        }
        match spec.kind {
            InstrumentKind::Spot | InstrumentKind::Binary { .. } if spec.contract_size != Decimal::ONE => {
                let problem = format!("a {} instrument has contract size 1", spec.kind.as_str());
                return Err(fail("contract_size", problem));
            }
            InstrumentKind::Spot
            | InstrumentKind::Linear { .. }
            | InstrumentKind::Inverse { .. }
            | InstrumentKind::Quanto { .. }
            | InstrumentKind::Option { .. }
            | InstrumentKind::Binary { .. } => {}
        }
        let fees = Fees::new(Some(spec.maker_fee_bps), Some(spec.taker_fee_bps));
        fees.map_err(|error| fail(error.field, error.problem))?;
        match &spec.fee_currency {
            FeeCurrency::Coin(coin) if coin.is_empty() => {
                return Err(fail("fee_currency", "must not be empty".into()));
            }
            FeeCurrency::Received | FeeCurrency::Coin(_) if spec.kind != InstrumentKind::Spot => {
                let problem = "only spot has one: contracts pay in their settlement currency";
                return Err(fail("fee_currency", problem.into()));
            }
            FeeCurrency::Settlement | FeeCurrency::Received | FeeCurrency::Coin(_) => {}
        }
        for (field, currency) in
            [("base", &spec.base), ("quote", &spec.quote), ("settlement", &spec.settlement)]
        {
            if currency.is_empty() {
                return Err(fail(field, "must not be empty".into()));
            }
        }
        let check = spec.kind.check(&spec.base, &spec.quote, &spec.settlement);
        check.map_err(|error| fail(error.field, error.problem))?;
        if matches!(spec.kind, InstrumentKind::Binary { .. }) {
            for terms in changes.iter().map(|change| &change.terms).chain([&terms]) {
                check_binary_grid(price_increment, terms.tick_size)
                    .map_err(|(field, problem)| fail(field, problem))?;
            }
        }
        if let Some(listing) = spec.listing {
            if listing <= 0 || listing > TIME_LIMIT {
                return Err(fail("listing_ns", format!("{listing} is not a time in ns before 2116")));
            }
            if spec.kind.expiry().is_some_and(|expiry| expiry <= listing) {
                return Err(fail("listing_ns", "is not before its expiry".into()));
            }
        }
        if let Some(price) = spec.settlement_price {
            check_settlement(&spec.kind, price).map_err(|problem| fail("settlement_price", problem))?;
        }
        Ok(Self {
            id: spec.id,
            kind: spec.kind,
            base: spec.base,
            quote: spec.quote,
            settlement: spec.settlement,
            price_increment,
            qty_increment,
            terms,
            changes,
            contract_size: spec.contract_size,
            maker_fee_bps: spec.maker_fee_bps,
            taker_fee_bps: spec.taker_fee_bps,
            fee_currency: spec.fee_currency,
            listing: spec.listing,
            settlement_price: spec.settlement_price,
            fee_token: None,
            supports: OrderSupport::default(),
        })
    }
}

impl Instrument {
    /// When what was in force at a time came into force, ns, where it has not always been.
    pub fn since(&self, at: i64) -> Option<i64> {
        self.change_at(at).map(|change| change.from)
    }

    /// What an order has to keep to at a time, ns.
    #[inline]
    pub fn terms_at(&self, at: i64) -> &OrderTerms {
        self.change_at(at).map_or(&self.terms, |change| &change.terms)
    }

    #[inline]
    fn change_at(&self, at: i64) -> Option<&TermsChange> {
        self.changes.iter().rfind(|change| change.from <= at)
    }

    /// The same instrument seen from a time on, ns: the terms then in force, and the changes still to come.
    #[must_use]
    pub fn from_time(&self, at: i64) -> Self {
        let to_come = self.changes.partition_point(|change| change.from <= at);
        Self { terms: *self.terms_at(at), changes: self.changes[to_come..].to_vec(), ..self.clone() }
    }

    /// Prices an order may have, in `price_increment`s, where the kind limits them: a tick to a tick below 1 for a
    /// binary.
    pub fn price_limits(&self, terms: &OrderTerms) -> Option<RangeInclusive<i64>> {
        match self.kind {
            InstrumentKind::Binary { .. } => {
                let one = self.price_increment.steps(Decimal::ONE).ok()?;
                Some(terms.tick_size..=one - terms.tick_size)
            }
            InstrumentKind::Spot
            | InstrumentKind::Linear { .. }
            | InstrumentKind::Inverse { .. }
            | InstrumentKind::Quanto { .. }
            | InstrumentKind::Option { .. } => None,
        }
    }

    /// The same instrument with other fees, where they are given.
    #[must_use]
    pub fn with_fees(&self, fees: Fees) -> Self {
        Self {
            maker_fee_bps: fees.maker_bps().unwrap_or(self.maker_fee_bps),
            taker_fee_bps: fees.taker_bps().unwrap_or(self.taker_fee_bps),
            ..self.clone()
        }
    }

    /// The coin that fees are paid in that are paid in neither its settlement currency nor its base.
    pub fn third_fee_coin(&self) -> Option<&str> {
        let coin = match &self.fee_currency {
            FeeCurrency::Coin(coin) if *coin != self.settlement && *coin != self.base => Some(coin),
            FeeCurrency::Coin(_) | FeeCurrency::Settlement | FeeCurrency::Received => None,
        };
        self.fee_token.as_ref().or(coin).map(String::as_str)
    }

    /// The same instrument at a venue that takes these orders.
    #[must_use]
    pub fn with_support(&self, supports: OrderSupport) -> Self {
        Self { supports, ..self.clone() }
    }

    /// The nearest price of an order that is no worse for its sender: not above `price` for a buy, not below it for a
    /// sell. `None` for what is no number, or too large for one.
    pub fn round_price(&self, terms: &OrderTerms, side: Side, price: f64) -> Option<i64> {
        match side {
            Side::Buy => self.price_increment.steps_below(price, terms.tick_size),
            Side::Sell => self.price_increment.steps_above(price, terms.tick_size),
        }
    }

    /// The largest quantity of an order that is not above `qty`, 0 below one lot. `None` as for prices.
    pub fn round_qty(&self, terms: &OrderTerms, qty: f64) -> Option<i64> {
        self.qty_increment.steps_below(qty, terms.lot_size)
    }

    /// A price as the venue writes it: with the decimals of the tick, and more only where there are more.
    pub fn format_price(&self, price: i64) -> String {
        format_on(self.price_increment, self.terms.tick_size, price)
    }

    /// A quantity as the venue writes it: with the decimals of the lot, and more only where there are more.
    pub fn format_qty(&self, qty: i64) -> String {
        format_on(self.qty_increment, self.terms.lot_size, qty)
    }
}

/// A binary's prices lie between 0 and 1, both of them on the grid, with at least one tick in between.
fn check_binary_grid(grid: Increment, tick: i64) -> Result<(), (&'static str, String)> {
    let one = grid.steps(Decimal::ONE).map_err(|_| {
        ("price_increment", format!("1 is not a multiple of {}: a binary pays 1", grid.value()))
    })?;
    if one % tick != 0 || tick > one / 2 {
        let tick = grid.to_decimal(tick);
        return Err(("tick_size", format!("{tick} does not divide the prices of a binary, 0 to 1")));
    }
    Ok(())
}

/// A price of settlement is one that data could tell, of a contract that expires; a binary pays 1 or nothing.
fn check_settlement(kind: &InstrumentKind, price: Decimal) -> Result<(), String> {
    let units = price.at_scale(FINE_SCALE).and_then(|units| i64::try_from(units).ok());
    let is_binary = matches!(kind, InstrumentKind::Binary { .. });
    match units {
        _ if kind.expiry().is_none() => Err("only what expires is settled: expiry_ns is missing".into()),
        Some(0) if is_binary => Ok(()),
        Some(units) if is_binary && Decimal::new(units.into(), FINE_SCALE) == Decimal::ONE => Ok(()),
        _ if is_binary => Err(format!("{price} is not 0 or 1")),
        Some(1..) => Ok(()),
        _ => Err(format!("{price} is not a price above 0 of up to {FINE_SCALE} decimals")),
    }
}

fn format_on(grid: Increment, step: i64, value: i64) -> String {
    let mut text = grid.format(value);
    let least = grid.to_decimal(step).scale();
    for _ in least..grid.scale() {
        if !text.ends_with('0') {
            break;
        }
        text.pop();
    }
    text.truncate(text.trim_end_matches('.').len());
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// A linear perpetual on a 0.1 / 0.001 grid, 2 and 5 bps.
    pub(crate) fn linear() -> Instrument {
        Instrument::new(spec("BTCUSDT.BINANCE_USDM", InstrumentKind::LINEAR_PERPETUAL, "USDT")).unwrap()
    }

    /// An inverse perpetual of 1 USD contracts on a 0.1 grid.
    pub(crate) fn inverse() -> Instrument {
        let mut spec = spec("XBTUSD.BITMEX", InstrumentKind::INVERSE_PERPETUAL, "XBT");
        spec.base = "XBT".into();
        spec.quote = "USD".into();
        spec.qty_increment = dec("1");
        Instrument::new(spec).unwrap()
    }

    pub(crate) fn spec(id: &str, kind: InstrumentKind, settlement: &str) -> InstrumentSpec {
        InstrumentSpec {
            id: id.parse().unwrap(),
            kind,
            base: "BTC".into(),
            quote: "USDT".into(),
            settlement: settlement.into(),
            price_increment: dec("0.1"),
            qty_increment: dec("0.001"),
            terms: OrderTermsSpec::default(),
            changes: Vec::new(),
            contract_size: Decimal::ONE,
            maker_fee_bps: dec("2"),
            taker_fee_bps: dec("5"),
            fee_currency: FeeCurrency::default(),
            listing: None,
            settlement_price: None,
        }
    }

    #[test]
    fn a_listing_comes_before_the_expiry() {
        let future = |listing, expiry| {
            let kind = InstrumentKind::Linear { expiry };
            Instrument::new(InstrumentSpec { listing: Some(listing), ..spec("F.X", kind, "USDT") })
                .map(|instrument| instrument.listing)
                .map_err(|error| error.to_string())
        };
        assert_eq!(future(5, None), Ok(Some(5)));
        assert_eq!(future(5, Some(6)), Ok(Some(5)));
        assert_eq!(future(6, Some(6)), Err("instrument F.X: listing_ns: is not before its expiry".into()));
        assert!(future(0, None).is_err() && future(1 << 62, None).is_err());
    }

    #[test]
    fn ids_split_at_the_last_dot() {
        let id: InstrumentId = "BTC.D.BINANCE".parse().unwrap();
        assert_eq!((id.symbol(), id.venue()), ("BTC.D", "BINANCE"));
        for bad in ["", "BTCUSDT", ".BINANCE", "BTC.", "BTC USDT.X", "A.B/C", "A.B\n"] {
            assert!(bad.parse::<InstrumentId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn steps_must_be_multiples_of_the_increment() {
        let mut s = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        s.terms.tick_size = Some(dec("0.25"));
        let error = Instrument::new(s).unwrap_err().to_string();
        assert_eq!(error, "instrument A.B: tick_size: 0.25 is not a multiple of 0.1");

        let mut s = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        s.terms.tick_size = Some(dec("0.5"));
        s.terms.lot_size = Some(dec("0.01"));
        let instrument = Instrument::new(s).unwrap();
        assert_eq!(
            (instrument.terms.tick_size, instrument.terms.lot_size, instrument.terms.min_qty),
            (5, 10, 10)
        );
    }

    #[test]
    fn prices_round_to_ticks_no_worse_for_their_sender() {
        let mut s = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        s.terms.tick_size = Some(dec("0.5"));
        s.terms.lot_size = Some(dec("0.01"));
        let instrument = Instrument::new(s).unwrap();
        let sides = |price| {
            [Side::Buy, Side::Sell].map(|side| instrument.round_price(&instrument.terms, side, price))
        };
        assert_eq!(sides(100.3), [Some(1_000), Some(1_005)]);
        // On the grid, and on it but for the noise of arithmetic.
        assert_eq!(sides(100.5), [Some(1_005), Some(1_005)]);
        assert_eq!(sides(33.5 * 3.0), [Some(1_005), Some(1_005)]);
        assert_eq!(sides(0.1 + 0.2 + 100.2), [Some(1_005), Some(1_005)]);
        assert_eq!(sides(0.2), [Some(0), Some(5)]);
        assert_eq!(sides(-0.2), [Some(-5), Some(0)]);
        assert_eq!(sides(f64::NAN), [None, None]);
        assert_eq!(sides(f64::INFINITY), [None, None]);
        assert_eq!(sides(1e300), [None, None]);
        assert_eq!(
            [0.019, 0.02, 0.009].map(|qty| instrument.round_qty(&instrument.terms, qty)),
            [Some(10), Some(20), Some(0)]
        );
    }

    #[test]
    fn numbers_print_with_the_decimals_of_tick_and_lot() {
        let mut s = spec("A.B", InstrumentKind::LINEAR_PERPETUAL, "USDT");
        s.qty_increment = dec("0.00000001");
        s.terms.lot_size = Some(dec("0.00001"));
        s.price_increment = dec("0.01");
        s.terms.tick_size = Some(dec("1"));
        let instrument = Instrument::new(s).unwrap();
        assert_eq!(instrument.format_qty(100_870_000), "1.00870");
        assert_eq!(instrument.format_qty(2_542_618_900), "25.426189");
        assert_eq!(
            (instrument.format_price(6_168_600), instrument.format_price(50)),
            ("61686".into(), "0.5".into())
        );
    }

    #[test]
    fn settlement_must_agree_with_the_kind() {
        assert!(Instrument::new(spec("A.B", InstrumentKind::INVERSE_PERPETUAL, "USDT")).is_err());
        assert!(Instrument::new(spec("A.B", InstrumentKind::INVERSE_PERPETUAL, "BTC")).is_ok());
        assert!(Instrument::new(spec("A.B", InstrumentKind::Spot, "BTC")).is_err());
    }
}
