//! Which orders a venue takes. What each of them is called, and the check, is in `orders`.

/// Some of up to eight words, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WordSet(u8);

impl WordSet {
    /// Every word.
    pub const ALL: Self = Self(u8::MAX);

    /// Of `words`, those a text names: `any`, `none`, or some with commas between them.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str, words: &[&str]) -> Result<Self, String> {
        match text.trim() {
            "any" => return Ok(Self::ALL),
            "none" => return Ok(Self(0)),
            _ => {}
        }
        let mut set = 0;
        for word in text.split(',').map(str::trim) {
            let Some(at) = words.iter().position(|known| *known == word) else {
                return Err(format!("{word:?} is not any, none, {}", words.join(", ")));
            };
            set |= 1 << at;
        }
        Ok(Self(set))
    }

    /// Whether the word of a number is one of them.
    #[inline]
    pub fn has(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }

    /// As text, of `words`.
    pub fn words(self, words: &[&str]) -> String {
        let named = words.iter().zip(0u8..).filter(|(_, number)| self.has(*number));
        named.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// Which orders a venue takes; all of them, if nothing else is said.
#[allow(clippy::struct_excessive_bools, reason = "each is a thing of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderSupport {
    /// Kinds of orders.
    pub kinds: WordSet,
    /// How long they live.
    pub times_in_force: WordSet,
    /// What becomes of post-only orders that would take.
    pub post_only: WordSet,
    /// Prices that set them off.
    pub triggers: WordSet,
    /// Whether they may show a part of themselves.
    pub iceberg: bool,
    /// Whether they may be reduce-only.
    pub reduce_only: bool,
    /// Whether they may be replaced.
    pub replace: bool,
    /// Whether a replacement may move what sets them off.
    pub replace_trigger: bool,
    /// Whether what each may pay is set aside, so that two that exclude each other take it twice.
    pub reserves: bool,
}

impl Default for OrderSupport {
    fn default() -> Self {
        Self {
            kinds: WordSet::ALL,
            times_in_force: WordSet::ALL,
            post_only: WordSet::ALL,
            triggers: WordSet::ALL,
            iceberg: true,
            reduce_only: true,
            replace: true,
            replace_trigger: true,
            reserves: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_back() {
        let words = ["gtc", "ioc", "fok"];
        let set = WordSet::parse("fok, gtc", &words).unwrap();
        assert_eq!([0, 1, 2].map(|number| set.has(number)), [true, false, true]);
        assert_eq!(set.words(&words), "gtc, fok");
        assert_eq!(WordSet::parse("any", &words), Ok(WordSet::ALL));
        assert_eq!(WordSet::parse("none", &words).unwrap().words(&words), "");
        let error = WordSet::parse("gtc, day", &words).unwrap_err();
        assert_eq!(error, r#""day" is not any, none, gtc, ioc, fok"#);
        assert!(WordSet::parse("", &words).is_err());
    }
}
