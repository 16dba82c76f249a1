//! Spreading the tables over the machines of Citus: those that carry the load by their cell, side by side; the others
//! copied to every machine.
//!
//! Each statement is a transaction of its own, and what is done already is left out: a run that was interrupted is
//! repeated. Citus moves the rows that are there, and leaves a hidden copy of them behind, which is removed: also by a
//! repeat, where a run ended in between.

use super::address::Database;
use super::link::{Link, Role};
use super::session::Request;
use super::table::Fields;
use crate::error::StoreError;

/// Tables that every machine has a copy of. The marker is one of them: a server may ask any machine.
const REFERENCE: [&str; 14] = [
    "koi_schema",
    "meta",
    "campaign",
    "tier",
    "pause",
    "merchant",
    "store",
    "code",
    "rate",
    "statement",
    "sequenced",
    "answered",
    "log",
    "api_key",
];
/// Tables whose rows are where their cell is; the first one tells the others where.
const BY_CELL: [&str; 7] = ["cell", "slice", "coupon", "quote", "payment", "refund", "transfer"];

const LOOK: &str = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus'), \
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus')";
/// The tables that are distributed, and whether rows are left in them. Citus answers a SELECT from the machines that have
/// the rows now; the size is that of the file in which they were, which is empty once they are removed.
const DONE: &str =
    "SELECT logicalrelid::regclass::text, coalesce(pg_relation_size(logicalrelid), 0) > 0 FROM pg_dist_partition";
/// It takes as long as the rows need.
const PATIENT: &str = "SET statement_timeout = 0; SET lock_timeout = 0";

/// A table that is distributed already.
struct Done {
    table: String,
    /// Whether the rows that it had before are still hidden in it.
    hides_rows: bool,
}

/// What is left to be run where some tables are distributed already.
fn statements(done: &[Done]) -> Vec<String> {
    let reference = REFERENCE.map(|table| (table, format!("SELECT create_reference_table('{table}')")));
    let by_cell = BY_CELL.map(|table| {
        // The first one is beside no table of anybody else.
        let beside = if table == BY_CELL[0] { "none" } else { BY_CELL[0] };
        (table, format!("SELECT create_distributed_table('{table}', 'cell', colocate_with => '{beside}')"))
    });
    let left = |(table, create): (&str, String)| {
        let tidy = format!("SELECT truncate_local_data_after_distributing_table('{table}')");
        match done.iter().find(|done| done.table == table) {
            None => vec![create, tidy],
            Some(Done { hides_rows: true, .. }) => vec![tidy],
            Some(_) => Vec::new(),
        }
    };
    reference.into_iter().chain(by_cell).flat_map(left).collect()
}

impl Database {
    /// The statements that spread the tables and were not run yet.
    pub fn plan_distribution(&self) -> Result<Vec<String>, StoreError> {
        let (mut link, _) = self.open(Role::Writer)?;
        plan(&mut link)
    }

    /// Runs them; `progress` is told each before. Answers those that were run.
    pub fn distribute(&self, progress: &dyn Fn(&str)) -> Result<Vec<String>, StoreError> {
        self.must_be_alone()?;
        let (mut link, _) = self.open(Role::Writer)?;
        let statements = plan(&mut link)?;
        link.script(PATIENT)?;
        for statement in &statements {
            progress(statement);
            link.script(statement)?;
        }
        Ok(statements)
    }

    /// Refuses a database that servers or commands are connected to.
    pub(crate) fn must_be_alone(&self) -> Result<(), StoreError> {
        self.reader()?.must_be_alone()
    }
}

fn plan(link: &mut Link) -> Result<Vec<String>, StoreError> {
    let replies = link.once(&[Request::of(LOOK)])?;
    let mut looked = replies.iter().flat_map(|reply| &reply.rows).map(Fields::of);
    let (is_there, is_available) = match looked.next() {
        Some(mut fields) => (fields.next::<bool>()?, fields.next::<bool>()?),
        None => (false, false),
    };
    if !is_there {
        return Err(StoreError::Refused(lacking(is_available).into()));
    }
    let replies = link.once(&[Request::of(DONE)])?;
    let done = replies.iter().flat_map(|reply| &reply.rows).map(|row| {
        let mut fields = Fields::of(row);
        Ok(Done { table: fields.next()?, hides_rows: fields.next()? })
    });
    Ok(statements(&done.collect::<Result<Vec<_>, StoreError>>()?))
}

