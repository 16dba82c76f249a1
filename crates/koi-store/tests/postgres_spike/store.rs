//! The door to a store, with PostgreSQL behind it, as far as claims go.
//!
//! ```text
//! begin   one round trip, pipelined: BEGIN · lock the cell's row · one SELECT per table with arrays of keys
//! commit  one round trip, pipelined: one INSERT … SELECT FROM UNNEST(…) or UPDATE … FROM UNNEST(…) per table
//!         one round trip:            COMMIT, once every row count is what it must be
//! ```

use std::collections::HashSet;

use koi_core::catalog::Catalog;
use koi_core::coupon::{Coupon, Phase};
use koi_core::id::{AccountId, CampaignNo, Cell, CodeText, CouponId, PersonId, ShopperKey, TransferId};
use koi_core::idempotency::{Asked, Fingerprint, Key};
use koi_core::ledger::{Account, Buckets, Movement, Reason, Transfer};
use koi_core::rows::{Cells, Counters, Rows, Slice, Write};
use koi_core::time::Time;
use koi_store::{Begun, Due, Left, Notes, Store, StoreError, Want, Wanted};
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

/// The row that every batch of a cell needs, for its numbers, is also its lock: what is read after it stays true
/// until the commit, although each statement sees the newest committed state (READ COMMITTED).
const LOCK_CELL: &str = "SELECT next_quote, next_transfer FROM cell WHERE cell = $1 FOR UPDATE";
const SLICES: &str =
    "SELECT campaign, next_ordinal, balances, stock FROM slice WHERE cell = $1 AND campaign = ANY($2)";
const COUPONS: &str = "SELECT id, shopper, person, account, code, tier, face, split, remaining, reserved, spent, \
    lapsed, phase, collected_at, expires_at, pauses_seen, ended_at, revision, restocked, asked_key, asked_call \
    FROM coupon WHERE cell = $1 AND shopper = ANY($2) ORDER BY id";
const QUOTES_ASKED: &str = "SELECT id FROM quote WHERE cell = $1 AND asked_key = ANY($2)";

const INSERT_COUPONS: &str = "INSERT INTO coupon (cell, id, shopper, person, account, code, tier, face, split, \
    remaining, reserved, spent, lapsed, phase, collected_at, expires_at, pauses_seen, ended_at, revision, restocked, \
    asked_key, asked_call) \
    SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::integer[], \
    $8::bigint[], $9::boolean[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[], \
    $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::boolean[], $21::bigint[], \
    $22::bytea[])";
const UPDATE_COUPONS: &str = "UPDATE coupon SET remaining = new.remaining, reserved = new.reserved, spent = new.spent, \
    lapsed = new.lapsed, phase = new.phase, expires_at = new.expires_at, pauses_seen = new.pauses_seen, \
    ended_at = new.ended_at, restocked = new.restocked \
    FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[], $8::bigint[], \
    $9::bigint[], $10::bigint[], $11::boolean[]) \
    AS new (id, remaining, reserved, spent, lapsed, phase, expires_at, pauses_seen, ended_at, restocked) \
    WHERE coupon.cell = $1 AND coupon.id = new.id";
const INSERT_TRANSFERS: &str = "INSERT INTO transfer (cell, id, campaign, debit, credit, amount, reason, subject, part, \
    coupon, count, at) \
    SELECT $1, * FROM UNNEST($2::bigint[], $3::integer[], $4::smallint[], $5::smallint[], $6::bigint[], \
    $7::smallint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])";
/// Few per batch: one statement each.
const INSERT_SLICE: &str =
    "INSERT INTO slice (cell, campaign, next_ordinal, balances, stock) VALUES ($1, $2, $3, $4, $5)";
/// The ordinal never goes back: a slice that somebody else moved on is not overwritten.
const UPDATE_SLICE: &str = "UPDATE slice SET next_ordinal = $3, balances = $4, stock = $5 \
    WHERE cell = $1 AND campaign = $2 AND next_ordinal <= $3";
/// Only if the numbers are still those that were given out from.
const UPDATE_CELL: &str =
    "UPDATE cell SET next_quote = $2, next_transfer = $3 WHERE cell = $1 AND next_transfer = $4";
