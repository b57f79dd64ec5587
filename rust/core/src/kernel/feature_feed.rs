//! Features of one market, kept for those who follow them.
//!
//! Every row of the market is read, whether its messages are delivered or only known. Engines of one schema are kept
//! once, so a strategy pays nothing for what another has asked for.

use std::sync::Arc;

use super::market::Market;
use super::reader::Reader;
use super::save::{LoadError, SaveError};
use super::writer::Writer;
use crate::book::BookState;
use crate::event::View;
use crate::features::{FeatureEngine, FeatureFailure, FeatureSet};
use crate::types::{HookError, StrategyId};

/// Features of one schema in one market.
pub(super) struct FeatureFeed {
    schema_hash: String,
    engine: FeatureEngine,
    /// Who asked for them.
    followers: Vec<StrategyId>,
    /// Whether one has failed: none is computed any more.
    has_failed: bool,
}

/// Features that have failed.
pub(super) struct FailedFeed {
    /// Who followed them.
    pub(super) followers: Vec<StrategyId>,
    /// What is wrong; nothing where the user asked to stop.
    pub(super) problem: Option<String>,
}

impl FeatureFeed {
    fn new(engine: FeatureEngine) -> Self {
        let schema_hash = engine.set().schema_hash();
        Self { schema_hash, engine, followers: Vec::new(), has_failed: false }
    }

    /// Whether it is of a schema and followed by a strategy.
    pub(super) fn is_of(&self, schema_hash: &str, strategy: StrategyId) -> bool {
        self.schema_hash == schema_hash && self.followers.contains(&strategy)
    }

    /// Reads rows; returns what failed.
    #[inline]
    pub(super) fn read(&mut self, view: &View<'_>, from: usize, to: usize) -> Option<FailedFeed> {
        if self.has_failed {
            return None;
        }
        self.engine.read(view, from, to).err().map(|failure| self.fail(failure))
    }

    #[cold]
    fn fail(&mut self, failure: FeatureFailure) -> FailedFeed {
        self.has_failed = true;
        let problem = match failure.error {
            HookError::Interrupted => None,
            HookError::Failed(text) => {
                let last = text.trim_end().lines().last().unwrap_or_default();
                Some(format!("{}\nFeatureError: feature {}: {last}", text.trim_end(), failure.feature))
            }
        };
        FailedFeed { followers: self.followers.clone(), problem }
    }

    /// The state of the feed is known to be another one.
    pub(super) fn set_state(&mut self, now: i64, state: BookState) {
        self.engine.set_state(now, state);
    }

    /// Writes the vector at a time.
    pub(super) fn values(&mut self, now: i64, out: &mut [f64]) {
        self.engine.values(now, out);
    }
}

impl Market {
    /// Lets a strategy follow features from `now` on, and returns their place.
    pub(super) fn follow_features(&mut self, strategy: StrategyId, now: i64, engine: FeatureEngine) -> usize {
        let place = self.feature_feed(engine, |feed, view| feed.engine.begin(now, view.book()));
        let followers = &mut self.features[place].followers;
        if let Err(at) = followers.binary_search(&strategy) {
            followers.insert(at, strategy);
        }
        place
    }

    fn feature_feed(
        &mut self,
        engine: FeatureEngine,
        begin: impl FnOnce(&mut FeatureFeed, &mut super::view::MarketView),
    ) -> usize {
        let mut feed = FeatureFeed::new(engine.of(self.view.basis()));
        let known = self.features.iter().position(|own| own.schema_hash == feed.schema_hash);
        known.unwrap_or_else(|| {
            begin(&mut feed, &mut self.view);
            self.view.follow_levels();
            self.features.push(feed);
            self.features.len() - 1
        })
    }

    pub(super) fn save_features(&mut self, w: &mut Writer<'_>) -> Result<(), SaveError> {
        w.index(self.features.len());
        for feed in &mut self.features {
            let set = feed.engine.set();
            w.text(set.name());
            w.text(set.version());
            w.text(&feed.schema_hash);
            w.index(set.names().len());
            set.texts().for_each(|text| w.option(text.as_deref(), Writer::text));
            w.flag(feed.has_failed);
            w.index(feed.followers.len());
            feed.followers.iter().for_each(|strategy| w.index(strategy.index()));
            let state = feed.engine.save().map_err(|failure| SaveError::Strategy {
                name: format!("of the feature {}", failure.feature),
                error: failure.error,
            })?;
            w.bytes(&state);
        }
        Ok(())
    }

    /// Goes on with features that the strategies of the set-up want, or that can be told by their text.
    pub(super) fn load_features(&mut self, r: &mut Reader<'_>) -> Result<(), LoadError> {
        for _ in 0..r.index()? {
            let (name, version, schema_hash) = (r.text()?, r.text()?, r.text()?);
            let texts = (0..r.index()?).map(|_| r.option(Reader::text)).collect::<Result<Vec<_>, _>>()?;
            let known = self.features.iter().position(|feed| feed.schema_hash == schema_hash);
            let place = match known {
                Some(place) => place,
                None => match told(name, version, &texts, self) {
                    Some(engine) => self.feature_feed(engine, |_, _| ()),
                    None => {
                        let (saved, given) =
                            (format!("features {name} {version}"), "no such features".to_owned());
                        return Err(LoadError::Differs { saved, given });
                    }
                },
            };
            let feed = &mut self.features[place];
            feed.has_failed = r.flag()?;
            feed.followers.clear();
            for _ in 0..r.index()? {
                feed.followers.push(r.strategy()?);
            }
            let state = r.bytes()?;
            if feed.engine.load(state).is_err() {
                return r.error("the state of the features").map_err(LoadError::Codec);
            }
        }
        Ok(())
    }
}

/// An engine of features of which all can be told by their text.
fn told(name: &str, version: &str, texts: &[Option<&str>], market: &Market) -> Option<FeatureEngine> {
    let mut set = FeatureSet::new(name, version).ok()?;
    texts.iter().try_for_each(|text| set.add((*text)?).ok())?;
    FeatureEngine::new(Arc::new(set), Arc::clone(&market.instrument), Vec::new()).ok()
}
