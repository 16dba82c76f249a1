//! A damaged database is named as such; nothing of it is taken for a balance.

use std::fs::File;
use std::os::unix::fs::FileExt;

use koi_core::coupon::Coupon;
use koi_core::quote::{self, Quote};
use koi_core::rows::{Cells, Slice};
use koi_store::sqlite::{Folder, Indexes, Reader};
use koi_store::{Store, StoreError, Want};

use crate::sample;
use crate::{Installation, transfers};

const PAGE: u64 = 4096;
/// How long the last connection may take to close.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// A folder at rest: everything is in the one file.
fn at_rest(coupons: u32) -> (tempfile::TempDir, Folder) {
    let installation = Installation::new();
    let Installation { mut writer, folder, _lock, _place } = installation;
    let mut rows = writer.begin(&[], None).unwrap().cells.treasury().cloned().unwrap();
    for ordinal in 0..coupons {
        rows.coupons.put(sample::coupon(ordinal).id, sample::coupon(ordinal));
        rows.transfers.push(sample::transfer(i64::from(ordinal)));
    }
    rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: coupons, ..sample::slice() });
    writer.commit(&Cells::new(vec![rows.clone()]), &koi_store::Notes::default()).unwrap();
    drop(writer);
    // The log is folded into the file when its last connection closes.
    let log = folder.path().join("koi.db-wal");
    let start = std::time::Instant::now();
    while log.exists() {
        assert!(start.elapsed() < PATIENCE, "the log stays");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (_place, folder)
}

fn overwrite(folder: &Folder, at: u64, bytes: &[u8]) {
    File::options().write(true).open(folder.database()).unwrap().write_all_at(bytes, at).unwrap();
}

/// Reads everything that there is.
fn read_all(reader: &Reader) -> Result<usize, StoreError> {
    let mut rows = 0;
    reader.for_each_coupon(0, i64::MAX, |_| rows += 1)?;
    reader.for_each_transfer(koi_core::id::TransferId::of_number(0).., |_| {
        rows += 1;
        std::ops::ControlFlow::Continue(())
    })?;
    reader.for_each_purchase(koi_core::id::QuoteId::FIRST, |_| {
        rows += 1;
        std::ops::ControlFlow::Continue(())
    })?;
    reader.slices()?;
    reader.catalog()?;
    Ok(rows)
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_place, folder) = at_rest(10);
    overwrite(&folder, 0, b"not SQLite at all");
    for refused in [folder.serve().map(|_| ()).unwrap_err(), folder.reader().map(|_| ()).unwrap_err()] {
        assert!(matches!(refused, StoreError::Unreadable(_)), "{refused}");
    }
}

#[test]
fn a_file_that_was_cut_short_is_found() {
    let (_place, folder) = at_rest(5000);
    let file = File::options().write(true).open(folder.database()).unwrap();
    let half = file.metadata().unwrap().len() / 2 / PAGE * PAGE;
    file.set_len(half).unwrap();
    let found = folder.reader().and_then(|reader| {
        let lines = reader.file_check()?;
        read_all(&reader).map(|rows| (lines, rows))
    });
    assert!(matches!(found, Err(StoreError::Unreadable(_))), "{found:?}");
}

#[test]
fn a_page_that_was_overwritten_is_found() {
    let (_place, folder) = at_rest(5000);
    let pages = folder.database().metadata().unwrap().len() / PAGE;
    assert!(pages > 100, "{pages}");
    let reader = folder.reader().unwrap();
    assert!(reader.file_check().unwrap().is_empty());
    let whole = read_all(&reader).unwrap();
    drop(reader);
    let intact = std::fs::read(folder.database()).unwrap();
    for page in (1..pages).step_by(usize::try_from(pages / 40).unwrap()) {
        overwrite(&folder, page * PAGE, &[0xA5; 4096]);
        let reader = folder.reader().unwrap();
        let lines = reader.file_check();
        assert!(lines.as_ref().map_or(true, |lines| !lines.is_empty()), "page {page} of {pages} was not missed");
        // Whoever reads without a check gets an error, or rows of other pages; never all of them as if all were well.
        match read_all(&reader) {
            Err(error) => assert!(
                matches!(error, StoreError::Unreadable(_) | StoreError::Damaged(_)),
                "page {page}: {error}"
            ),
            Ok(rows) => assert!(rows <= whole, "page {page}: {rows} rows of {whole}"),
        }
        drop(reader);
        overwrite(&folder, 0, &intact);
    }
    assert_eq!(read_all(&folder.reader().unwrap()).unwrap(), whole);
}

