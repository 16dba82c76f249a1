//! The catalog: read as a whole by who knows nothing of it, and by others as far as it was written since.
//!
//! Each of its rows has the revision at which it was written last, with an index on it. Rows are put and never taken
//! away, so that those with a later revision than the one that is known are all that there is to know.

use koi_core::catalog::{Catalog, Entry};

use super::link::Link;
use super::session::Request;
use super::table;
use super::writer::unanswered;
use crate::News;
use crate::error::StoreError;

/// The first revision that rows have is above this.
const NOTHING: u64 = 0;

/// What is stored of the catalog and was not at a revision that is known, in the transaction that is under way.
///
/// A revision of another timeline tells nothing: changes may be lost that it counts. Nor does one that the database has not
/// come to.
pub(super) fn after(link: &mut Link, known: u64) -> Result<News, StoreError> {
    if let Some(since) = table::meta::within_timeline(known, link.timeline()) {
        let (revision, entries) = entries(link, since)?;
        if revision >= since {
            return Ok(News::Later(table::meta::of_timeline(revision, link.timeline()), entries));
        }
    }
    all(link).map(News::Whole)
}

/// Everything that changes rarely.
pub(super) fn all(link: &mut Link) -> Result<Catalog, StoreError> {
    let (revision, entries) = entries(link, NOTHING)?;
    let mut catalog = Catalog::default();
    catalog.revision = table::meta::of_timeline(revision, link.timeline());
    entries.into_iter().for_each(|entry| catalog.apply(entry));
    Ok(catalog)
}

fn requests(since: i64) -> [Request<'static>; 8] {
    let after = |sql| Request::with(sql, vec![Box::new(since)]);
    let [campaigns, tiers, pauses] = table::campaign::after(since);
    [
        table::meta::read(),
        after(&table::code::AFTER),
        after(&table::store::AFTER),
        after(&table::merchant::AFTER),
        table::rate::after(since),
        campaigns,
        tiers,
        pauses,
    ]
}

/// The revision, and what was written after another one.
///
/// Where each statement sees what is committed by then, the later ones may see more than the revision says, and never
/// less: what is named by another thing is read after it, so that it is there. A campaign is changed by nobody while
/// somebody has a cell.
fn entries(link: &mut Link, since: u64) -> Result<(u64, Vec<Entry>), StoreError> {
    let replies = link.once(&requests(since.cast_signed()))?;
    let [meta, codes, stores, merchants, rates, of_campaigns @ ..] = &replies[..] else {
        return Err(unanswered());
    };
    let mut entries = Vec::new();
    for row in &merchants.rows {
        entries.push(Entry::Merchant(table::merchant::read(row)?.into()));
    }
    for row in &stores.rows {
        entries.push(Entry::Store(table::store::read(row)?.into()));
    }
    for row in &codes.rows {
        entries.push(Entry::Code(table::code::read(row)?.into()));
    }
    entries.extend(table::rate::read(rates)?.into_iter().map(|(pair, rate)| Entry::Rate(pair, rate)));
    let campaigns = table::campaign::read(of_campaigns)?;
    entries.extend(campaigns.into_iter().map(|campaign| Entry::Campaign(campaign.into())));
    Ok((table::meta::revision(meta)?, entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Database;
    use crate::postgres::server::Server;

    /// However much there is: what was written since is found by an index, and nothing else is looked at or sorted.
    #[test]
    fn what_is_new_is_found_without_a_look_at_the_rest() {
        let server = Server::shared();
        let name = server.fresh();
        let database: Database = server.url(&name).parse().unwrap();
        drop(database.serve(Some(1)).unwrap());
        let sql = server.sql(&name);
        // As every connection is settled.
        sql.run("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan");
        for request in &requests(1)[1..] {
            sql.run(&format!("PREPARE p AS {}", request.sql));
            let plan = sql.run("EXPLAIN EXECUTE p (1)").concat().join("\n");
            assert!(plan.contains("revised > $1)"), "{}\n{plan}", request.sql);
            assert!(
                !["Filter:", "Seq Scan", "Sort"].iter().any(|bad| plan.contains(bad)),
                "{}\n{plan}",
                request.sql
            );
            sql.run("DEALLOCATE p");
        }
    }
}
