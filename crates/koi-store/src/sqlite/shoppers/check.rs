//! Whether the table of shoppers, and the marks that say how far it is written, are right.

use koi_core::id::CouponId;
use rusqlite::Connection;

use super::{Entry, Marks, PART_BITS, Place, Until, part};
use crate::error::StoreError;
use crate::sqlite::sum::Sum;
use crate::sqlite::table::{coupon, coupon_of_shopper, slice};

/// Entries that are named; after so many it is clear enough.
const NAMED: usize = 100;

/// What is wrong, if anything: marks that cannot be; entries that are missing, or that should not be there.
pub(in crate::sqlite) fn broken(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let marks = Marks::read(connection)?;
    let mut broken = wrong_marks(&marks, &issued(connection)?);
    let (mut coupons, mut entries) = (Sum::default(), Sum::default());
    for_each_in_table(connection, &marks, |(shopper, id)| coupons.add([shopper.0, id.number()]))?;
    coupon_of_shopper::for_each(connection, |shopper, id| entries.add([shopper.0, id.number()]))?;
    // Sums are quick to compare and tell nothing; who is to blame is looked for only when they differ.
    if coupons != entries {
        broken.extend(surplus(connection, &marks)?);
        broken.extend(missing(connection, &marks)?);
    }
    Ok(broken)
}

/// The first coupon of each part that was not issued.
fn issued(connection: &Connection) -> Result<Until, StoreError> {
    let mut issued = Until::default();
    for (cell, campaign) in slice::all(connection)? {
        if let Some(slice) = slice::get(connection, cell, campaign)? {
            let first = CouponId::new(cell, campaign, 0);
            issued.insert(part(first), first.number() + i64::from(slice.next_ordinal));
        }
    }
    Ok(issued)
}

fn wrong_marks(marks: &Marks, issued: &Until) -> Vec<String> {
    let is_issued = |part: &i64, until: &i64| issued.get(part).is_some_and(|issued| until <= issued);
    let is_sorted = |part: &i64, until: &i64| marks.sorted.get(part).is_some_and(|sorted| until <= sorted);
    let mut wrong = Vec::new();
    let mut say = |what: &str| wrong.push(format!("coupons of shoppers: {what}"));
    for (_, until) in marks.sorted.iter().filter(|(part, until)| !is_issued(part, until)) {
        say(&format!("sorted up to {}, which is not issued", CouponId::of_number(*until)));
    }
    for (part, until) in &marks.run {
        let id = CouponId::of_number(*until);
        if !is_issued(part, until) {
            say(&format!("a run goes up to {id}, which is not issued"));
        }
        if is_sorted(part, until) {
            say(&format!("a run goes up to {id}, which is sorted"));
        }
    }
    match (marks.run.is_empty(), marks.last) {
        (false, None) => say("a run is being written, and how far is not known"),
        (true, Some(_)) => say("a run is being written, and which one is not known"),
        (false, Some(_)) | (true, None) => {}
    }
    wrong.sort_unstable();
    wrong
}

/// The entries of the coupons that should be in the table, by the marks.
fn for_each_in_table(
    connection: &Connection,
    marks: &Marks,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let parts: std::collections::BTreeSet<i64> = marks.sorted.keys().chain(marks.run.keys()).copied().collect();
    for part in parts {
        let ends = [marks.sorted.get(&part), marks.run.get(&part)];
        let until = ends.into_iter().flatten().copied().max().unwrap_or(0);
        coupon::for_each_shopper(connection, part << PART_BITS, until, |shopper, id| {
            if marks.place((shopper, id)) == Place::Table {
                each((shopper, id));
            }
        })?;
    }
    Ok(())
}

/// Entries that no coupon makes, or not yet.
fn surplus(connection: &Connection, marks: &Marks) -> Result<Vec<String>, StoreError> {
    let mut entries = Vec::new();
    coupon_of_shopper::for_each(connection, |shopper, id| entries.push((shopper, id)))?;
    let mut named = Vec::new();
    for (shopper, id) in entries {
        if named.len() == NAMED {
            break;
        }
        if coupon::shopper(connection, id)? != Some(shopper) {
            named.push(format!("coupon {id}: another shopper has it, too"));
        } else if marks.place((shopper, id)) != Place::Table {
            named.push(format!("coupon {id}: its shopper has it before its turn"));
        }
    }
    Ok(named)
}

/// Coupons that their shoppers lack.
fn missing(connection: &Connection, marks: &Marks) -> Result<Vec<String>, StoreError> {
    let mut coupons = Vec::new();
    for_each_in_table(connection, marks, |entry| coupons.push(entry))?;
    let mut named = Vec::new();
    for (shopper, id) in coupons {
        if named.len() == NAMED {
            break;
        }
        if !coupon_of_shopper::of(connection, shopper)?.contains(&id) {
            named.push(format!("coupon {id}: its shopper does not have it"));
        }
    }
    Ok(named)
}
