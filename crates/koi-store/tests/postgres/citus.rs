//! A real Citus, where one is named: then all tests of this file's neighbours that make an installation run on it, distributed.
//!
//! ```sh
//! KOI_TEST_CITUS_URL=postgres://postgres:secret@127.0.0.1:5432 cargo nextest run -p koi-store --test postgres
//! ```
//! One machine is enough; databases are made on it, and stay.

use crate::Installation;
use crate::server::Server;

#[test]
fn on_a_real_citus_every_table_is_distributed() {
    if Server::citus().is_none() {
        eprintln!("skipped: KOI_TEST_CITUS_URL names no server with Citus");
        return;
    }
    let installation = Installation::new();
    let count = |by: &str| {
        let of = "SELECT count(*) FROM citus_tables WHERE citus_table_type";
        installation.sql().value(&format!("{of} = '{by}'"))
    };
    assert_eq!((count("distributed"), count("reference")), ("7".to_owned(), "12".to_owned()));
    let groups = "SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE citus_table_type = 'distributed'";
    assert_eq!(installation.sql().value(groups), "1");
    assert!(installation.database.plan_distribution().unwrap().is_empty());
}
