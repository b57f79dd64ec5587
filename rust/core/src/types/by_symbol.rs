//! What is said of instruments by their symbols.

use super::instrument::InstrumentId;

/// Values by the symbol of an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BySymbol<T> {
    named: Vec<(String, T)>,
    other: Option<T>,
}

impl<T> BySymbol<T> {
    /// One value for all, or `SYMBOL: value; SYMBOL: value; *: value`, the last for all others.
    ///
    /// # Errors
    /// What `read` says of a value, and what is wrong with a symbol.
    pub fn parse(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        let mut values = Self { named: Vec::new(), other: None };
        for entry in text.split(';').map(str::trim) {
            let (symbol, value) = entry.rsplit_once(": ").unwrap_or(("*", entry));
            let value = read(value.trim())?;
            if values.of_symbol(symbol).is_some() {
                return Err(format!("{symbol} is there twice"));
            }
            values.put(symbol, value);
        }
        Ok(values)
    }

    /// Of pairs; an empty symbol is all others.
    pub fn of_pairs(pairs: Vec<(String, T)>) -> Self {
        let mut values = Self { named: Vec::new(), other: None };
        for (symbol, value) in pairs {
            values.put(if symbol.is_empty() { "*" } else { &symbol }, value);
        }
        values
    }

    fn put(&mut self, symbol: &str, value: T) {
        if symbol == "*" { self.other = Some(value) } else { self.named.push((symbol.to_owned(), value)) }
    }

    fn of_symbol(&self, symbol: &str) -> Option<&T> {
        if symbol == "*" {
            return self.other.as_ref();
        }
        self.named.iter().find(|(known, _)| known == symbol).map(|(_, value)| value)
    }

    /// The value of a name.
    pub fn of_name(&self, name: &str) -> Option<&T> {
        self.of_symbol(name).or(self.other.as_ref())
    }

    /// The value of an instrument, by its symbol or its whole id.
    pub fn of(&self, id: &InstrumentId) -> Option<&T> {
        let named = self.of_symbol(id.symbol()).or_else(|| self.of_symbol(id.as_str()));
        named.or(self.other.as_ref())
    }
}
