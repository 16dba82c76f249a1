//! No statement of the hot path reads more rows than it answers.
//!
//! The statements are not listed here, where one could be forgotten: a traced connection tells which ones a
//! batch of everything runs, and SQLite tells how it runs each.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use koi_core::coupon::Coupon;
use koi_core::id::Cell;
use koi_core::quote::{Phase, Quote};
use koi_core::rows::Cells;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, OpenFlags};

use super::folder::Folder;
use super::writer::Writer;
use crate::sample;
use crate::{Notes, Store, Want};

static RUN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(_, sql) = event {
        RUN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
    }
}

/// Every statement that batches and due work run.
fn statements_of_the_hot_path(folder: &Folder) -> BTreeSet<String> {
    drop(folder.serve().unwrap());
    let mut connection = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    let mut writer = Writer::new(connection, folder.clone(), None);
    // Once, when a server starts.
    writer.refresh().unwrap();
    RUN.lock().unwrap().clear();

    let held = Coupon { remaining: 0, reserved: 8800, ..sample::coupon(1) };
    let (open, paid) = (sample::quote(1), Quote { phase: Phase::Paid, ..sample::quote(2) });
    let payment = sample::payment(&paid);
    let refund = sample::refund(&payment, 1);
    let wants = [
        Want::Slice(sample::CAMPAIGN),
        Want::Shopper(held.shopper),
        Want::QuoteAsked(open.asked.key),
        Want::Quote(paid.id),
        Want::Payment(payment.id, refund.asked.key),
        Want::Coupon(held.id),
    ];
    // Once all of it is inserted, and once it is updated.
    for line in 1..=2 {
        let mut rows =
            writer.begin(&[(Cell(0), wants.to_vec())], None).unwrap().cells.treasury().cloned().unwrap();
        rows.slices.put(sample::CAMPAIGN, sample::slice());
        rows.coupons.put(held.id, held.clone());
        rows.quotes.put(open.id, open.clone());
        rows.quotes.put(paid.id, paid.clone());
        rows.payments.put(payment.id, payment.clone());
        if line == 1 {
            rows.refunds.put(refund.id, refund.clone());
        }
        rows.transfers.push(sample::transfer(line));
        writer.commit(&Cells::new(vec![rows.clone()]), &Notes::default()).unwrap();
    }
    let now = sample::at(i64::MAX);
    assert_eq!(writer.due(&[Cell(0)], now, &[(sample::CAMPAIGN, now)], 10).unwrap().coupons, [held.id]);
    std::mem::take(&mut RUN.lock().unwrap())
}

/// How SQLite runs a statement, step by step.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // Values that are not bound are NULL, which changes no plan.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

/// Whether a step reads rows that may not be wanted, or sorts. The first entry of an index is neither.
fn is_slow(sql: &str, step: &str) -> bool {
    let first_of_index = step.contains(" INDEX ") && sql.ends_with("LIMIT 1");
    step.contains("TEMP B-TREE") || (step.starts_with("SCAN") && !first_of_index)
}

#[test]
fn every_statement_of_the_hot_path_uses_a_key_or_an_index() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    let statements = statements_of_the_hot_path(&folder);
    let connection = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut reads = 0;
    for sql in
        statements.iter().filter(|sql| ["SELECT", "INSERT", "UPDATE"].iter().any(|verb| sql.starts_with(verb)))
    {
        let plan = plan(&connection, sql);
        assert!(!plan.iter().any(|step| is_slow(sql, step)), "{sql}\n{plan:#?}");
        reads += usize::from(!plan.is_empty());
    }
    // Tables: cell, slice, stock, coupon (3), quote (5), payment, refund; updates of coupon, quote, payment.
    assert!(reads >= 14, "only {reads} plans were seen of {statements:#?}");
}

/// What is due is read from the index alone, in its order: quotes of a coupon that was named are passed over.
#[test]
fn due_quotes_are_read_from_their_index_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    let statements = statements_of_the_hot_path(&folder);
    let due: Vec<&String> = statements.iter().filter(|sql| sql.starts_with("SELECT coupon FROM quote")).collect();
    assert_eq!(due.len(), 1, "{due:?}");
    let connection = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(plan(&connection, due[0]), ["SEARCH quote USING COVERING INDEX quote_due (expires_at<?)"]);
}

#[test]
fn a_scan_and_a_sort_would_be_noticed() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    drop(folder.serve().unwrap());
    let connection = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    for (sql, slow) in [
        ("SELECT id FROM coupon WHERE face = 1", true),
        ("SELECT id FROM coupon WHERE shopper = 1 ORDER BY face", true),
        ("SELECT coupon FROM coupon_of_shopper WHERE shopper = 1 ORDER BY coupon", false),
    ] {
        assert_eq!(plan(&connection, sql).iter().any(|step| is_slow(sql, step)), slow, "{sql}");
    }
}
