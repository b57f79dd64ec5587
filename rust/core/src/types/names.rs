//! Names that people give, and how long they may be.

use std::fmt;

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An instrument, by the symbol and the name of its venue together.
    Instrument,
    /// A strategy.
    Strategy,
    /// An order, as its strategy calls it.
    Order,
}

impl Named {
    /// Most characters it may have.
    ///
    /// Of instruments the longest symbols are prediction markets' tokens, with 78 digits. An order's name keeps to the
    /// least that a venue takes for one.
    pub const fn longest(self) -> usize {
        match self {
            Self::Instrument => 128,
            Self::Strategy => 64,
            Self::Order => 36,
        }
    }

    /// Looks whether a text can be such a name: printed on one line, with nothing at its ends that is not seen.
    ///
    /// # Errors
    /// [`BadName`] with the text and what is wrong with it.
    pub fn check(self, text: &str) -> Result<(), BadName> {
        let problem = if text.is_empty() {
            NameProblem::Empty
        } else if text.chars().nth(self.longest()).is_some() {
            NameProblem::Long { length: text.chars().count(), longest: self.longest() }
        } else if !text.chars().all(is_printed) {
            NameProblem::Control
        } else if text.trim().len() != text.len() {
            NameProblem::Space
        } else {
            return Ok(());
        };
        Err(BadName { of: self, text: shown(text), problem })
    }
}

/// Whether a character shows on a page. Others are controls, and what only arranges the text around it: a name with
/// them looks like another one, or turns the line around that it stands in.
pub(crate) fn is_printed(letter: char) -> bool {
    let arranges = matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !(letter.is_control() || arranges)
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instrument => "instrument id",
            Self::Strategy => "name of a strategy",
            Self::Order => "client id",
        })
    }
}

/// What cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of} {text:?} {problem}")]
pub struct BadName {
    /// What it was to be the name of.
    pub of: Named,
    /// The text, or how it begins.
    pub text: String,
    /// What is wrong with it.
    pub problem: NameProblem,
}

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// It has too many characters.
    #[error("has {length} characters, at most {longest} are possible")]
    Long {
        /// Its characters.
        length: usize,
        /// Most it may have.
        longest: usize,
    },
    /// A character of it is none that is printed.
    #[error("has a character that cannot be printed")]
    Control,
    /// White space at an end.
    #[error("begins or ends with white space")]
    Space,
}

/// How a text begins, for messages.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut begin: String = text.chars().take(MOST).collect();
    if begin.len() < text.len() {
        begin.push_str("...");
    }
    begin
}

/// The word of a variant of an enum: `PartiallyFilled` as `partially_filled`.
#[must_use]
pub fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_limit_in_characters_whatever_their_bytes() {
        for of in [Named::Instrument, Named::Strategy, Named::Order] {
            for letter in ["a", "é", "語", "🙂"] {
                assert_eq!(of.check(&letter.repeat(of.longest())), Ok(()));
                let error = of.check(&letter.repeat(of.longest() + 1)).unwrap_err();
                let length = of.longest() + 1;
                assert_eq!(error.problem, NameProblem::Long { length, longest: of.longest() });
                assert!(error.text.chars().count() <= 43);
            }
        }
    }

    #[test]
    fn names_are_seen_from_end_to_end() {
        let problem = |text| Named::Strategy.check(text).map_err(|error| error.problem);
        assert_eq!(problem("a maker of markets"), Ok(()));
        assert_eq!(problem(""), Err(NameProblem::Empty));
        assert_eq!(problem(" m"), Err(NameProblem::Space));
        assert_eq!(problem("m\u{a0}"), Err(NameProblem::Space));
        assert_eq!(problem("币安人生"), Ok(()));
        let unseen =
            ["BTC\u{202e}TDSU", "\u{2066}BTC\u{2069}", "BTC\u{200b}USDT", "\u{feff}BTC", "BTC\u{ad}USDT"];
        for text in ["a\nb", "a\0", "\u{1b}[31m", "a\u{7f}b"].into_iter().chain(unseen) {
            assert_eq!(problem(text), Err(NameProblem::Control), "{text:?}");
        }
        let error = Named::Order.check(&"x".repeat(5_000)).unwrap_err();
        let begin = "x".repeat(40);
        let said = format!("client id \"{begin}...\" has 5000 characters, at most 36 are possible");
        assert_eq!(error.to_string(), said);
    }
}
