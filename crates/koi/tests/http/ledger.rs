//! The ledger's own addresses, when somebody means ill or the file is damaged.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use koi_store::sqlite::Folder;
use serde_json::json;

use crate::server::{CAMPAIGN, DURING, Server, is_on_postgres};

#[test]
fn a_cursor_that_no_page_gave_is_refused() {
    let (server, code) = Server::summer(DURING);
    server.claim(&code, "A").expect(201);
    for forged in ["0.1z141z3", "1.1z141z3", "1.1", "0.1", "zzzz.1", "zzzz.1z141z3"] {
        for filter in ["", "&campaign=nz-summer-2018"] {
            let path = format!("/v1/ledger/transfers?cursor={forged}{filter}");
            let answer = server.get("auditor", &path).refused(422, "invalid_request");
            assert_eq!(answer.json()["pointer"], "?cursor", "{path}");
        }
    }
    // Past the end is an empty page, as for a list that nothing was added to since.
    let page = server.get("auditor", "/v1/ledger/transfers?cursor=1y2p0ij32e8e7.0").expect(200).json();
    assert_eq!(page["data"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_damaged_row_is_what_the_check_found_and_not_an_error() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let (mut server, code) = Server::summer(DURING);
    server.claim(&code, "unmistakable").expect(201);
    assert_eq!(server.get("auditor", "/v1/ledger/check").expect(200).json()["ok"], true);
    // An orderly stop leaves all of it in the one file.
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(20)), Some(0));
    let path = server.folder.path().join("koi.db");
    let bytes = std::fs::read(&path).unwrap();
    let text = b"person-of-unmistakable";
    let found = bytes.windows(text.len()).position(|window| window == text).expect("the coupon's row");
    // What a server reads when it starts is still whole.
    let server = server.again(DURING);
    // The first byte of a page says what it is (SQLite's file format, 1.6): no page is of kind 255.
    let page = u64::try_from(found / 4096 * 4096).unwrap();
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(page)).unwrap();
    file.write_all(&[255]).unwrap();
    drop(file);

    let found = server.get("auditor", "/v1/ledger/check").expect(200).json();
    assert_eq!(found["ok"], false);
    let broken = found["broken"][0].as_str().unwrap();
    assert!(
        broken.starts_with("the database cannot be read, because the disk fails or the file is damaged: "),
        "{broken}"
    );
    server.call("GET", "/healthz").send().expect(200);
    server.get("auditor", &format!("/v1/campaigns/{CAMPAIGN}/budget")).expect(200);
}

/// A repeat finds its quote through an index. One that says something else than its table makes quotes twice.
#[test]
fn an_index_that_is_not_its_table_is_what_the_check_found() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let (mut server, code) = Server::summer(DURING);
    server.claim(&code, "A").expect(201);
    server.quote("A", 4590).expect(201);
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(20)), Some(0));
    let mut coupons = Vec::new();
    let reader = Folder::new(server.folder.path()).reader().unwrap();
    reader.for_each_coupon(0, i64::MAX, |coupon| coupons.extend(coupon.id.number().to_be_bytes())).unwrap();
    drop(reader);
    let path = server.folder.path().join("koi.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // An entry of the index of what holds a coupon: the length of its head, the kind of the coupon's number (six bytes),
    // that of the quote's (SQLite's file format, 2.1). A row of the table has more in between.
    let is_entry = |window: &[u8]| window[..2] == [3, 5] && window[3..] == coupons[2..];
    let entry = bytes.windows(9).position(is_entry).expect("the entry of the index");
    bytes[entry + 8] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let found = server.again(DURING).get("auditor", "/v1/ledger/check").expect(200).json();
    assert_eq!(found["ok"], false);
    assert_eq!(
        found["broken"],
        json!(["the index quote_holding does not hold what its table does: 1 entries for 1 rows"])
    );
}
