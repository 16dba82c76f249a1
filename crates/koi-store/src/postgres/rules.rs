//! The rules that keep PostgreSQL, Citus and what is made like them open, proven of every statement of the hot path.
//! (That the list is complete is seen by a batch of everything; that no plan reads a whole table, by the server.)

use super::form::{Form, Sql};
use super::server::Server;
use super::table::{cell, coupon, meta, payment, quote, refund, slice, transfer};
use crate::postgres::Database;
use crate::sample;
use crate::{Store, Want};
use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, PaymentId, QuoteId};
use koi_core::quote::{Phase, Quote};

/// The tables that carry the load.
const HOT: [&str; 7] = ["cell", "slice", "coupon", "quote", "payment", "refund", "transfer"];

/// What no statement of the hot path may say, and why.
const FORBIDDEN: [(&str, &str); 12] = [
    ("advisory", "no advisory locks: poolers and Citus do not keep them"),
    ("listen", "no notifications"),
    ("notify", "no notifications"),
    ("nextval", "no sequences: numbers are made where they are decided on"),
    ("currval", "no sequences"),
    ("now(", "time is an argument"),
    ("current_timestamp", "time is an argument"),
    ("clock_timestamp", "time is an argument"),
    ("random(", "luck is an argument"),
    ("gen_random", "luck is an argument"),
    ("skip locked", "a cell that is taken is waited for"),
    ("select *", "columns are named: a migration may add some"),
];

/// What is compared without an index, because there is little of it: a cell's own row, a payment's refunds,
/// the row that is replaced.
const FEW: [&str; 3] = ["next_quote", "asked_key = ANY", "Conflict Filter"];

/// Every statement on the tables that carry the load which batches and due work run.
fn hot() -> Vec<&'static Sql> {
    vec![
        &cell::LOCK,
        &cell::MOVE,
        &slice::BY_CAMPAIGN,
        &slice::INSERT,
        &slice::UPDATE,
        &coupon::BY_ID,
        &coupon::BY_SHOPPER,
        &coupon::INSERT,
        &coupon::UPDATE,
        &coupon::NEXT_DUE,
        &coupon::DUE,
        &quote::BY_ID,
        &quote::BY_KEY,
        &quote::HOLDING,
        &quote::INSERT,
        &quote::UPDATE,
        &quote::NEXT_DUE,
        &quote::DUE,
        &payment::BY_ID,
        &payment::INSERT,
        &payment::UPDATE,
        &refund::BY_KEY,
        &refund::INSERT,
        &transfer::INSERT,
    ]
}

/// What a statement breaks of the rules for one that is pinned to a cell.
fn broken(sql: &str) -> Vec<String> {
    let lower = sql.to_lowercase();
    let mut broken: Vec<String> =
        FORBIDDEN.iter().filter(|(word, _)| lower.contains(word)).map(|(_, why)| (*why).to_owned()).collect();
    let words: Vec<&str> = sql.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let tables: Vec<&str> = words
        .windows(2)
        .filter(|pair| ["FROM", "JOIN", "INTO", "UPDATE"].contains(&pair[0]) && HOT.contains(&pair[1]))
        .map(|pair| pair[1])
        .collect();
    if tables.len() != 1 {
        broken.push(format!("it is on {tables:?}, not on one table"));
    }
    let is_pinned = match sql.split_whitespace().next() {
        Some("INSERT") => {
            let into = format!("INTO {} AS stored (cell, ", tables.first().unwrap_or(&""));
            sql.contains(&into) && sql.contains(") SELECT $1::smallint, ")
        }
        _ => sql.contains(" WHERE stored.cell = $1") && sql.matches("stored.cell =").count() == 1,
    };
    if !is_pinned {
        broken.push("it is not restricted to one cell".to_owned());
    }
    if sql.contains(" OR ") {
        broken.push("an OR may lead out of the cell".to_owned());
    }
    broken
}

/// Whether a statement over several cells finds or writes each row by a cell that it was given: the first of its values.
fn is_of_its_cells(sql: &str) -> bool {
    let from_values = ["of (cell)", "wanted (cell, ", "part (cell, ", "new (cell, "];
    let is_given = |name: &str| from_values.iter().any(|list| list.starts_with(name) && sql.contains(list));
    let has_cells = sql.contains("($1::smallint[]");
    let restricted: Vec<&str> = sql.split("stored.cell = ").skip(1).collect();
    let of_values = |rest: &&str| {
        let word = rest.split([' ', ')']).next().unwrap_or_default();
        word.strip_suffix(".cell").is_some_and(is_given) || rest.starts_with("ANY($1::smallint[])")
    };
    let is_restricted = restricted.len() == 1 && restricted.iter().all(of_values);
    let is_written = sql.starts_with("INSERT INTO ") && sql.contains(" AS stored (cell, ");
    has_cells && (is_restricted || is_written && sql.contains(" SELECT new.cell, ") && is_given("new"))
}

