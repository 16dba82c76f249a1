//! Readers: connections beside the writer, each seeing what is committed.

use std::ops::{ControlFlow, RangeBounds};

use koi_core::audit::{Deduction, Purchase};
use koi_core::catalog::{Catalog, Entry, Pair};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, QuoteId, TransferId};
use koi_core::idempotency::Key;
use koi_core::ledger::{Buckets, Transfer};
use koi_core::money::Rate;
use koi_core::rows::{Counters, Rows, Slice};
use koi_core::time::Time;
use rusqlite::Connection;

use super::indexes::Indexes;
use super::prefetch::prefetch;
use super::purchases;
use super::sheets;
use super::sorted::{self, Beside, Found, KEYS, Recent, Runs, SHOPPERS};
use super::table::{self, api_key::ApiKey};
use crate::error::StoreError;
use crate::sheet::{Sheet, Value};
use crate::{Answered, Issued, Sequenced, Stated, Want};

/// Lines that SQLite's check names; after so many it is clear enough.
const NAMED: usize = 100;

/// A connection that only reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    recent: Option<Beside>,
}

/// A campaign's stock and balances, over all cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Packets left, tier by tier.
    pub left: Vec<u64>,
    /// The balances.
    pub buckets: Buckets,
}

/// When the last line was written, of the ledger or of the office's log.
pub(super) fn latest(connection: &Connection) -> Result<Option<Time>, StoreError> {
    Ok(table::transfer::latest(connection)?.max(table::log::latest(connection)?))
}