const TRANSFERS: &str = "SELECT id, campaign, debit, credit, amount, reason, subject, part, coupon, count, at \
    FROM transfer WHERE cell = $1 ORDER BY id";

/// A value that is bound.
type Param<'a> = &'a (dyn ToSql + Sync);

/// The writer of one cell.
pub(crate) struct Postgres {
    // Drives the connection too: the writer's thread waits here, nobody else.
    runtime: Runtime,
    client: Client,
    cell: Cell,
    statements: Statements,
    /// What the cell's row said at the beginning of the transaction.
    begun: Option<Counters>,
}

struct Statements {
    lock_cell: Statement,
    slices: Statement,
    coupons: Statement,
    quotes_asked: Statement,
    insert_coupons: Statement,
    update_coupons: Statement,
    insert_transfers: Statement,
    insert_slice: Statement,
    update_slice: Statement,
    update_cell: Statement,
}

impl Postgres {
    pub(crate) fn connect(config: &Config, cell: Cell) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, statements) = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            let statements = Statements {
                lock_cell: client.prepare(LOCK_CELL).await.unwrap(),
                slices: client.prepare(SLICES).await.unwrap(),
                coupons: client.prepare(COUPONS).await.unwrap(),
                quotes_asked: client.prepare(QUOTES_ASKED).await.unwrap(),
                insert_coupons: client.prepare(INSERT_COUPONS).await.unwrap(),
                update_coupons: client.prepare(UPDATE_COUPONS).await.unwrap(),
                insert_transfers: client.prepare(INSERT_TRANSFERS).await.unwrap(),
                insert_slice: client.prepare(INSERT_SLICE).await.unwrap(),
                update_slice: client.prepare(UPDATE_SLICE).await.unwrap(),
                update_cell: client.prepare(UPDATE_CELL).await.unwrap(),
            };
            (client, statements)
        });
        Self { runtime, client, cell, statements, begun: None }
    }

    /// Every line of the cell's ledger.
    pub(crate) fn transfers(&self) -> Vec<Transfer> {
        let rows = self.runtime.block_on(self.client.query(TRANSFERS, &[&self.place()])).unwrap();
        rows.iter().map(read_transfer).collect()
    }

    fn place(&self) -> i16 {
        i16::try_from(self.cell.0).unwrap()
    }

    async fn prefetch(&self, wants: &[Want]) -> Result<Rows, tokio_postgres::Error> {
        let (mut shoppers, mut keys, mut campaigns) = (HashSet::new(), HashSet::new(), HashSet::new());
        for want in wants {
            match *want {
                Want::Shopper(shopper) => drop(shoppers.insert(shopper.0)),
                Want::QuoteAsked(key) => drop(keys.insert(key.0)),
                Want::Slice(campaign) => drop(campaigns.insert(i32::try_from(campaign.0).unwrap())),
                Want::Quote(_) | Want::Payment(..) | Want::Coupon(_) => unreachable!("the spike only claims"),
            }
        }
        let (cell, statements) = (self.place(), &self.statements);
        let shoppers: Vec<i64> = shoppers.into_iter().collect();
        let keys: Vec<i64> = keys.into_iter().collect();
        let campaigns: Vec<i32> = campaigns.into_iter().collect();
        let own: [Param; 1] = [&cell];
        let of_campaigns: [Param; 2] = [&cell, &campaigns];
        let of_shoppers: [Param; 2] = [&cell, &shoppers];
        let of_keys: [Param; 2] = [&cell, &keys];
        // Sent together: the server runs them one after the other, each with a snapshot taken after the lock.
        let (begun, counters, slices, coupons, quotes) = tokio::join!(
            self.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
            self.client.query_one(&statements.lock_cell, &own),
            self.client.query(&statements.slices, &of_campaigns),
            self.client.query(&statements.coupons, &of_shoppers),
            self.client.query(&statements.quotes_asked, &of_keys),
        );
        begun?;
        let counters = counters?;
        let mut rows = Rows::new(self.cell, Counters { quote: counters.get(0), transfer: counters.get(1) });
        for row in slices? {
            let campaign = CampaignNo(row.get::<_, i32>(0).try_into().unwrap());
            rows.slices.load(campaign, read_slice(&row));
        }
        rows.shoppers = shoppers.into_iter().map(|shopper| (ShopperKey(shopper), Vec::new())).collect();
        for row in coupons? {
            let coupon = read_coupon(&row);
            rows.shoppers.entry(coupon.shopper).or_default().push(coupon.id);
            rows.load_coupon(coupon);
        }
        assert!(quotes?.is_empty(), "the spike has no quotes");
        Ok(rows)
    }

    /// Writes each table with one statement; answers whether every row count is what it must be.
    async fn write(&self, rows: &Rows, begun: Counters) -> Result<bool, tokio_postgres::Error> {
        let cell = self.place();
        let of = |wanted: Write| {
            let changed = rows.coupons.changed().filter(move |(_, _, write)| *write == wanted);
            changed.map(|(_, coupon, _)| coupon).collect::<Vec<_>>()
        };
        let (new, updated) = (CouponColumns::of(&of(Write::Insert)), CouponColumns::of(&of(Write::Update)));
        let transfers = TransferColumns::of(&rows.transfers);
        let slices: Vec<SliceColumns> =
            rows.slices.changed().map(|(number, slice, write)| SliceColumns::of(number, slice, write)).collect();
        let statements = &self.statements;

        let inserted = write_some(&self.client, new.len(), &statements.insert_coupons, new.insert(&cell));
        let changed = write_some(&self.client, updated.len(), &statements.update_coupons, updated.update(&cell));
        let booked =
            write_some(&self.client, transfers.len(), &statements.insert_transfers, transfers.insert(&cell));
        let put = async {
            let mut count = 0;
            for slice in &slices {
                let statement = if slice.is_new { &statements.insert_slice } else { &statements.update_slice };
                count += self.client.execute(statement, &slice.params(&cell)).await?;
            }
            Ok::<u64, tokio_postgres::Error>(count)
        };
        let counters = rows.counters;
        let moved: [Param; 4] = [&cell, &counters.quote, &counters.transfer, &begun.transfer];
        let numbered = self.client.execute(&statements.update_cell, &moved);
        let (inserted, changed, booked, put, numbered) = tokio::join!(inserted, changed, booked, put, numbered);
        let expected = [new.len(), updated.len(), transfers.len(), slices.len(), 1];
        Ok([inserted?, changed?, booked?, put?, numbered?] == expected.map(|count| count as u64))
    }
}

