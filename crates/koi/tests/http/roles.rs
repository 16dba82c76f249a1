//! Every route with every role, from the one table that the document is: `x-roles` says who may.

use serde_json::{Value, json};

use crate::server::{DURING, Server, document};
use crate::story::operations;

const ROLES: [&str; 5] = ["operator", "approver", "wallet", "acquirer", "auditor"];

#[test]
fn every_route_lets_in_its_roles_and_no_other() {
    let server = Server::start(DURING);
    let api = document(&server);
    let mut cells = 0;
    for (path, method, id) in operations(&api) {
        let operation = &api["paths"][&path][&method];
        let route = path.replace(['{', '}'], "");
        let call = || server.call(&method.to_uppercase(), &route).key("k").json(&json!({}));
        let Some(roles) = operation["x-roles"].as_array() else {
            assert!(![401, 403].contains(&call().send().status), "{id} is open to all");
            continue;
        };
        call().send().refused(401, "unauthenticated");
        call().header("authorization", "Bearer nobody").send().refused(401, "unauthenticated");
        for role in ROLES {
            let answer = call().role(role).send();
            let may = roles.contains(&Value::from(role));
            assert_eq!(answer.status != 403, may, "{id} as {role}: {} {}", answer.status, answer.text());
            assert!(answer.status < 500, "{id} as {role}: {}", answer.text());
            let documented = &operation["responses"][answer.status.to_string()];
            assert!(documented.is_object(), "{id} as {role}: {} is not documented", answer.status);
            cells += 1;
        }
    }
    assert!(cells > 150, "{cells} cells");
}

#[test]
fn only_one_bearer_key_is_a_key() {
    let server = Server::start(DURING);
    let call = || server.call("GET", "/v1/campaigns");
    for wrong in [
        "sandbox_wallet",
        "Basic c2FuZGJveF93YWxsZXQ6",
        "Bearer",
        "Bearer ",
        "Bearer sandbox_Wallet",
        "Bearer sandbox_wallet,",
        "Bearersandbox_wallet",
        "Bearer sandbox_wallet sandbox_wallet",
        "Digest sandbox_wallet",
    ] {
        let answer = call().header("authorization", wrong).send().refused(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{wrong}");
    }
    call().role("wallet").role("wallet").send().refused(401, "unauthenticated");
    call().header("authorization", "bearer sandbox_wallet").send().expect(200);
    call().header("x-api-key", "sandbox_wallet").send().refused(401, "unauthenticated");
    server.call("GET", "/v1/campaigns?key=sandbox_wallet").send().refused(401, "unauthenticated");
    server.call("GET", "/nowhere").send().refused(401, "unauthenticated");
    server.call("GET", "/nowhere").role("wallet").send().refused(404, "not_found");
}
