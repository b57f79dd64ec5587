//! Money adds up in sessions of every payoff: fills, funding, liquidations and settlements.

use proptest::prelude::*;
use tradecore_core::book::MarkPrice;
use tradecore_core::ledger::{ContractMath, CostBasis, PaymentKind, Position};
use tradecore_core::types::{
    FeeCurrency, Instrument, InstrumentKind, InstrumentSpec, Money, OptionSettlement, OptionSide,
    OrderTermsSpec, Price, Qty, Side,
};

const BASES: [CostBasis; 3] = [CostBasis::Average, CostBasis::Fifo, CostBasis::Lifo];
const EXPIRY: i64 = 1_800_000_000_000_000_000;

/// One of every payoff.
fn instruments() -> Vec<Instrument> {
    let option = |side, settles| InstrumentKind::Option {
        strike: "50".parse().unwrap(),
        expiry: EXPIRY,
        side,
        settles,
    };
    let binary = InstrumentKind::Binary { outcome: "Yes".into(), expiry: Some(EXPIRY) };
    [
        (InstrumentKind::Linear { expiry: Some(EXPIRY) }, "USDT", "0.01"),
        (InstrumentKind::Inverse { expiry: Some(EXPIRY) }, "BTC", "10"),
        (InstrumentKind::Quanto { expiry: Some(EXPIRY) }, "XBT", "0.000001"),
        (option(OptionSide::Call, OptionSettlement::Cash), "USDT", "0.1"),
        (option(OptionSide::Put, OptionSettlement::Coin), "BTC", "1"),
        (binary, "USDT", "1"),
    ]
    .into_iter()
    .map(|(kind, settlement, size)| {
        Instrument::new(InstrumentSpec {
            id: "A.TEST".parse().unwrap(),
            kind,
            base: "BTC".into(),
            quote: "USDT".into(),
            settlement: settlement.into(),
            price_increment: "0.001".parse().unwrap(),
            qty_increment: "0.1".parse().unwrap(),
            terms: OrderTermsSpec::default(),
            changes: Vec::new(),
            contract_size: size.parse().unwrap(),
            maker_fee_bps: "-1".parse().unwrap(),
            taker_fee_bps: "5".parse().unwrap(),
            fee_currency: FeeCurrency::Settlement,
            listing: None,
            settlement_price: None,
        })
        .unwrap()
    })
    .collect()
}

