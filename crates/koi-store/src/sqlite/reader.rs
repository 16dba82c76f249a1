//! Readers: connections beside the writer, each seeing what is committed.

use std::ops::ControlFlow;

use koi_core::audit::Deduction;
use koi_core::catalog::Catalog;
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, TransferId};
use koi_core::idempotency::Key;
use koi_core::ledger::{Buckets, Transfer};
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use koi_core::rows::{Rows, Slice};
use rusqlite::Connection;

use super::prefetch::prefetch;
use super::shoppers::{self, Found, Runs, Shoppers, Unsorted};
use super::table::{self, api_key::ApiKey};
use crate::error::StoreError;
use crate::{Answered, Want};

/// A connection that only reads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    shoppers: Option<Shoppers>,
}

/// A campaign's stock and balances, over all cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Packets left, tier by tier.
    pub left: Vec<u64>,
    /// The balances.
    pub buckets: Buckets,
}

impl Reader {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, shoppers: None }
    }

    /// The same reader beside a writer in the same process, which knows what is not sorted by shopper yet.
    #[must_use]
    pub fn beside(self, shoppers: Shoppers) -> Self {
        Self { shoppers: Some(shoppers), ..self }
    }

    /// The rows that are wanted, as they are stored.
    pub fn rows(&self, wants: &[Want]) -> Result<Rows, StoreError> {
        let known = self.shoppers.as_ref().map(|shoppers| shoppers.of(wants));
        self.at_one_moment(|| {
            let unsorted = match known {
                Some(known) => known,
                None if wants.iter().any(|want| matches!(want, Want::Shopper(_))) => {
                    Unsorted::load(&self.connection, Runs::SERVED)?.found(wants)
                }
                None => Found::default(),
            };
            prefetch(&self.connection, Cell(0), wants, &unsorted)
        })
    }

    /// Runs several reads on one state of the database.
    pub fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read();
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        result
    }

    /// Campaigns, as they are stored.
    pub fn catalog(&self) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::default();
        for campaign in table::campaign::all(&self.connection)? {
            catalog.apply(koi_core::catalog::Entry::Campaign(campaign.into()));
        }
        Ok(catalog)
    }

    /// A campaign's stock and balances.
    pub fn totals(&self, campaign: CampaignNo) -> Result<Option<Totals>, StoreError> {
        let mut totals: Option<Totals> = None;
        for (cell, number) in table::slice::all(&self.connection)? {
            if number != campaign {
                continue;
            }
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

    /// The coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_coupon(&self, from: i64, until: i64, each: impl FnMut(Coupon)) -> Result<(), StoreError> {
        table::coupon::for_each_in(&self.connection, from, until, each)
    }

    /// What every quote takes off a coupon, one after the other.
    pub fn for_each_deduction(&self, each: impl FnMut(Deduction)) -> Result<(), StoreError> {
        table::quote::for_each_deduction(&self.connection, each)
    }

    /// All payments, one after the other, each with its quote and its refunds.
    pub fn for_each_purchase(
        &self,
        mut each: impl FnMut(Payment, Option<Quote>, Vec<Refund>),
    ) -> Result<(), StoreError> {
        table::payment::for_each(&self.connection, |payment| {
            let quote = table::quote::by_id(&self.connection, payment.id.quote())?;
            let refunds = match payment.refunds {
                0 => Vec::new(),
                _ => table::refund::of_payment(&self.connection, payment.id)?,
            };
            each(payment, quote, refunds);
            Ok(())
        })
    }

    /// The ledger's lines from a number on, until `each` has enough.
    pub fn for_each_transfer(
        &self,
        from: TransferId,
        each: impl FnMut(Transfer) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        table::transfer::for_each_from(&self.connection, from, each)
    }

    /// The answer kept for an order of the office.
    pub fn answered(&self, key: Key) -> Result<Option<Answered>, StoreError> {
        table::answered::get(&self.connection, key)
    }

    /// All keys of the API.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        table::api_key::all(&self.connection)
    }

    /// A number that changes whenever another connection commits.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// SQLite's own check of the file, and that of the table of shoppers; empty when all is well.
    pub fn file_check(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare("PRAGMA quick_check")?;
        let lines: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut lines: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
        lines.extend(shoppers::broken(&self.connection)?);
        Ok(lines)
    }

    /// The connection, for the backup.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}