/// Flips one bit in many places. SQLite keeps no checksums, so a bit of an amount is not its business: the ledger
/// check finds those. But whatever SQLite meets must be an error or rows, never a panic, and what decides about
/// validity (the kinds of rows) is looked at by us.
#[test]
fn flipped_bits_are_errors_or_rows_but_never_a_panic() {
    let (_place, folder) = at_rest(300);
    let intact = std::fs::read(folder.database()).unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..400 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (random >> 16) % u64::try_from(intact.len()).unwrap();
        let place = usize::try_from(at).unwrap();
        overwrite(&folder, at, &[intact[place] ^ (1 << (random % 8))]);
        let found = folder.reader().and_then(|reader| {
            let lines = reader.file_check()?;
            read_all(&reader).map(|rows| (lines, rows))
        });
        drop(found);
        overwrite(&folder, at, &intact[place..=place]);
    }
    assert!(folder.reader().unwrap().file_check().unwrap().is_empty());
}

#[test]
fn values_that_cannot_be_are_named() {
    let check = |change: &str, read: &dyn Fn(&Installation) -> Result<(), StoreError>, what: &str| {
        let mut installation = Installation::new();
        installation.commit(|rows| {
            rows.coupons.put(sample::coupon(1).id, sample::coupon(1));
            rows.quotes.put(sample::quote(1).id, sample::quote(1));
            rows.transfers.push(sample::transfer(1));
            rows.slices.put(sample::CAMPAIGN, sample::slice());
            let entry = koi_core::catalog::Entry::Campaign(sample::campaign("summer", 1).into());
            rows.entries.push(entry);
        });
        read(&installation).unwrap();
        installation.sql().execute_batch(change).unwrap();
        let error = read(&installation).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)) && error.to_string().contains(what), "{change}: {error}");
    };
    let rows = |want| move |installation: &Installation| installation.reader().rows(&[want]).map(|_| ());
    let coupon = rows(Want::Coupon(sample::coupon(1).id));
    let quote = rows(Want::Quote(sample::quote(1).id));
    let campaigns = |installation: &Installation| installation.reader().catalog().map(|_| ());
    let ledger = |installation: &Installation| read_all(&installation.reader()).map(|_| ());
    check("UPDATE coupon SET phase = 9", &coupon, "a coupon's phase");
    check("UPDATE coupon SET phase = -1", &coupon, "");
    check("UPDATE coupon SET tier = 70000", &coupon, "");
    check("UPDATE coupon SET asked_call = x'00'", &coupon, "");
    check("UPDATE quote SET phase = 4", &quote, "a quote's phase");
    check("UPDATE quote SET currency = 'XYZ'", &quote, "");
    check("UPDATE quote SET no_deduction = 6", &quote, "a quote's reason");
    check("UPDATE transfer SET debit = 9", &ledger, "a transfer's account");
    check("UPDATE transfer SET reason = 13", &ledger, "a transfer's reason");
    check("UPDATE campaign SET state = 7", &campaigns, "a campaign's state");
    check("UPDATE campaign SET currency = 'XYZ'", &campaigns, "a campaign's currency");
    check("UPDATE campaign SET time_zone = 'Mars/Olympus'", &campaigns, "a campaign's time zone");
    check("UPDATE campaign SET id_countries = 'china'", &campaigns, "a country");
}

/// Some live coupons, and quotes of which some are open.
fn with_quotes() -> Installation {
    let mut installation = Installation::new();
    installation.commit(|rows| {
        for ordinal in 0..10 {
            let held = Coupon { remaining: i64::from(ordinal % 3), ..sample::coupon(ordinal) };
            rows.coupons.put(held.id, held);
        }
        for number in 1..20 {
            let phase = if number % 2 == 0 { quote::Phase::Open } else { quote::Phase::Paid };
            let coupon = (number % 3 > 0).then(|| sample::coupon(1).id);
            let expires_at = sample::at(number);
            let quote = Quote { phase, coupon, expires_at, asked: sample::asked(number), ..sample::quote(number) };
            rows.quotes.put(quote.id, quote);
        }
        rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: 10, ..sample::slice() });
    });
    installation
}

