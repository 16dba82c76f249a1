//! The examples of the OpenAPI document are a story: it is played here, and every answer must be the one shown.
//!
//! `UPDATE_STORY=1 cargo test -p koi --test http story` writes the answers into the story, to be looked at.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{BEFORE, Server, document, is_on_postgres};

const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/openapi/examples.json");

/// What a story cannot know: these stand for whatever comes.
const CODE: &str = "7F3K9Q2M";
const URL: &str = "https://koi.example";
const COMMITMENT: &str = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";

const LOG_KEY: &str = "koi.example/log+8a2c4a17+AbB+DtfB2uW2tO3T9vOUXGo3MYFUTuFBRXb2QAwQzx7R";
const LOG_ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
/// How long something may take to be in the public log.
const PATIENCE: Duration = Duration::from_secs(20);

fn known(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, stands_for) in
                [("pool_commitment", COMMITMENT), ("request_id", "5f2c9a-1"), ("version", "0.1.0")]
            {
                if let Some(member) = members.get_mut(name) {
                    *member = stands_for.into();
                }
            }
            if members.contains_key("origin") {
                for (name, stands_for) in [("key", LOG_KEY.into()), ("size", 3.into()), ("root", LOG_ROOT.into())]
                {
                    members.insert(name.to_owned(), stands_for);
                }
            }
            members.values_mut().for_each(known);
        }
        Value::Array(items) => items.iter_mut().for_each(known),
        _ => {}
    }
}

#[test]
fn every_example_is_answered_as_it_says() {
    if is_on_postgres() {
        return; // the ids of the examples are those of the first cell
    }
    let log = ["--public-log-origin", "koi.example/log", "--public-log-seconds", "1"];
    let server = Server::with(BEFORE, &log);
    let api = document(&server);
    let mut story: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(STORY).unwrap()).unwrap();
    let mut code = CODE.to_owned();
    let mut told = BTreeSet::new();
    let update = std::env::var_os("UPDATE_STORY").is_some();
    for (place, step) in story.iter_mut().enumerate() {
        let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        let id = text("operation");
        let method = method(&api, &id);
        let mut call = server.call(&method.to_uppercase(), &text("path").replace(CODE, &code));
        if let Some(role) = step["as"].as_str() {
            call = call.role(role);
        }
        if method == "post" {
            call = call.key(&format!("story-{place}"));
        }
        if let Some(body) = step.get("body").filter(|body| !body.is_null()) {
            call = call.body(body.to_string().replace(CODE, &code));
        }
        let mut answer = call.send();
        let began = Instant::now();
        while matches!(answer.status, 404 | 409) && step["status"] == 200 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(200));
            answer = call.send();
        }
        assert_eq!(u64::from(answer.status), step["status"].as_u64().unwrap(), "{step}: {}", answer.text());
        if id == "create_code" {
            code = answer.json()["code"].as_str().unwrap().to_owned();
        }
        let url = format!("http://{}", server.address);
        let shown = answer.text().replace(&code, CODE).replace(&url, URL);
        // Pages and counters are looked at elsewhere.
        let is_json = answer.header("content-type").is_some_and(|kind| kind.contains("json"));
        let mut shown: Value = serde_json::from_str(&shown).unwrap_or_default();
        if !is_json || id == "get_openapi" {
            shown = Value::Null;
        }
        known(&mut shown);
        if update {
            step["answer"] = shown;
        } else {
            assert_eq!(shown, step["answer"], "{id}");
        }
        told.insert(id);
    }
    if update {
        std::fs::write(STORY, serde_json::to_string_pretty(&story).unwrap() + "\n").unwrap();
    }
    let all: BTreeSet<String> = operations(&api).into_iter().map(|(_, _, id)| id).collect();
    assert_eq!(told, all, "every operation has its place in the story");
}

/// Path, method and id of every operation.
pub(crate) fn operations(api: &Value) -> Vec<(String, String, String)> {
    let paths = api["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().cloned().unwrap_or_default();
        let path = path.clone();
        methods.into_iter().map(move |(method, operation)| {
            (path.clone(), method, operation["operationId"].as_str().unwrap_or_default().to_owned())
        })
    };
    paths.iter().flat_map(of).collect()
}

fn method(api: &Value, id: &str) -> String {
    let found = operations(api).into_iter().find(|(_, _, other)| other == id);
    found.unwrap_or_else(|| panic!("{id} is no operation")).1
}

#[test]
fn the_document_changes_only_when_it_is_meant_to() {
    let server = Server::start(BEFORE);
    let mut api = document(&server);
    // The story is its own snapshot, and refusals follow from `x-codes`.
    for item in api["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            forget_examples(operation);
            operation["responses"].as_object_mut().unwrap().retain(|status, _| status.as_str() < "400");
        }
    }
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&api).unwrap());
}

fn forget_examples(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.remove("examples");
        members.values_mut().for_each(forget_examples);
    }
}