/// Something that happens to a position.
#[derive(Debug, Clone)]
enum Step {
    Fill {
        buys: bool,
        price: i64,
        qty: i64,
        maker: bool,
    },
    Funding {
        paid: i64,
    },
    Interest {
        paid: i64,
    },
    /// So many eighths are closed at a price, for a fee.
    Liquidation {
        eighths: i64,
        price: i64,
        fee: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let price = || 1i64..1_000;
    prop_oneof![
        4 => (any::<bool>(), price(), 1i64..1_000, any::<bool>())
            .prop_map(|(buys, price, qty, maker)| Step::Fill { buys, price, qty, maker }),
        1 => (-1_000_000_000i64..1_000_000_000).prop_map(|paid| Step::Funding { paid }),
        1 => (0i64..1_000_000_000).prop_map(|paid| Step::Interest { paid }),
        1 => (1i64..=8, price(), 0i64..1_000_000)
            .prop_map(|(eighths, price, fee)| Step::Liquidation { eighths, price, fee }),
    ]
}

/// Does a step, and returns the cash that came of it besides fees and funding, and the quantity.
fn take(position: &mut Position, math: &ContractMath, step: &Step) -> (i128, i64) {
    match *step {
        Step::Fill { buys, price, qty, maker } => {
            let side = if buys { Side::Buy } else { Side::Sell };
            let value = math.value(Price::new(price), Qty::new(qty)).unwrap();
            let fee = math.fee(value, maker).unwrap();
            position.apply(math, side, Price::new(price), Qty::new(qty), fee).unwrap();
            let pays = buys != math.is_inverse();
            (if pays { -value.units() } else { value.units() }, side.sign() * qty)
        }
        Step::Funding { paid } => {
            position.pay(math, PaymentKind::Funding, position.qty, Money::from_units(paid.into())).unwrap();
            (0, 0)
        }
        Step::Interest { paid } => {
            position.pay(math, PaymentKind::Interest, position.qty, Money::from_units(paid.into())).unwrap();
            (0, 0)
        }
        Step::Liquidation { eighths, price, fee } => {
            let part = position.qty * eighths / 8;
            if part == 0 {
                return (0, 0);
            }
            let value = math.value(Price::new(price), Qty::new(part.abs())).unwrap();
            let paid = if (part > 0) == math.is_inverse() { value } else { -value };
            position.pay(math, PaymentKind::Liquidation, part, paid).unwrap();
            let fee = Money::from_units(fee.into());
            position.pay(math, PaymentKind::LiquidationFee, part, fee).unwrap();
            (-paid.units(), -part)
        }
    }
}

proptest! {
    #[test]
    fn equity_changes_by_profit_less_fees_funding_and_interest_and_the_ledger_sums_to_zero(
        steps in proptest::collection::vec((step(), 2i64..2_000), 1..40),
        basis in prop_oneof![Just(BASES[0]), Just(BASES[1]), Just(BASES[2])],
    ) {
        for instrument in instruments() {
            let math = ContractMath::new(&instrument).unwrap();
            let mut position = Position::new(basis);
            let (mut before, mut flows, mut qty) = ([0i128; 6], 0, 0);
            for (step, mark) in &steps {
                let (flow, change) = take(&mut position, &math, step);
                flows += flow;
                qty += change;
                let now = [
                    position.equity(&math, Some(MarkPrice::Twice(*mark))).unwrap(),
                    position.realized,
                    position.unrealized(&math, Some(MarkPrice::Twice(*mark))).unwrap(),
                    position.fees,
                    position.funding,
                    position.interest,
                ]
                .map(Money::units);
                let [equity, realized, unrealized, fees, funding, interest] =
                    std::array::from_fn(|at| now[at] - before[at]);
                prop_assert_eq!(equity, realized + unrealized - fees - funding - interest);
                // Cash, what positions took, fees, funding, interest.
                prop_assert_eq!(position.cash.units() - flows + now[3] + now[4] + now[5], 0);
                prop_assert_eq!(position.qty, qty);
                prop_assert!(position.balances(&math), "{position:?}");
                before = now;
            }
        }
    }

    #[test]
    fn once_settled_every_cost_basis_has_made_the_same(
        steps in proptest::collection::vec(step(), 1..40),
        price in 1_000_000i64..200_000_000_000,
        came_true in any::<bool>(),
    ) {
        for instrument in instruments() {
            let math = ContractMath::new(&instrument).unwrap();
            let is_binary = matches!(instrument.kind, InstrumentKind::Binary { .. });
            let price = if is_binary { i64::from(came_true) * 1_000_000_000 } else { price };
            let made = BASES.map(|basis| {
                let mut position = Position::new(basis);
                for step in &steps {
                    take(&mut position, &math, step);
                }
                let held = position.qty;
                if held != 0 {
                    let (value, _) = math.payoff(&instrument.kind, price, held.abs()).unwrap();
                    let paid = if (held > 0) == math.is_inverse() { value } else { -value };
                    position.pay(&math, PaymentKind::Settlement, held, paid).unwrap();
                }
                assert_eq!(position.qty, 0);
                assert_eq!(position.equity(&math, Some(MarkPrice::Twice(123))).unwrap(), position.cash);
                (position.realized, position.cash, position.fees, position.funding, position.interest)
            });
            prop_assert_eq!(made[1], made[0]);
            prop_assert_eq!(made[2], made[0]);
        }
    }
}
