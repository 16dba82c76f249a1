//! The reference and its neighbours: offline, without a key.

use crate::server::{DURING, Server};

#[test]
fn the_reference_loads_nothing_from_elsewhere() {
    let server = Server::start(DURING);
    let get = |path: &str| server.call("GET", path).send();
    assert_eq!(get("/docs").expect(308).header("location"), Some("/docs/"));
    let page = get("/docs/").expect(200);
    let policy = page.header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("http"), "{policy}");
    assert!(!page.text().contains("://"), "{}", page.text());
    for part in page.text().split(['"', '\'']).filter(|part| part.starts_with("./")) {
        get(&format!("/docs/{}", &part[2..])).expect(200);
    }
    assert!(get("/docs/swagger-initializer.js").expect(200).text().contains("/openapi.json"));
    get("/docs/absent.js").refused(404, "not_found");
    get("/docs/%2e%2e%2fkoi.db").refused(404, "not_found");
    assert!(get("/docs/problems").expect(200).text().contains("id=\"sold_out\""));
}

#[test]
fn health_is_told_without_a_key() {
    let server = Server::start(DURING);
    for path in ["/healthz", "/readyz", "/metrics"] {
        server.call("GET", path).send().expect(200);
        let head = server.call("HEAD", path).send().expect(200);
        assert!(head.body.is_empty(), "{path}");
    }
}

#[test]
fn request_ids_are_answered_and_sane_ones_are_kept() {
    let server = Server::start(DURING);
    let id = |given: Option<&str>| {
        let call = server.call("GET", "/v1/campaigns");
        let call = given.into_iter().fold(call, |call, id| call.header("x-request-id", id));
        let answer = call.send().refused(401, "unauthenticated");
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(answer.json()["request_id"], id);
        id
    };
    assert_eq!(id(Some("trace-1")), "trace-1");
    assert_ne!(id(None), id(None));
    assert_ne!(id(Some("<script>")), "<script>");
    assert!(server.call("GET", "/healthz").send().header("x-request-id").is_some());
}