impl Store for Postgres {
    fn cells(&self) -> u16 {
        1
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn span(&self) -> usize {
        1
    }

    fn load_catalog(&mut self) -> Result<Catalog, StoreError> {
        Ok(Catalog::default())
    }

    fn begin(&mut self, wanted: &[Wanted], _asked: Option<Key>) -> Result<Begun, StoreError> {
        let wants: Vec<Want> = wanted.iter().flat_map(|(_, wants)| wants.clone()).collect();
        let rows = self.runtime.block_on(self.prefetch(&wants)).map_err(refused)?;
        self.begun = Some(rows.counters);
        Ok(Begun { cells: Cells::new(vec![rows]), revision: 1, clock: None, answered: None })
    }

    fn commit(&mut self, cells: &Cells, _notes: &Notes) -> Result<(), StoreError> {
        let rows = cells.treasury().map_err(StoreError::from)?;
        let begun = self.begun.take().ok_or_else(|| StoreError::Refused("nothing was begun".into()))?;
        match self.runtime.block_on(self.write(rows, begun)) {
            Ok(true) => self.runtime.block_on(self.client.batch_execute("COMMIT")).map_err(refused),
            Ok(false) => {
                self.rollback();
                Err(StoreError::Refused("somebody else changed a row that was locked".into()))
            }
            Err(error) => {
                self.rollback();
                Err(refused(error))
            }
        }
    }

    fn rollback(&mut self) {
        self.begun = None;
        let _ = self.runtime.block_on(self.client.batch_execute("ROLLBACK"));
    }

    fn due(
        &mut self,
        _cells: &[Cell],
        _now: Time,
        _judged: &[(CampaignNo, Time)],
        _limit: usize,
    ) -> Result<Due, StoreError> {
        Ok(Due::default())
    }

    fn left(&mut self, _campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        Ok(Vec::new())
    }
}

#[allow(clippy::needless_pass_by_value)]
fn refused(error: tokio_postgres::Error) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// Runs a statement that writes so many rows; nothing is sent for none.
async fn write_some(
    client: &Client,
    rows: usize,
    statement: &Statement,
    params: Vec<Param<'_>>,
) -> Result<u64, tokio_postgres::Error> {
    if rows == 0 { Ok(0) } else { client.execute(statement, &params).await }
}

fn read_slice(row: &Row) -> Slice {
    let balances: Vec<i64> = row.get(2);
    let stock: Vec<i64> = row.get(3);
    Slice {
        next_ordinal: row.get::<_, i64>(1).try_into().unwrap(),
        left: stock.into_iter().map(|left| left.try_into().unwrap()).collect(),
        buckets: Buckets::stored(balances.try_into().unwrap()),
    }
}

fn read_coupon(row: &Row) -> Coupon {
    let number = |place: usize| row.get::<_, i64>(place);
    let call: Vec<u8> = row.get(20);
    Coupon {
        id: CouponId::of_number(number(0)),
        shopper: ShopperKey(number(1)),
        person: PersonId::stored(row.get(2)),
        account: AccountId::stored(row.get(3)),
        code: CodeText::stored(row.get(4)),
        tier: row.get::<_, i32>(5).try_into().unwrap(),
        face: number(6),
        split: row.get(7),
        remaining: number(8),
        reserved: number(9),
        spent: number(10),
        lapsed: number(11),
        phase: [Phase::Held, Phase::Used, Phase::Expired, Phase::Void][row.get::<_, i16>(12) as usize],
        collected_at: Time::of_ms(number(13)),
        expires_at: Time::of_ms(number(14)),
        pauses_seen: number(15).try_into().unwrap(),
        ended_at: row.get::<_, Option<i64>>(16).map(Time::of_ms),
        revision: number(17).try_into().unwrap(),
        restocked: row.get(18),
        asked: Asked { key: Key(number(19)), fingerprint: Fingerprint(call.try_into().unwrap()) },
        voided: None,
    }
}

fn read_transfer(row: &Row) -> Transfer {
    let account = |place: usize| Account::of_number(row.get::<_, i16>(place).try_into().unwrap()).unwrap();
    Transfer {
        id: TransferId::of_number(row.get(0)),
        campaign: CampaignNo(row.get::<_, i32>(1).try_into().unwrap()),
        movement: Movement {
            debit: account(2),
            credit: account(3),
            amount: row.get(4),
            reason: Reason::of_number(row.get::<_, i16>(5).try_into().unwrap()).unwrap(),
            subject: row.get(6),
            part: row.get::<_, i64>(7).try_into().unwrap(),
            coupon: row.get::<_, Option<i64>>(8).map(CouponId::of_number),
        },
        count: row.get::<_, i64>(9).try_into().unwrap(),
        at: Time::of_ms(row.get(10)),
    }
}

/// Coupons as arrays, column by column.
#[derive(Default)]
struct CouponColumns<'a> {
    id: Vec<i64>,
    shopper: Vec<i64>,
    person: Vec<&'a str>,
    account: Vec<&'a str>,
    code: Vec<&'a str>,
    tier: Vec<i32>,
    face: Vec<i64>,
    split: Vec<bool>,
    remaining: Vec<i64>,
    reserved: Vec<i64>,
    spent: Vec<i64>,
    lapsed: Vec<i64>,
    phase: Vec<i16>,
    collected_at: Vec<i64>,
    expires_at: Vec<i64>,
    pauses_seen: Vec<i64>,
    ended_at: Vec<Option<i64>>,
    revision: Vec<i64>,
    restocked: Vec<bool>,
    asked_key: Vec<i64>,
    asked_call: Vec<&'a [u8]>,
}

