//! Features of one market, kept for those who follow them.
//!
//! Every row of the market is read, whether its messages are delivered or only known. Engines of one schema are kept
//! once, so a strategy pays nothing for what another has asked for.

use std::sync::Arc;

use super::view::MarketView;
use crate::book::BookState;
use crate::event::View;
use crate::features::{FeatureEngine, FeatureFailure, FeatureSet};
use crate::types::{CodecError, HookError, Instrument, Reader, StrategyId, Writer};

/// Features of one schema in one market.
struct FeatureFeed {
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

    /// Reads rows; returns what failed.
    #[inline]
    fn read(&mut self, view: &View<'_>, from: usize, to: usize) -> Option<FailedFeed> {
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
}

/// The features of one market.
#[derive(Default)]
pub(super) struct FeatureFeeds(Vec<FeatureFeed>);

/// Why features were not loaded.
pub(super) enum FeedsError {
    /// The bytes are no saved features.
    Codec(CodecError),
    /// Nobody of the set-up wants such features, and no text tells of them.
    Unknown(String),
}

impl From<CodecError> for FeedsError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

impl FeatureFeeds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads rows; returns what failed.
    #[inline]
    pub(super) fn read(&mut self, view: &View<'_>, from: usize, to: usize) -> Option<FailedFeed> {
        self.0.iter_mut().fold(None, |failed, feed| failed.or(feed.read(view, from, to)))
    }

    /// The state of the market's feed is known to be another one.
    pub(super) fn set_state(&mut self, now: i64, state: BookState) {
        self.0.iter_mut().for_each(|feed| feed.engine.set_state(now, state));
    }

    /// The place of features that a strategy follows.
    pub(super) fn find(&self, schema_hash: &str, strategy: StrategyId) -> Option<usize> {
        self.0.iter().position(|feed| feed.schema_hash == schema_hash && feed.followers.contains(&strategy))
    }

    /// Whether features that a strategy follows have failed.
    pub(super) fn has_failed(&self, strategy: StrategyId) -> bool {
        self.0.iter().any(|feed| feed.has_failed && feed.followers.contains(&strategy))
    }

    /// Writes the vector of a place at a time.
    pub(super) fn values(&mut self, place: usize, now: i64, out: &mut [f64]) {
        self.0[place].engine.values(now, out);
    }

    /// Lets a strategy follow features of a view's market from `now` on, and returns their place.
    pub(super) fn follow(
        &mut self,
        view: &mut MarketView,
        strategy: StrategyId,
        now: i64,
        engine: FeatureEngine,
    ) -> usize {
        let before = self.0.len();
        let place = self.place(view, engine);
        let feed = &mut self.0[place];
        if place == before {
            feed.engine.begin(now, view.depth());
        }
        if let Err(at) = feed.followers.binary_search(&strategy) {
            feed.followers.insert(at, strategy);
        }
        place
    }

    /// The place of features of such a schema, from now on if there are none.
    fn place(&mut self, view: &mut MarketView, engine: FeatureEngine) -> usize {
        let feed = FeatureFeed::new(engine.of(view.basis()));
        self.0.iter().position(|own| own.schema_hash == feed.schema_hash).unwrap_or_else(|| {
            view.follow_levels();
            self.0.push(feed);
            self.0.len() - 1
        })
    }

    pub(super) fn save(&mut self, w: &mut Writer<'_>) -> Result<(), FeatureFailure> {
        w.index(self.0.len());
        for feed in &mut self.0 {
            let set = feed.engine.set();
            w.text(set.name());
            w.text(set.version());
            w.text(&feed.schema_hash);
            w.index(set.names().len());
            set.texts().for_each(|text| w.option(text.as_deref(), Writer::text));
            w.flag(feed.has_failed);
            w.index(feed.followers.len());
            feed.followers.iter().for_each(|strategy| w.index(strategy.index()));
            w.bytes(&feed.engine.save()?);
        }
        Ok(())
    }

    /// Goes on with features that the strategies of the set-up want, or that can be told by their text.
    pub(super) fn load(
        &mut self,
        r: &mut Reader<'_>,
        view: &mut MarketView,
        instrument: &Arc<Instrument>,
    ) -> Result<(), FeedsError> {
        for _ in 0..r.index()? {
            let (name, version, schema_hash) = (r.text()?, r.text()?, r.text()?);
            let mut texts = Vec::new();
            for _ in 0..r.index()? {
                texts.push(r.option(Reader::text)?);
            }
            let known = self.0.iter().position(|feed| feed.schema_hash == schema_hash);
            let place = match (known, told(name, version, &texts, instrument)) {
                (Some(place), _) => place,
                (None, Some(engine)) => self.place(view, engine),
                (None, None) => return Err(FeedsError::Unknown(format!("features {name} {version}"))),
            };
            let feed = &mut self.0[place];
            feed.has_failed = r.flag()?;
            feed.followers.clear();
            for _ in 0..r.index()? {
                feed.followers.push(r.strategy()?);
            }
            if feed.engine.load(r.bytes()?).is_err() {
                r.error("the state of the features")?;
            }
        }
        Ok(())
    }
}

/// An engine of features of which all can be told by their text.
fn told(
    name: &str,
    version: &str,
    texts: &[Option<&str>],
    instrument: &Arc<Instrument>,
) -> Option<FeatureEngine> {
    let mut set = FeatureSet::new(name, version).ok()?;
    texts.iter().try_for_each(|text| set.add((*text)?).ok())?;
    FeatureEngine::new(Arc::new(set), Arc::clone(instrument), Vec::new()).ok()
}
