//! What one server changes of the catalog, and the others read of it.

use koi_core::campaign::{Campaign, Pause};
use koi_core::catalog::{Catalog, Code, Entry};
use koi_core::id::Cell;
use koi_core::money::{Currency, Rate};
use koi_store::{News, Notes, Store};

use crate::Installation;
use crate::sample::{self, CELL, at};

/// From this bit on a revision says its timeline.
const NEXT_TIMELINE: u64 = 1 << 40;

fn merchant(number: usize) -> Entry {
    Entry::Merchant(sample::merchant(&format!("m{number}")).into())
}

/// What is new, and the revision that it leads to.
fn later(news: News) -> (u64, Vec<Entry>) {
    match news {
        News::Later(revision, entries) => (revision, entries),
        News::Whole(_) => panic!("all of it was read"),
    }
}

fn whole(news: News) -> Catalog {
    match news {
        News::Whole(catalog) => catalog,
        News::Later(..) => panic!("a part of it was read"),
    }
}

#[test]
fn who_knows_the_catalog_reads_what_was_written_since_and_no_more() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    let reader = installation.reader();
    for number in 0..20 {
        installation.enter(vec![merchant(number)]);
    }
    let known = other.load_catalog().unwrap().revision;
    assert_eq!(later(reader.catalog_after(known).unwrap()), (known, vec![]));

    // One merchant of many.
    installation.enter(vec![merchant(7)]);
    assert_eq!(later(reader.catalog_after(known).unwrap()), (known + 1, vec![merchant(7)]));
    assert_eq!(later(other.catalog_after(known).unwrap()), (known + 1, vec![merchant(7)]));

    // Everything else, at several revisions: each thing as it is now, a campaign with its lists in their order.
    let usd = Currency::parse("USD").unwrap();
    let code = sample::code("23456789", "s");
    let revoked = Code { revoked: Some((at(9), "scratched".into())), ..code.clone() };
    let pauses = vec![Pause { from: at(1), until: Some(at(2)) }, Pause { from: at(3), until: None }];
    let campaigns = [1, 2].map(|number| Campaign {
        pauses: pauses.clone(),
        ..sample::campaign(&format!("summer-{number}"), number)
    });
    let [first, second] = campaigns.map(|campaign| Entry::Campaign(campaign.into()));
    let rates = ["4.5", "4.6", "4.5"].map(|rate| Entry::Rate((usd, Currency::CNY), Rate::parse(rate).unwrap()));
    installation.enter(vec![Entry::Code(code.into()), rates[0].clone(), second.clone()]);
    installation.enter(vec![rates[1].clone(), rates[2].clone()]);
    installation.enter(vec![Entry::Code(revoked.clone().into()), Entry::Store(sample::store("s", "m1").into())]);
    installation.enter(vec![first.clone()]);
    let (revision, entries) = later(reader.catalog_after(known + 1).unwrap());
    let mut expected = vec![Entry::Store(sample::store("s", "m1").into()), Entry::Code(revoked.into())];
    expected.extend(rates);
    assert_eq!((revision, &entries[..5]), (known + 5, &expected[..]));
    assert!(entries[5..] == [first.clone(), second.clone()] || entries[5..] == [second, first.clone()]);
    assert_eq!(later(reader.catalog_after(known + 4).unwrap()), (known + 5, vec![first]));
}

#[test]
fn a_catalog_of_another_history_is_read_as_a_whole() {
    let mut installation = Installation::new();
    for number in 0..3 {
        installation.enter(vec![merchant(number)]);
    }
    let reader = installation.reader();
    for known in [5, NEXT_TIMELINE, NEXT_TIMELINE + 4, 7 * NEXT_TIMELINE + 2] {
        for news in [reader.catalog_after(known).unwrap(), installation.writer.catalog_after(known).unwrap()] {
            let catalog = whole(news);
            assert_eq!((catalog.revision, catalog.merchants().count()), (4, 3), "{known}");
        }
    }
}

/// Nobody changes a campaign while a transaction has a cell; what other orders do may be seen within it.
#[test]
fn within_a_transaction_the_news_are_as_new_as_it_is() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    let known = other.load_catalog().unwrap().revision;
    let begun = other.begin(&[(Cell(9), vec![])], None).unwrap();
    let mut order = installation.writer.begin(&[(CELL, vec![])], None).unwrap();
    order.cells.get_mut(CELL).unwrap().entries = vec![merchant(1)];
    installation.writer.commit(&order.cells, &Notes::default()).unwrap();
    assert_eq!(later(other.catalog_after(known).unwrap()), (known + 1, vec![merchant(1)]));
    // It goes on.
    other.commit(&begun.cells, &Notes::default()).unwrap();
}