/// What the check of the ledger does: the indexes beside the rows that it reads.
fn broken_indexes(reader: &Reader) -> Vec<String> {
    let mut indexes = Indexes::default();
    reader.for_each_coupon(i64::MIN, i64::MAX, |coupon| indexes.coupon(&coupon)).unwrap();
    reader
        .for_each_purchase(koi_core::id::QuoteId::FIRST, |purchase| {
            purchase.quote.iter().for_each(|quote| indexes.quote(quote));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    reader.broken_indexes(&indexes).unwrap()
}

/// Builds an index as if it were another, and says that it is itself.
fn rebuild(sql: &rusqlite::Connection, index: &str, otherwise: &str) {
    let schema = |sql: &rusqlite::Connection, text: &str| {
        sql.execute_batch("PRAGMA writable_schema = ON").unwrap();
        sql.execute("UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1", [index, text]).unwrap();
        sql.execute_batch("PRAGMA writable_schema = RESET").unwrap();
    };
    let own: String =
        sql.query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [index], |row| row.get(0)).unwrap();
    schema(sql, otherwise);
    sql.execute_batch(&format!("REINDEX {index}")).unwrap();
    schema(sql, &own);
}

#[test]
fn an_index_that_is_not_its_table_is_named() {
    let check = |index: &str, otherwise: &str, counts: &str| {
        let installation = with_quotes();
        assert_eq!(installation.reader().file_check().unwrap(), Vec::<String>::new());
        assert_eq!(broken_indexes(&installation.reader()), Vec::<String>::new());
        rebuild(&installation.sql(), index, &format!("CREATE INDEX {index} ON {otherwise}"));
        let reader = installation.reader();
        let named = reader.file_check().unwrap();
        assert!(!named.is_empty() && named.iter().all(|line| line.contains(index)), "{otherwise}: {named:?}");
        let expected = format!("the index {index} does not hold what its table does: {counts}");
        assert_eq!(broken_indexes(&reader), [expected], "{otherwise}");
    };
    check("quote_holding", "quote (coupon) WHERE phase = 1 AND coupon IS NOT NULL", "7 entries for 6 rows");
    check("quote_holding", "quote (coupon - 1) WHERE phase = 0 AND coupon IS NOT NULL", "6 entries for 6 rows");
    check(
        "quote_due",
        "quote (expires_at, coupon) WHERE phase = 7 AND coupon IS NOT NULL",
        "0 entries for 6 rows",
    );
    let due = "coupon ((id >> 32), expires_at) WHERE phase = 7 AND remaining > 0";
    check("coupon_due", due, "0 entries for 6 rows");
    check(
        "coupon_due",
        "coupon ((id >> 31), expires_at) WHERE phase = 0 AND remaining > 0",
        "6 entries for 6 rows",
    );
    let due = "coupon ((id >> 32), expires_at + 1) WHERE phase = 0 AND remaining > 0";
    check("coupon_due", due, "6 entries for 6 rows");
}

/// However much is wrong: what is said of it can be read.
#[test]
fn a_check_names_a_bounded_number_of_lines() {
    let (_place, folder) = at_rest(1000);
    let sql = rusqlite::Connection::open(folder.database()).unwrap();
    rebuild(&sql, "coupon_due", "CREATE INDEX coupon_due ON coupon ((id >> 32), expires_at) WHERE phase = 7");
    let lines = folder.reader().unwrap().file_check().unwrap();
    assert!((90..=110).contains(&lines.len()), "{}", lines.len());
}

#[test]
fn an_intact_file_has_all_its_rows() {
    let (_place, folder) = at_rest(20);
    let reader = folder.reader().unwrap();
    assert_eq!(transfers(&reader).len(), 20);
    assert!(reader.file_check().unwrap().is_empty());
}
