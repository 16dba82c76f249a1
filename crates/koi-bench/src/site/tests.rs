use super::*;
use crate::fake_server::FakeServer;

fn site() -> Site {
    let server = FakeServer::start();
    let stage = Stage::set(server.address).expect("the stage is set");
    Site::new(vec![server.address], stage, &Options { connections: 4, seconds: 0.1, ..Options::brief() })
}

#[test]
fn a_stage_has_stores_with_a_code_each() {
    let site = site();
    assert_eq!(site.stage().codes.len(), site.stage().stores.len());
    assert_eq!(site.stage().codes[0], "7F3K9Q2M");
}

#[test]
fn a_fill_stores_exactly_what_was_asked_for() {
    let site = site();
    site.fill(777, &|done| assert_eq!(done, 777)).expect("no refusals");
    assert_eq!(site.stored(), 777);
}

#[test]
fn purchases_are_made_by_those_who_claimed() {
    let (claims, purchases) = site().claims_and_purchases().expect("answers");
    assert!(claims.tally.errors.is_empty() && purchases.tally.errors.is_empty());
    assert!(purchases.tally.done_in_all > 0);
    assert!(purchases.tally.done_in_all <= claims.tally.done_in_all);
    assert!((claims.batch.expect("the fake counts batches") - 7.0).abs() < 0.01);
}
