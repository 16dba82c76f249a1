//! What a transaction writes besides rows: changes of the catalog, answers for repeats, lines of the log, the sandbox's
//! clock.

use std::sync::Arc;

use koi_core::catalog::{Code, Entry, Merchant, Pair, Store};
use koi_core::money::Rate;
use koi_core::time::Time;

use super::changes::Written;
use super::session::Request;
use super::table::{self, campaign::Whole};
use crate::Notes;

/// A change of the catalog, sorted by kind. Of what is put twice the last is written.
#[derive(Default)]
pub(super) struct Entries {
    campaigns: Vec<Whole>,
    merchants: Vec<Arc<Merchant>>,
    stores: Vec<Arc<Store>>,
    codes: Vec<Arc<Code>>,
    rates: Vec<(Pair, Rate)>,
}

impl Entries {
    pub(super) fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut sorted = Self::default();
        let mut campaigns = Vec::new();
        for entry in entries {
            match entry {
                Entry::Campaign(campaign) => put(&mut campaigns, campaign, |campaign| campaign.number),
                Entry::Merchant(merchant) => put(&mut sorted.merchants, merchant, |merchant| merchant.id.clone()),
                Entry::Store(store) => put(&mut sorted.stores, store, |store| store.id.clone()),
                Entry::Code(code) => put(&mut sorted.codes, code, |code| code.text.clone()),
                Entry::Rate(pair, rate) => sorted.rates.push((*pair, *rate)),
            }
        }
        sorted.campaigns = campaigns.iter().map(Whole::of).collect();
        sorted
    }

    /// Whether a campaign is changed, which all cells have a part of.
    pub(super) fn change_campaigns(&self) -> bool {
        !self.campaigns.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.campaigns.is_empty()
            && self.merchants.is_empty()
            && self.stores.is_empty()
            && self.codes.is_empty()
            && self.rates.is_empty()
    }

    /// The statements that write it, after the revision is taken: `revised` is the one that it makes.
    fn requests(&self, since: Time, revised: u64) -> Vec<Request<'_>> {
        let revised = revised.cast_signed();
        let mut requests = Vec::new();
        if !self.campaigns.is_empty() {
            requests.extend(table::campaign::put(&self.campaigns, revised));
        }
        if !self.merchants.is_empty() {
            let rows: Vec<&Merchant> = self.merchants.iter().map(Arc::as_ref).collect();
            requests.push(Request::with(&table::merchant::PUT, table::merchant::TABLE.values_at(&rows, revised)));
        }
        if !self.stores.is_empty() {
            let rows: Vec<&Store> = self.stores.iter().map(Arc::as_ref).collect();
            requests.push(Request::with(&table::store::PUT, table::store::TABLE.values_at(&rows, revised)));
        }
        if !self.codes.is_empty() {
            let rows: Vec<&Code> = self.codes.iter().map(Arc::as_ref).collect();
            requests.push(Request::with(&table::code::PUT, table::code::TABLE.values_at(&rows, revised)));
        }
        if !self.rates.is_empty() {
            requests.push(table::rate::add(&self.rates, since, revised));
        }
        requests
    }
}

/// Puts a value in the place of the one before.
fn put<T, K: PartialEq>(values: &mut Vec<Arc<T>>, value: &Arc<T>, key: impl Fn(&T) -> K) {
    match values.iter_mut().find(|there| key(there) == key(value)) {
        Some(there) => *there = value.clone(),
        None => values.push(value.clone()),
    }
}

/// The statements of what is noted. Who changes the catalog takes its revision first, and finds it as it was when the
/// transaction began: changes follow each other, and none is decided on what another has changed. Who adds to the log
/// takes it, too, whatever it is by then, because lines are numbered one after the other.
pub(super) fn requests<'a>(entries: &'a Entries, notes: &'a Notes, revision: u64) -> Vec<Written<'a>> {
    let mut requests: Vec<Written> = Vec::new();
    if !entries.is_empty() {
        requests.push((table::meta::revise(revision, revision + 1), Some(1)));
    } else if !notes.log.is_empty() || !notes.statements.is_empty() {
        requests.push((table::meta::hold(), Some(1)));
    }
    let since = notes.log.first().map_or(Time::EARLIEST, |line| line.at);
    requests.extend(entries.requests(since, revision + 1).into_iter().map(|request| (request, None)));
    if let Some(answered) = &notes.answered {
        requests.push((table::answered::add(answered), Some(1)));
    }
    if !notes.log.is_empty() {
        requests.push((table::log::add(&notes.log), Some(notes.log.len() as u64)));
    }
    if !notes.statements.is_empty() {
        requests.push((table::statement::add(&notes.statements), Some(notes.statements.len() as u64)));
    }
    if let Some(now) = notes.sandbox_clock {
        requests.push((table::meta::set_clock(now), Some(1)));
    }
    requests
}