#[test]
fn every_statement_of_the_hot_path_stays_in_its_cells() {
    for sql in hot() {
        let (pinned, many) = (sql.form(Form::Pinned), sql.form(Form::Many));
        assert_eq!(broken(pinned), [""; 0], "{pinned}");
        assert!(is_of_its_cells(many), "{many}");
        assert!(!is_of_its_cells(pinned), "{pinned}");
    }
}

#[test]
fn what_breaks_a_rule_is_noticed() {
    for (sql, part) in [
        ("SELECT stored.id FROM coupon AS stored WHERE stored.id = $1", "one cell"),
        ("SELECT stored.id FROM coupon AS stored WHERE stored.cell = $1 OR stored.id = $2", "OR"),
        ("SELECT stored.cell FROM cell AS stored ORDER BY stored.cell FOR UPDATE", "one cell"),
        ("SELECT pg_advisory_lock(1) FROM cell AS stored WHERE stored.cell = $1", "advisory"),
        ("SELECT now() FROM cell AS stored WHERE stored.cell = $1", "time"),
        ("SELECT stored.id FROM quote AS stored JOIN payment AS p ON true WHERE stored.cell = $1", "not on one"),
        (
            "INSERT INTO coupon (cell, id) SELECT new.cell, new.id FROM unnest($1, $2) AS new (cell, id)",
            "one cell",
        ),
        ("INSERT INTO transfer (cell, id) SELECT $1::smallint, nextval('numbers')", "sequences"),
        ("UPDATE cell AS stored SET next_quote = 1", "one cell"),
    ] {
        let broken = broken(sql);
        assert!(broken.iter().any(|why| why.contains(part)), "{sql}: {broken:?}");
    }
}

/// What is run besides statements of the hot path: a transaction's frame, its look at the catalog's revision, and that at
/// the schema when a connection is opened.
fn is_other(sql: &str) -> bool {
    let frame = ["BEGIN", "COMMIT", "SET LOCAL statement_timeout"];
    frame.iter().any(|start| sql.starts_with(start)) || sql == meta::read().sql || sql.contains("koi_schema")
}

#[test]
fn what_leads_out_of_the_cells_is_noticed() {
    for sql in [
        "SELECT stored.id FROM coupon AS stored WHERE stored.id = ANY($1::bigint[])",
        "SELECT stored.id FROM coupon AS stored WHERE stored.cell = ANY($2::smallint[]) AND stored.id = $1",
        "SELECT stored.id FROM unnest($1::smallint[]) AS of (cell) JOIN coupon AS stored ON stored.id > of.cell",
        "SELECT stored.id FROM unnest($1::smallint[]) AS of (cell) JOIN coupon AS stored ON stored.cell = other.cell",
        "INSERT INTO coupon AS stored (cell, id) SELECT 7, new.id FROM unnest($1::smallint[]) AS new (cell, id)",
        "UPDATE cell AS stored SET next_quote = new.next FROM unnest($1::smallint[]) AS new (cell, next)",
    ] {
        assert!(!is_of_its_cells(sql), "{sql}");
    }
}

