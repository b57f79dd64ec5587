//! Numbers and names as text: what is read is written as it was meant, however it is read.

use tradecore_core::orders::{ClientId, SessionId, VenueKey};
use tradecore_core::sim::QueueModel;
use tradecore_core::types::{Decimal, Increment, InstrumentId, Money, format_duration, parse_duration};

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "numbers",
    run,
    seeds: || {
        [
            "0.1",
            "123456.789",
            "-1e-9",
            "100ms",
            "1.5h",
            "BTCUSDT.BINANCE_USDM",
            "test-1-2z",
            "power(2)",
            "0.000001",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
    },
    tokens: &[
        "e",
        "E-",
        ".",
        "-",
        "+",
        "ns",
        "us",
        "ms",
        "s",
        "m",
        "h",
        "d",
        "power3(",
        ")",
        "log2",
        "depletion",
        "A.B",
    ],
    iterations: 20_000,
};

fn decimals(input: &[u8]) {
    let parsed = Decimal::parse(input);
    if let Ok(value) = &parsed {
        assert_eq!(Decimal::parse(value.to_string().as_bytes()).as_ref(), Ok(value));
        assert!(value.to_f64().is_finite());
        if let Ok(money) = Money::from_decimal(*value) {
            assert_eq!(money.to_string().parse::<Money>().as_ref(), Ok(&money));
        }
        if let Ok(grid) = Increment::new(*value) {
            assert_eq!(grid.value(), *value);
        }
    }
    for grid in ["1", "0.1", "0.25", "0.00001", "5", "0.000000000000000001"] {
        let grid: Increment = grid.parse().expect("an increment");
        let steps = grid.parse(input);
        // A sign is nothing the short way knows.
        if input.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
            assert_eq!(grid.parse(&[b"+", input].concat()).ok(), steps.clone().ok());
        }
        match (steps, &parsed) {
            (Ok(steps), Ok(value)) => {
                assert_eq!(grid.to_decimal(steps), *value);
                assert_eq!(grid.parse(grid.format(steps).as_bytes()), Ok(steps));
                if steps.unsigned_abs() < 1 << 50 {
                    assert_eq!(grid.steps_from_f64(grid.to_f64(steps)), Ok(steps));
                }
            }
            (Ok(_), Err(error)) => panic!("steps of what is no number: {error}"),
            (Err(_), Ok(value)) => assert!(grid.steps(*value).is_err()),
            (Err(_), Err(_)) => {}
        }
    }
}

fn run(input: &[u8]) {
    decimals(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(ns) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(ns)), Ok(ns));
    }
    if let Ok(id) = text.parse::<InstrumentId>() {
        assert_eq!(format!("{}.{}", id.symbol(), id.venue()), text);
    }
    if let Some(id) = ClientId::parse(text) {
        assert_eq!(id.to_string(), text);
        assert!(text.len() <= 36);
    }
    if let Ok(session) = text.parse::<SessionId>() {
        assert_eq!(session.as_str(), text);
    }
    assert_eq!(VenueKey::from(text).to_string(), text);
    if let Ok(model) = text.parse::<QueueModel>() {
        model.check().expect("a model that is read is sound");
        assert_eq!(model.to_string().parse::<QueueModel>(), Ok(model));
    }
}
