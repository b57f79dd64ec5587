//! The ways of commands and reports between us and one market.

use super::{Draws, Latency, Leg, Traffic};
use crate::random::Random;
use crate::sim::custom::ModelFailure;
use crate::types::AccountId;

/// What commands and reports of one market take: of all accounts in turn, or of groups of them as if each were alone.
#[derive(Debug)]
pub(in crate::sim) struct Ways {
    latency: Latency,
    random: Random,
    /// So many accounts are a group.
    group: Option<usize>,
    /// Entry and response, of all accounts or of each group.
    each: Vec<[Draws; 2]>,
    traffic: Traffic,
    /// Whether messages of the market count.
    pub(in crate::sim) counts: bool,
}

impl Ways {
    pub(in crate::sim) fn new(latency: Latency, random: Random, group: Option<usize>) -> Self {
        let window = latency.window();
        let traffic = Traffic::new(window);
        Self { latency, random, group, each: Vec::new(), traffic, counts: window > 0 }
    }

    /// The least anything will ever take, ns.
    pub(in crate::sim) fn least(&self, leg: Leg) -> i64 {
        match leg {
            Leg::Entry => self.latency.entry.least(),
            Leg::Response => self.latency.response.least(),
        }
    }

    /// A message of the market that counts.
    #[cold]
    pub(in crate::sim) fn note(&mut self, at: i64) {
        self.traffic.note(at);
    }

    /// When something of an account would be there, and the answer known, that is not sent at all: nothing waits for it.
    pub(in crate::sim) fn there_and_back(&mut self, account: AccountId, mut at: i64) -> [i64; 2] {
        let way = self.way(account);
        self.each[way].each_mut().map(|draws| {
            at = at.saturating_add(draws.draw(at, &self.traffic));
            at
        })
    }

    /// When something of an account arrives that is sent at `at`.
    #[inline]
    pub(in crate::sim) fn arrival(&mut self, leg: Leg, account: AccountId, at: i64) -> i64 {
        let way = self.way(account);
        self.each[way][leg as usize].arrival(at, &self.traffic)
    }

    /// How a model of somebody else's failed, if one did and nobody has been told, and an account whose way it was.
    pub(in crate::sim) fn take_failure(&mut self) -> Option<(AccountId, ModelFailure)> {
        let accounts = self.group.unwrap_or(1);
        let ways = self.each.iter_mut().enumerate();
        let mut draws = ways.flat_map(|(at, draws)| draws.iter_mut().map(move |draws| (at, draws)));
        draws.find_map(|(at, draws)| Some((AccountId::new(at * accounts), draws.take_failure()?)))
    }

    fn way(&mut self, account: AccountId) -> usize {
        let way = self.group.map_or(0, |accounts| account.index() / accounts);
        while self.each.len() <= way {
            let Latency { entry, response, .. } = self.latency.clone();
            let mut random = self.random.clone();
            let other = Random::new(random.bits(), 1);
            self.each.push([Draws::new(entry, random), Draws::new(response, other)]);
        }
        way
    }
}
