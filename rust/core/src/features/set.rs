//! A named, ordered, versioned list of features, with the hash by which a model knows its inputs again.

use sha2::{Digest, Sha256};

use super::spec::{FeatureSpec, SpecError, check_name};

/// Of what the features of a set are hashed, so that a change of meaning changes every hash.
const HASHED_AS: &str = "tradecore features 1";

/// A feature of a set: one of ours, or one that somebody else computes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Member {
    Built(FeatureSpec),
    /// Its name, and what tells it from others.
    Custom(String, String),
}

impl Member {
    fn name(&self) -> String {
        match self {
            Self::Built(spec) => spec.name(),
            Self::Custom(name, _) => name.clone(),
        }
    }
}

/// A named, ordered, versioned list of features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSet {
    name: String,
    version: String,
    names: Vec<String>,
    pub(super) members: Vec<Member>,
}

impl FeatureSet {
    /// A set without features yet.
    ///
    /// # Errors
    /// [`SpecError::Name`].
    pub fn new(name: &str, version: &str) -> Result<Self, SpecError> {
        let (name, version) = (check_name(name)?, check_name(version)?);
        Ok(Self { name, version, names: Vec::new(), members: Vec::new() })
    }

    /// Appends a feature as it is written.
    ///
    /// # Errors
    /// [`SpecError`], also for a name that is there.
    pub fn add(&mut self, text: &str) -> Result<(), SpecError> {
        self.append(Member::Built(FeatureSpec::parse(text)?))
    }

    /// Appends a feature that somebody else computes; `identity` is what tells it from others.
    ///
    /// # Errors
    /// [`SpecError::Name`].
    pub fn add_custom(&mut self, name: &str, identity: &str) -> Result<(), SpecError> {
        self.append(Member::Custom(check_name(name)?, identity.to_owned()))
    }

    fn append(&mut self, member: Member) -> Result<(), SpecError> {
        let name = member.name();
        if self.names.contains(&name) {
            return Err(SpecError::Name { name, problem: "is in the set already" });
        }
        self.names.push(name);
        self.members.push(member);
        Ok(())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Names of its features, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its features as they are written, in order; `None` for one that somebody else computes.
    pub fn texts(&self) -> impl Iterator<Item = Option<String>> + '_ {
        self.members.iter().map(|member| match member {
            Member::Built(spec) => Some(spec.text()),
            Member::Custom(..) => None,
        })
    }

    /// How many of its features somebody else computes.
    pub fn customs(&self) -> usize {
        self.members.iter().filter(|member| matches!(member, Member::Custom(..))).count()
    }

    /// The place of a feature: by its name, or by what it is where the set has one of it.
    pub fn find(&self, name: &str) -> Option<usize> {
        if let Some(at) = self.names.iter().position(|own| own == name) {
            return Some(at);
        }
        let is = |member: &Member| matches!(member, Member::Built(spec) if spec.definition.name == name);
        let mut found = self.members.iter().enumerate().filter(|(_, member)| is(member)).map(|(at, _)| at);
        let at = found.next()?;
        found.next().is_none().then_some(at)
    }

    /// SHA-256, in hexadecimal, of the version and of the names and parameters of the features, in order.
    pub fn schema_hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        field(HASHED_AS);
        field(&self.version);
        for (name, member) in self.names.iter().zip(&self.members) {
            field(name);
            match member {
                Member::Built(spec) => field(&spec.full_text()),
                Member::Custom(_, identity) => field(identity),
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(version: &str, features: &[&str]) -> FeatureSet {
        let mut set = FeatureSet::new("s", version).unwrap();
        for text in features {
            set.add(text).unwrap();
        }
        set
    }

    #[test]
    fn the_hash_is_that_of_what_a_model_is_given() {
        let own = set("1", &["spread", "ofi(window=5s)"]);
        assert_eq!(own.schema_hash(), set("1", &["spread", "ofi(window=5000ms)"]).schema_hash());
        for other in [
            set("2", &["spread", "ofi(window=5s)"]),
            set("1", &["ofi(window=5s)", "spread"]),
            set("1", &["spread", "ofi(window=6s)"]),
            set("1", &["spread", "flow = ofi(window=5s)"]),
        ] {
            assert_ne!(own.schema_hash(), other.schema_hash());
        }
    }

    #[test]
    fn a_feature_is_found_by_its_name_and_by_what_it_is_where_that_is_clear() {
        let set = set("1", &["ofi", "fast = ofi(window=10ms)", "microprice", "vpin(bucket=2)"]);
        assert_eq!(set.find("ofi"), Some(0));
        assert_eq!(
            (set.find("fast"), set.find("vpin"), set.find("vpin(bucket=2)")),
            (Some(1), Some(3), Some(3))
        );
        assert_eq!(set.find("spread"), None);
    }

    #[test]
    fn no_two_features_have_one_name() {
        let mut set = set("1", &["ofi"]);
        assert!(set.add("ofi(window=1s)").is_err() && set.add_custom("ofi", "x").is_err());
        assert!(set.add("mine = ofi").is_ok());
    }
}