/// Runs a batch of everything, and due work; answers what was prepared for it.
fn run_everything(database: &Database) -> Vec<&'static str> {
    let mut writer = database.writer().unwrap();
    let held = Coupon { remaining: 0, reserved: 8800, ..sample::coupon(1) };
    let (open, paid) = (sample::quote(1), Quote { phase: Phase::Paid, ..sample::quote(2) });
    let payment = sample::payment(&paid);
    let refund = sample::refund(&payment, 1);
    let wants = vec![
        Want::Slice(sample::CAMPAIGN),
        Want::Shopper(held.shopper),
        Want::QuoteAsked(open.asked.key),
        Want::Quote(paid.id),
        Want::Payment(payment.id, refund.asked.key),
        Want::Coupon(held.id),
        Want::Coupon(sample::coupon(9).id),
    ];
    // Once all of it is inserted, once it is updated; and once something is due.
    for line in 1..=2 {
        let mut begun = writer.begin(&[(sample::CELL, wants.clone())], None).unwrap();
        let rows = begun.cells.get_mut(sample::CELL).unwrap();
        rows.slices.put(sample::CAMPAIGN, sample::slice());
        rows.coupons.put(held.id, held.clone());
        rows.coupons.put(sample::coupon(9).id, sample::coupon(9));
        rows.quotes.put(open.id, open.clone());
        rows.quotes.put(paid.id, paid.clone());
        rows.payments.put(payment.id, payment.clone());
        if line == 1 {
            rows.refunds.put(refund.id, refund.clone());
        }
        rows.counters.transfer += 1;
        rows.transfers.push(sample::transfer(line));
        writer.commit(&begun.cells, &crate::Notes::default()).unwrap();
    }
    let now = sample::at(i64::MAX);
    let due = writer.due(&[sample::CELL], now, &[(sample::CAMPAIGN, now)], 10).unwrap();
    assert_eq!(due.coupons, [held.id, sample::coupon(9).id]);
    writer.prepared()
}

#[test]
fn every_statement_of_the_hot_path_is_in_the_list_and_uses_an_index() {
    let server = Server::shared();
    let name = server.fresh();
    let database: Database = server.url(&name).parse().unwrap();
    drop(database.serve(Some(4)).unwrap());
    let known: Vec<&str> = hot().into_iter().map(|sql| sql.form(Form::Pinned)).collect();
    let mut seen = 0;
    for sql in run_everything(&database) {
        if is_other(sql) {
            continue;
        }
        assert!(known.contains(&sql), "{sql}");
        seen += 1;
    }
    assert_eq!(seen, known.len(), "a batch of everything runs all of them");

    let sql = server.sql(&name);
    sql.run("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan");
    for form in [Form::Pinned, Form::Many] {
        for statement in hot() {
            let text = statement.form(form);
            let params = (1..30).take_while(|place| text.contains(&format!("${place}"))).count();
            let nulls = vec!["NULL"; params].join(", ");
            sql.run(&format!("PREPARE p AS {text}"));
            let plan: Vec<String> =
                sql.run(&format!("EXPLAIN EXECUTE p ({nulls})")).into_iter().flatten().collect();
            let plan = plan.join("\n");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Hash Join"), "{text}\n{plan}");
            // The number of cells is small; nothing else is sorted.
            assert!(!plan.contains("Sort") || text.contains("FOR UPDATE"), "{text}\n{plan}");
            // What is read is found by its key: little is read to be thrown away.
            let thrown_away = plan.lines().filter(|line| line.contains("Filter: "));
            let thrown_away: Vec<&str> =
                thrown_away.filter(|line| !FEW.iter().any(|few| line.contains(few))).collect();
            assert!(thrown_away.is_empty(), "{text}\n{plan}");
            sql.run("DEALLOCATE p");
        }
    }
}

#[test]
fn where_citus_is_every_statement_is_pinned() {
    let server = Server::shared();
    let name = server.fresh();
    server.sql(&name).pretend_citus();
    let database: Database = server.url(&name).parse().unwrap();
    let (mut writer, _) = database.serve(Some(4)).unwrap();
    let cells = [Cell(0), Cell(1), Cell(3)];
    let wants = |cell| {
        let quote = QuoteId::new(cell, 1);
        let coupon = CouponId::new(cell, sample::CAMPAIGN, 1);
        let payment = Want::Payment(PaymentId::of(quote), sample::asked(1).key);
        vec![Want::Slice(sample::CAMPAIGN), Want::Coupon(coupon), Want::Quote(quote), payment]
    };
    for _ in 0..2 {
        let mut begun = writer.begin(&cells.map(|cell| (cell, wants(cell))), None).unwrap();
        for rows in begun.cells.iter_mut() {
            rows.slices.put(sample::CAMPAIGN, sample::slice());
            rows.counters.transfer += 1;
        }
        writer.commit(&begun.cells, &crate::Notes::default()).unwrap();
    }
    writer.due(&cells, sample::at(1), &[(sample::CAMPAIGN, sample::at(1))], 10).unwrap();
    let pinned: Vec<&str> = hot().into_iter().map(|sql| sql.form(Form::Pinned)).collect();
    let run: Vec<&str> = writer.prepared().into_iter().filter(|sql| !is_other(sql)).collect();
    assert!(run.len() > 8 && run.iter().all(|sql| pinned.contains(sql)), "{run:#?}");
}
