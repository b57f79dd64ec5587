//! The reports of a session in every order they may come in: the same end, or an entry for reconciliation.

use crate::common::limit;
use proptest::prelude::*;
use proptest::sample::Index;
use tradecore_core::orders::{
    Liquidity, Mismatch, NewTerms, Order, OrderStatus, Reason, Report, ReportKind, VenueKey,
};
use tradecore_core::types::{Money, Price, Qty, Side, StrategyId};

const QTY: i64 = 10;

/// How a venue ends an order that has not filled.
#[derive(Debug, Clone, Copy)]
enum End {
    Cancelled,
    Expired,
    StaysOpen,
}

/// What a venue tells of one order: it is accepted, fills, is replaced after some fills, and ends.
fn session(fills: &[i64], replaced: Option<(usize, i64)>, end: End) -> Vec<Report> {
    let report = |kind| Report::on(1, 0, kind);
    let (mut reports, mut filled, mut qty) = (vec![report(ReportKind::Accepted)], 0, QTY);
    for at in 0..=fills.len() {
        if let Some((after, to)) = replaced
            && after == at
            && filled < qty.min(to)
        {
            qty = to;
            reports.push(report(ReportKind::Replaced(NewTerms::new(Price::new(99), Qty::new(qty)))));
        }
        let Some(size) = fills.get(at).map(|size| (*size).min(qty - filled)).filter(|size| *size > 0) else {
            continue;
        };
        filled += size;
        let (price, qty, liquidity, fee) = (Price::new(100), Qty::new(size), Liquidity::Maker, Money::ZERO);
        reports.push(Report {
            execution: Some(VenueKey::Number(at as u64)),
            cumulative: Some(Qty::new(filled)),
            ..report(ReportKind::Fill { price, qty, liquidity, fee })
        });
    }
    let ended = match end {
        _ if filled == qty => None,
        End::StaysOpen => None,
        End::Cancelled => Some(ReportKind::Cancelled),
        End::Expired => Some(ReportKind::Expired(Reason::IocRemainder)),
    };
    let cumulative = Some(Qty::new(filled));
    reports.extend(ended.map(|kind| Report { cumulative, ..report(kind) }));
    reports
}

/// The order after these reports, and what was noted for reconciliation.
fn told<'a>(reports: impl Iterator<Item = &'a Report>, is_replaced: bool) -> (Order, Vec<Mismatch>) {
    let mut order = Order::new(1, StrategyId::new(0), &limit(Side::Buy, 100, QTY), 0);
    if is_replaced {
        order.replace_sent(NewTerms::new(Price::new(99), Qty::new(QTY)), false);
    }
    let noted = reports.filter_map(|report| order.apply(report, 1).1).collect();
    (order, noted)
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1).into_iter();
    shorter
        .flat_map(|shorter| (0..n).map(move |at| [&shorter[..at], &[n - 1], &shorter[at..]].concat()))
        .collect()
}

fn is_late(mismatch: &Mismatch) -> bool {
    matches!(mismatch, Mismatch::MissingFills { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_session_comes_to_its_end_in_whatever_order_it_is_told(
        fills in proptest::collection::vec(1i64..6, 0..4),
        replaced in proptest::option::of((0usize..4, 1i64..16)),
        end in prop_oneof![Just(End::Cancelled), Just(End::Expired), Just(End::StaysOpen)],
        again in any::<Index>(),
    ) {
        let reports = session(&fills, replaced, end);
        let is_replaced = reports.iter().any(|report| matches!(report.kind, ReportKind::Replaced(_)));
        let (truth, none) = told(reports.iter(), is_replaced);
        prop_assert_eq!(none, []);
        for turns in permutations(reports.len()) {
            let in_turn = turns.iter().map(|at| &reports[*at]);
            // One of them comes again, last of all.
            let again = &reports[again.index(reports.len())];
            let (order, noted) = told(in_turn.chain([again]), is_replaced);
            prop_assert_eq!(order.filled, truth.filled, "{:?}", turns);
            let is_right = order.status() == truth.status() && order.pending() == truth.pending();
            if is_replaced {
                // By the old terms it may have ended before the new ones were told, which is said.
                prop_assert!(is_right || !noted.is_empty(), "{turns:?} {order:?}");
            } else {
                prop_assert!(is_right && noted.iter().all(is_late), "{turns:?} {order:?} {noted:?}");
            }
        }
    }

    #[test]
    fn a_refusal_ends_an_order_unless_it_has_filled(fills in 0usize..3, before in any::<bool>()) {
        let mut reports = vec![Report::on(1, 0, ReportKind::Rejected(Reason::Venue))];
        let filled = session(&vec![2; fills], None, End::StaysOpen);
        let at = if before { reports.len() } else { 0 };
        reports.splice(at..at, filled.into_iter().skip(1));
        for turns in permutations(reports.len()) {
            let (order, noted) = told(turns.iter().map(|at| &reports[*at]), false);
            prop_assert_eq!(order.filled, Qty::new(2 * fills as i64));
            prop_assert_eq!(noted.is_empty(), fills == 0);
            prop_assert!(fills > 0 || order.status() == OrderStatus::Rejected);
        }
    }
}