/// What to do where Citus is not there.
fn lacking(is_available: bool) -> &'static str {
    if is_available {
        "the Citus extension is installed on the machine, but not created in this database: run CREATE EXTENSION citus \
         in it as a superuser, on each of the machines, and repeat this"
    } else {
        "the Citus extension is not installed on the database's machine: install its package (see \
         https://docs.citusdata.com), add citus to shared_preload_libraries, restart PostgreSQL, run CREATE EXTENSION \
         citus in this database as a superuser, on each of the machines, and repeat this. Without Citus nothing needs to \
         be distributed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::server::{Server, Sql};

    #[test]
    fn these_statements_are_run_in_this_order() {
        let expected = "\
SELECT create_reference_table('koi_schema')
SELECT create_reference_table('meta')
SELECT create_reference_table('campaign')
SELECT create_reference_table('tier')
SELECT create_reference_table('pause')
SELECT create_reference_table('merchant')
SELECT create_reference_table('store')
SELECT create_reference_table('code')
SELECT create_reference_table('rate')
SELECT create_reference_table('statement')
SELECT create_reference_table('sequenced')
SELECT create_reference_table('answered')
SELECT create_reference_table('log')
SELECT create_reference_table('api_key')
SELECT create_distributed_table('cell', 'cell', colocate_with => 'none')
SELECT create_distributed_table('slice', 'cell', colocate_with => 'cell')
SELECT create_distributed_table('coupon', 'cell', colocate_with => 'cell')
SELECT create_distributed_table('quote', 'cell', colocate_with => 'cell')
SELECT create_distributed_table('payment', 'cell', colocate_with => 'cell')
SELECT create_distributed_table('refund', 'cell', colocate_with => 'cell')
SELECT create_distributed_table('transfer', 'cell', colocate_with => 'cell')";
        let statements = statements(&[]);
        let (create, tidy): (Vec<&String>, Vec<&String>) =
            statements.iter().partition(|statement| statement.contains("create_"));
        let create: Vec<&str> = create.into_iter().map(String::as_str).collect();
        assert_eq!(create.join("\n"), expected);
        // Each is followed by what removes its hidden rows.
        assert_eq!(tidy.len(), create.len());
        assert_eq!(statements[1], "SELECT truncate_local_data_after_distributing_table('koi_schema')");
        assert!(statements.chunks(2).all(|pair| pair[0].contains("create_") && pair[1].contains("truncate_")));
    }

    fn done(table: &str, hides_rows: bool) -> Done {
        Done { table: table.to_owned(), hides_rows }
    }

    #[test]
    fn what_is_done_is_left_out() {
        let some: Vec<Done> = REFERENCE.iter().chain(&BY_CELL[..5]).map(|table| done(table, false)).collect();
        let left = statements(&some);
        assert_eq!(left.len(), 4);
        assert!(left[0].contains("'refund', 'cell', colocate_with => 'cell'"), "{left:?}");
        let all: Vec<Done> = REFERENCE.iter().chain(&BY_CELL).map(|table| done(table, false)).collect();
        assert!(statements(&all).is_empty());
    }

    /// A run that ended between the two statements of a table is not forgotten.
    #[test]
    fn rows_that_an_interrupted_run_left_behind_are_removed() {
        let all = REFERENCE.iter().chain(&BY_CELL).map(|table| done(table, *table == "coupon"));
        let left = statements(&all.collect::<Vec<_>>());
        assert_eq!(left, ["SELECT truncate_local_data_after_distributing_table('coupon')"]);
    }

    fn installed() -> (Database, Sql) {
        let server = Server::shared();
        let name = server.fresh();
        let database: Database = server.url(&name).parse().unwrap();
        drop(database.serve(Some(4)).unwrap());
        (database, server.sql(&name))
    }

    #[test]
    fn without_citus_it_is_refused_with_what_to_do() {
        let (database, _) = installed();
        for refused in [database.plan_distribution().unwrap_err(), database.distribute(&|_| {}).unwrap_err()] {
            let words = refused.to_string();
            assert!(
                words.contains("CREATE EXTENSION citus") && words.contains("shared_preload_libraries"),
                "{words}"
            );
        }
        assert!(lacking(true).contains("CREATE EXTENSION citus"));
    }

    /// What Citus has of its own, as far as we call it, without what it does.
    const PRETENDED: &str = "\
        CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, how text); \
        CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql AS \
        $$ INSERT INTO pg_dist_partition VALUES (t, 'reference') $$; \
        CREATE FUNCTION create_distributed_table(t regclass, by text, colocate_with text) RETURNS void LANGUAGE sql AS \
        $$ INSERT INTO pg_dist_partition VALUES (t, by || ' beside ' || colocate_with) $$; \
        CREATE FUNCTION truncate_local_data_after_distributing_table(t regclass) RETURNS void LANGUAGE sql AS $$ $$";

    #[test]
    fn a_repeat_runs_what_is_left() {
        let (database, sql) = installed();
        sql.pretend_citus();
        sql.run(PRETENDED);
        sql.run("SELECT create_reference_table('koi_schema'); SELECT create_reference_table('meta')");
        // Both were interrupted before their rows were removed.
        assert_eq!(database.plan_distribution().unwrap().len(), 2 * 19 + 2);
        assert_eq!(database.distribute(&|_| {}).unwrap().len(), 2 * 19 + 2);
        // These are the tables of a new installation that have rows, which stay where Citus is only pretended.
        let tidied = ["koi_schema", "meta", "cell"]
            .map(|table| format!("SELECT truncate_local_data_after_distributing_table('{table}')"));
        assert_eq!(database.distribute(&|_| {}).unwrap(), tidied);
        let count = |how: &str| sql.value(&format!("SELECT count(*) FROM pg_dist_partition WHERE how = '{how}'"));
        assert_eq!(
            (count("reference"), count("cell beside none"), count("cell beside cell")),
            ("14".to_owned(), "1".to_owned(), "6".to_owned())
        );
        // Nothing of it may run beside a server.
        let _server = database.serve(None).unwrap();
        assert!(database.distribute(&|_| {}).unwrap_err().to_string().contains("Stop all of them first"));
    }

    /// What Citus asks of tables that are distributed by a column, proven of the catalog: every table is in one of the lists,
    /// the column is in every key that is unique, foreign keys stay among tables that are side by side or lead to copied
    /// ones, and there are no triggers, which Citus does not run.
    #[test]
    fn the_schema_keeps_the_rules_of_citus() {
        let (_, sql) = installed();
        let tables =
            sql.run("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
        let mut tables = tables.concat();
        tables.sort();
        let mut known: Vec<&str> = REFERENCE.into_iter().chain(BY_CELL).collect();
        known.sort_unstable();
        assert_eq!(tables, known);
        let by_cell = "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'cell' AND NOT attisdropped \
            AND attnum > 0 AND attnotnull AND attrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r' \
            AND relnamespace = 'public'::regnamespace)";
        let mut with_cell = sql.run(by_cell).concat();
        with_cell.sort();
        let mut expected = BY_CELL.to_vec();
        expected.sort_unstable();
        assert_eq!(with_cell, expected, "tables with a cell, which is never nothing");

        assert_eq!(lacking_cell(&sql), [""; 0]);
        sql.run("CREATE UNIQUE INDEX wrong ON quote (asked_key)");
        assert_eq!(lacking_cell(&sql), ["wrong"], "what breaks the rule is seen");
        sql.run("DROP INDEX wrong");

        assert_eq!(sql.value("SELECT count(*) FROM pg_constraint WHERE contype IN ('x', 't') OR contype = 'f' \
            AND confrelid::regclass::text <> ALL (ARRAY['koi_schema', 'meta', 'campaign', 'tier', 'pause', 'merchant', \
            'store', 'code', 'rate', 'statement', 'sequenced', 'answered', 'log', 'api_key'])"), "0");
        assert_eq!(sql.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
        assert_eq!(sql.value("SELECT count(*) FROM pg_sequences"), "0");
    }

    /// The unique indexes of distributed tables that the cell is not in.
    fn lacking_cell(sql: &Sql) -> Vec<String> {
        let tables: Vec<String> = BY_CELL.iter().map(|table| format!("'{table}'::regclass")).collect();
        sql.run(&format!(
            "SELECT indexrelid::regclass::text FROM pg_index AS i WHERE i.indisunique AND i.indrelid IN ({}) \
             AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid AND a.attname = 'cell' \
             AND a.attnum = ANY (i.indkey))",
            tables.join(", ")
        ))
        .concat()
    }
}