impl<'a> CouponColumns<'a> {
    fn of(coupons: &[&'a Coupon]) -> Self {
        let mut columns = Self::default();
        for coupon in coupons {
            columns.id.push(coupon.id.number());
            columns.shopper.push(coupon.shopper.0);
            columns.person.push(coupon.person.as_str());
            columns.account.push(coupon.account.as_str());
            columns.code.push(coupon.code.as_str());
            columns.tier.push(coupon.tier.into());
            columns.face.push(coupon.face);
            columns.split.push(coupon.split);
            columns.remaining.push(coupon.remaining);
            columns.reserved.push(coupon.reserved);
            columns.spent.push(coupon.spent);
            columns.lapsed.push(coupon.lapsed);
            columns.phase.push(match coupon.phase {
                Phase::Held => 0,
                Phase::Used => 1,
                Phase::Expired => 2,
                Phase::Void => 3,
            });
            columns.collected_at.push(coupon.collected_at.ms());
            columns.expires_at.push(coupon.expires_at.ms());
            columns.pauses_seen.push(coupon.pauses_seen.into());
            columns.ended_at.push(coupon.ended_at.map(Time::ms));
            columns.revision.push(coupon.revision.into());
            columns.restocked.push(coupon.restocked);
            columns.asked_key.push(coupon.asked.key.0);
            columns.asked_call.push(&coupon.asked.fingerprint.0);
        }
        columns
    }

    fn len(&self) -> usize {
        self.id.len()
    }

    fn insert<'b>(&'b self, cell: &'b i16) -> Vec<Param<'b>> {
        vec![
            cell,
            &self.id,
            &self.shopper,
            &self.person,
            &self.account,
            &self.code,
            &self.tier,
            &self.face,
            &self.split,
            &self.remaining,
            &self.reserved,
            &self.spent,
            &self.lapsed,
            &self.phase,
            &self.collected_at,
            &self.expires_at,
            &self.pauses_seen,
            &self.ended_at,
            &self.revision,
            &self.restocked,
            &self.asked_key,
            &self.asked_call,
        ]
    }

    fn update<'b>(&'b self, cell: &'b i16) -> Vec<Param<'b>> {
        vec![
            cell,
            &self.id,
            &self.remaining,
            &self.reserved,
            &self.spent,
            &self.lapsed,
            &self.phase,
            &self.expires_at,
            &self.pauses_seen,
            &self.ended_at,
            &self.restocked,
        ]
    }
}

/// Lines of the ledger as arrays, column by column.
#[derive(Default)]
struct TransferColumns {
    id: Vec<i64>,
    campaign: Vec<i32>,
    debit: Vec<i16>,
    credit: Vec<i16>,
    amount: Vec<i64>,
    reason: Vec<i16>,
    subject: Vec<i64>,
    part: Vec<i64>,
    coupon: Vec<Option<i64>>,
    count: Vec<i64>,
    at: Vec<i64>,
}

impl TransferColumns {
    fn of(transfers: &[Transfer]) -> Self {
        let mut columns = Self::default();
        for transfer in transfers {
            let movement = &transfer.movement;
            columns.id.push(transfer.id.number());
            columns.campaign.push(transfer.campaign.0.try_into().unwrap());
            columns.debit.push(movement.debit.number().into());
            columns.credit.push(movement.credit.number().into());
            columns.amount.push(movement.amount);
            columns.reason.push(movement.reason.number().into());
            columns.subject.push(movement.subject);
            columns.part.push(movement.part.into());
            columns.coupon.push(movement.coupon.map(CouponId::number));
            columns.count.push(transfer.count.into());
            columns.at.push(transfer.at.ms());
        }
        columns
    }

    fn len(&self) -> usize {
        self.id.len()
    }

    fn insert<'b>(&'b self, cell: &'b i16) -> Vec<Param<'b>> {
        vec![
            cell,
            &self.id,
            &self.campaign,
            &self.debit,
            &self.credit,
            &self.amount,
            &self.reason,
            &self.subject,
            &self.part,
            &self.coupon,
            &self.count,
            &self.at,
        ]
    }
}

/// A slice as the values of its row.
struct SliceColumns {
    is_new: bool,
    campaign: i32,
    next_ordinal: i64,
    balances: Vec<i64>,
    stock: Vec<i64>,
}

impl SliceColumns {
    fn of(campaign: CampaignNo, slice: &Slice, write: Write) -> Self {
        Self {
            is_new: write == Write::Insert,
            campaign: campaign.0.try_into().unwrap(),
            next_ordinal: slice.next_ordinal.into(),
            balances: slice.buckets.balances().to_vec(),
            stock: slice.left.iter().map(|left| i64::try_from(*left).unwrap()).collect(),
        }
    }

    fn params<'b>(&'b self, cell: &'b i16) -> [Param<'b>; 5] {
        [cell, &self.campaign, &self.next_ordinal, &self.balances, &self.stock]
    }
}
