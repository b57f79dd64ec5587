//! Who an order is: our number for it, the text a venue carries for us, and the venue's own key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::types::StrategyId;

/// Identity of an order within a session: 1, 2, 3 ... in order of submission.
pub type OrderId = u64;

/// A venue's key for an order or an execution.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VenueKey {
    /// A number.
    Number(u64),
    /// Any other text.
    Text(Arc<str>),
}

impl fmt::Display for VenueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for VenueKey {
    fn from(text: &str) -> Self {
        // Only what reads back as the same text is a number: "007" is not 7.
        match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }
}

/// What a report calls the order it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// Our number.
    Id(OrderId),
    /// The client id we sent, as the venue gives it back.
    Client(Arc<str>),
    /// The venue's own.
    Venue(VenueKey),
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Client(text) => write!(f, "client id {text:?}"),
            Self::Venue(key) => write!(f, "venue id {key}"),
        }
    }
}

/// Longest name of a session: with the numbers behind it a client id keeps to 36 characters, the least any venue takes.
const SESSION_LEN: usize = 12;
/// Digits of a number in a client id.
const RADIX: u32 = 36;

/// What is no name of a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("session {0:?} is not 1 to 12 letters and digits")]
pub struct BadSession(pub String);

/// The name of a session, part of every client id: 1 to 12 ASCII letters and digits, another for every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client id of an order of this session.
    pub fn client_id(&self, strategy: StrategyId, order: OrderId) -> ClientId {
        ClientId { session: self.clone(), strategy, order }
    }
}

impl FromStr for SessionId {
    type Err = BadSession;
    fn from_str(text: &str) -> Result<Self, BadSession> {
        let fits = (1..=SESSION_LEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.into())) } else { Err(BadSession(text.to_owned())) }
    }
}

/// The client id a venue carries for us: `<session>-<strategy>-<order>`, numbers in base 36.
///
/// At most 34 characters of `[0-9A-Za-z-]`, which every venue we know takes; it tells its order without a table, so
/// that a report that comes first after a restart finds its order again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId {
    /// The session that sent the order.
    pub session: SessionId,
    /// The strategy that owns it.
    pub strategy: StrategyId,
    /// Its number in the session.
    pub order: OrderId,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 13];
        write!(f, "{}-", self.session.as_str())?;
        f.write_str(base36(self.strategy.index() as u64, &mut digits))?;
        f.write_str("-")?;
        f.write_str(base36(self.order, &mut digits))
    }
}

/// Writes a number in base 36.
fn base36(mut number: u64, digits: &mut [u8; 13]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % u64::from(RADIX)) as usize];
        number /= u64::from(RADIX);
        if number == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}

impl ClientId {
    /// Reads a client id; `None` for a text that is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let session = parts.next()?.parse().ok()?;
        let strategy = u32::from_str_radix(parts.next()?, RADIX).ok()?;
        let order = u64::from_str_radix(parts.next()?, RADIX).ok()?;
        let id = Self { session, strategy: StrategyId::new(strategy as usize), order };
        (parts.next().is_none() && id.to_string() == text).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_client_id_is_read_back_and_fits_every_venue(
            session in "[0-9A-Za-z]{1,12}", strategy in any::<u32>(), order in any::<u64>(),
        ) {
            let session: SessionId = session.parse().unwrap();
            let id = session.client_id(StrategyId::new(strategy as usize), order);
            let text = id.to_string();
            prop_assert!(text.len() <= 36 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            prop_assert_eq!(ClientId::parse(&text), Some(id));
        }

        #[test]
        fn any_other_text_is_none_of_ours(text in "\\PC{0,40}") {
            if let Some(id) = ClientId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn a_session_is_letters_and_digits() {
        for bad in ["", "a-b", "ä", "0123456789abc"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
        assert_eq!(ClientId::parse("s-0-01"), None);
        assert_eq!(VenueKey::from("007"), VenueKey::Text("007".into()));
        assert_eq!(VenueKey::from("7"), VenueKey::Number(7));
    }
}
