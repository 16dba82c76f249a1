//! Who may open a database, and which.

use koi_store::postgres::{CELLS, Database};
use koi_store::{Store, StoreError};

use crate::Installation;
use crate::server::Server;

fn database(name: &str) -> Database {
    Server::shared().url(name).parse().unwrap()
}

/// What every door says of a database.
fn refusals(database: &Database) -> [StoreError; 4] {
    [
        database.serve(None).map(|_| ()).unwrap_err(),
        database.writer().map(|_| ()).unwrap_err(),
        database.administer().map(|_| ()).unwrap_err(),
        database.reader().map(|_| ()).unwrap_err(),
    ]
}

#[test]
fn many_first_starts_at_once_all_come_up_on_one_installation() {
    let name = Server::shared().fresh();
    let cells = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| database(&name).serve(None).map(|(_, cells)| cells))).collect();
        starts.into_iter().map(|start| start.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(cells, [CELLS; 8]);
    let sql = Server::shared().sql(&name);
    assert_eq!(sql.value("SELECT count(*) FROM cell"), CELLS.to_string());
    assert_eq!(sql.value("SELECT string_agg(version::text, ' ') FROM koi_schema"), "1");
}

#[test]
fn the_number_of_cells_is_chosen_once() {
    let name = Server::shared().fresh();
    assert_eq!(database(&name).serve(Some(3)).unwrap().1, 3);
    assert_eq!(database(&name).serve(None).unwrap().1, 3);
    assert_eq!(database(&name).serve(Some(3)).unwrap().1, 3);
    let error = database(&name).serve(Some(64)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("3 cells") && error.contains("say 3"), "{error}");
    for wrong in [0, 1025] {
        let error = database(&name).serve(Some(wrong)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("1 to 1024"), "{error}");
    }
    assert_eq!(Server::shared().sql(&name).value("SELECT max(cell) FROM cell"), "2");
    let most = Server::shared().fresh();
    assert_eq!(database(&most).serve(Some(1024)).unwrap().1, 1024);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let name = Server::shared().fresh();
    let sql = Server::shared().sql(&name);
    sql.run("CREATE TABLE meta (name text, value text)");
    for refused in refusals(&database(&name)) {
        assert!(refused.to_string().contains("another program"), "{refused}");
    }
    assert_eq!(sql.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

#[test]
fn a_newer_database_is_refused_by_every_door() {
    let installation = Installation::new();
    installation.sql().run("UPDATE koi_schema SET version = 99");
    for refused in refusals(&installation.database) {
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
    }
}

#[test]
fn an_older_database_is_brought_up_to_date_by_serving_it() {
    let name = Server::shared().fresh();
    let sql = Server::shared().sql(&name);
    sql.run("CREATE TABLE koi_schema (version bigint NOT NULL); INSERT INTO koi_schema VALUES (0)");
    let refused = database(&name).reader().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("koi serve"), "{refused}");
    database(&name).serve(None).unwrap();
    database(&name).reader().unwrap();
}

#[test]
fn a_database_without_koi_in_it_is_named() {
    let name = Server::shared().fresh();
    for refused in [
        database(&name).writer().map(|_| ()).unwrap_err(),
        database(&name).administer().map(|_| ()).unwrap_err(),
        database(&name).reader().map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(&refused, StoreError::Absent(_)) && refused.to_string().contains(&name), "{refused}");
    }
    let refused = database("not_there").serve(None).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("createdb"), "{refused}");
}

#[test]
fn another_encoding_is_refused() {
    let sql = Server::shared().sql("postgres");
    sql.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'");
    for refused in refusals(&database("latin")) {
        assert!(refused.to_string().contains("LATIN1") && refused.to_string().contains("createdb"), "{refused}");
    }
}

#[test]
fn a_server_that_takes_no_writes_is_refused() {
    let mut installation = Installation::new();
    let name = installation.sql().value("SELECT current_database()");
    installation.sql().run(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    for refused in refusals(&installation.database) {
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
        assert!(refused.to_string().contains("default_transaction_read_only"), "{refused}");
    }
    // To a server that is running it looks like a failover that is not over yet.
    let writers = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koi' \
        AND datname = current_database()";
    installation.sql().run(writers);
    let error = installation.writer.begin(&[], None).unwrap_err();
    assert!(error.may_heal(), "{error}");
    Server::shared().sql("postgres").run(&format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    installation.writer.begin(&[], None).unwrap();
}

#[test]
fn a_replica_is_refused() {
    let server = Server::replica();
    assert_eq!(server.sql("postgres").value("SELECT pg_is_in_recovery()"), "t");
    let database: Database = server.url("postgres").parse().unwrap();
    for refused in refusals(&database) {
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
        assert!(refused.to_string().contains("replica") && refused.to_string().contains("primary"), "{refused}");
    }
}

#[test]
fn who_may_not_make_tables_is_told_what_is_missing() {
    let name = Server::shared().fresh();
    let sql = Server::shared().sql(&name);
    sql.run("CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let url = Server::shared().url(&name).replace("koi@", "guest@");
    let refused = url.parse::<Database>().unwrap().serve(None).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("GRANT CREATE"), "{refused}");
}

#[test]
fn a_server_that_cannot_be_reached_may_be_back_later() {
    let place = tempfile::tempdir().unwrap();
    let url = format!("postgres://koi:s3cret@{}/koi", place.path().display().to_string().replace('/', "%2F"));
    let database: Database = url.parse().unwrap();
    for refused in refusals(&database) {
        assert!(refused.may_heal(), "{refused}");
        assert!(!refused.to_string().contains("s3cret"));
    }
    // Nobody listens there.
    let nobody: Database = "postgres://koi:s3cret@127.0.0.1:1/koi".parse().unwrap();
    assert!(nobody.serve(None).map(|_| ()).unwrap_err().may_heal());
}