impl Reader {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, recent: None }
    }

    /// The same reader beside a writer in the same process, which knows what the sorted indexes lack.
    #[must_use]
    pub fn beside(self, recent: Beside) -> Self {
        Self { recent: Some(recent), ..self }
    }

    /// The rows that are wanted, as they are stored.
    pub fn rows(&self, wants: &[Want]) -> Result<Rows, StoreError> {
        let known = self.recent.as_ref().map(|recent| recent.found(wants));
        self.in_one_moment(|| {
            let recent = match known {
                Some(known) => known,
                None if wants.iter().any(|want| matches!(want, Want::Shopper(_) | Want::QuoteAsked(_))) => {
                    Recent::load(&self.connection, Runs::SERVED)?.found(wants)
                }
                None => Found::default(),
            };
            prefetch(&self.connection, Cell(0), wants, &recent)
        })
    }

    /// Runs several reads on one state of the database.
    pub fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read();
        match &result {
            Ok(_) => drop(self.connection.prepare_cached("COMMIT")?.execute([])?),
            // After some errors there is no transaction any more; what went wrong is what was met first.
            Err(_) => drop(self.connection.execute_batch("ROLLBACK")),
        }
        result
    }

    /// Runs reads on one state of the database, which may be that of reads around them.
    fn in_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.connection.is_autocommit() { self.at_one_moment(read) } else { read() }
    }

    /// Everything that changes rarely, as it is stored.
    pub fn catalog(&self) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::default();
        for merchant in table::merchant::all(&self.connection)? {
            catalog.apply(Entry::Merchant(merchant.into()));
        }
        for store in table::store::all(&self.connection)? {
            catalog.apply(Entry::Store(store.into()));
        }
        for code in table::code::all(&self.connection)? {
            catalog.apply(Entry::Code(code.into()));
        }
        for (pair, rate) in self.rates()? {
            catalog.apply(Entry::Rate(pair, rate));
        }
        for campaign in table::campaign::all(&self.connection)? {
            catalog.apply(Entry::Campaign(campaign.into()));
        }
        Ok(catalog)
    }

    /// A campaign's stock and balances.
    pub fn totals(&self, campaign: CampaignNo) -> Result<Option<Totals>, StoreError> {
        let mut totals: Option<Totals> = None;
        for (cell, _) in table::cell::all(&self.connection)? {
            let Some(slice) = table::slice::get(&self.connection, cell, campaign)? else { continue };
            totals = Some(match totals {
                None => Totals { left: slice.left, buckets: slice.buckets },
                Some(sum) => Totals {
                    left: sum.left.iter().zip(&slice.left).map(|(a, b)| a + b).collect(),
                    buckets: sum.buckets.plus(&slice.buckets)?,
                },
            });
        }
        Ok(totals)
    }

    /// Every slice, by its cell and campaign.
    pub fn slices(&self) -> Result<Vec<(Cell, CampaignNo, Slice)>, StoreError> {
        let mut slices = Vec::new();
        for (cell, campaign) in table::slice::all(&self.connection)? {
            if let Some(slice) = table::slice::get(&self.connection, cell, campaign)? {
                slices.push((cell, campaign, slice));
            }
        }
        Ok(slices)
    }

    /// The next numbers of every cell that was written to.
    pub fn counters(&self) -> Result<Vec<(Cell, Counters)>, StoreError> {
        table::cell::all(&self.connection)
    }

    /// Every rate that was ever in force.
    pub fn rates(&self) -> Result<Vec<(Pair, Rate)>, StoreError> {
        table::rate::all(&self.connection)
    }

    /// How many ordinals of a campaign there are in a cell, up to that of its last coupon.
    pub fn last_ordinal(&self, cell: Cell, campaign: CampaignNo) -> Result<u32, StoreError> {
        let first = CouponId::new(cell, campaign, 0).number();
        let until = CouponId::new(cell, campaign, u32::MAX).number().saturating_add(1);
        let last = table::coupon::last_in(&self.connection, first, until)?;
        Ok(last.map_or(0, |last| last.ordinal().saturating_add(1)))
    }

    /// The coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_coupon(&self, from: i64, until: i64, each: impl FnMut(Coupon)) -> Result<(), StoreError> {
        table::coupon::for_each_in(&self.connection, from, until, each)
    }

    /// What stays of the coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_issued(&self, from: i64, until: i64, each: impl FnMut(Issued)) -> Result<(), StoreError> {
        table::coupon::for_each_issued(&self.connection, from, until, each)
    }

    /// The key under which each quote was asked for, in the order of the keys.
    pub fn for_each_quote_key(&self, mut each: impl FnMut(Key, QuoteId)) -> Result<(), StoreError> {
        sorted::for_each(&KEYS, &self.connection, |(key, quote)| each(Key(key), QuoteId::of_number(quote)))
    }

    /// What every quote takes off a coupon, one after the other.
    pub fn for_each_deduction(&self, each: impl FnMut(Deduction)) -> Result<(), StoreError> {
        table::quote::for_each_deduction(&self.connection, each)
    }

    /// Quotes with their payments and refunds, from a number on, until `each` has enough. A payment or a refund
    /// without its quote comes too.
    pub fn for_each_purchase(
        &self,
        from: QuoteId,
        each: impl FnMut(Purchase) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        purchases::for_each_from(&self.connection, from, each)
    }

    /// The ledger's lines with numbers in `range`, until `each` has enough.
    pub fn for_each_transfer(
        &self,
        range: impl RangeBounds<TransferId>,
        each: impl FnMut(Transfer) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        table::transfer::for_each_in(&self.connection, &crate::numbers(range), each)
    }

    /// The answer kept for an order of the office.
    pub fn answered(&self, key: Key) -> Result<Option<Answered>, StoreError> {
        table::answered::get(&self.connection, key)
    }

    /// At most `limit` statements of the public log with numbers above `number`, each with its number.
    pub fn statements(&self, number: i64, limit: u32) -> Result<Vec<(i64, Stated)>, StoreError> {
        table::statement::after(&self.connection, number, limit)
    }

    /// How far the public log was sequenced at the step of this number, or at the last one.
    pub fn sequenced(&self, number: Option<i64>) -> Result<Option<Sequenced>, StoreError> {
        table::sequenced::get(&self.connection, number)
    }

    /// All keys of the API.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        table::api_key::all(&self.connection)
    }

    /// The rows of a table, in the order of its keys.
    pub(crate) fn for_each_row(
        &self,
        sheet: &Sheet,
        each: &mut dyn FnMut(&[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        sheets::for_each(&self.connection, sheet, each)
    }

    /// When the last line was written, of the ledger or of the office's log: time is not before that.
    pub(crate) fn latest(&self) -> Result<Option<Time>, StoreError> {
        latest(&self.connection)
    }

    /// A number that changes whenever another connection commits.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// The indexes that do not hold what their tables hold, in words. `rows` has taken every coupon and every quote.
    pub fn broken_indexes(&self, rows: &Indexes) -> Result<Vec<String>, StoreError> {
        let mut broken = rows.broken(&self.connection)?;
        broken.extend(sorted::broken(&KEYS, &self.connection)?);
        broken.extend(sorted::broken(&SHOPPERS, &self.connection)?);
        Ok(broken)
    }

    /// SQLite's own check of the file, the long one, which looks for each row in each index; empty when all is well.
    pub fn file_check(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare(&format!("PRAGMA integrity_check({NAMED})"))?;
        let lines: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// The connection, for the backup.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}
