//! The OpenAPI document, made from the code.
//!
//! Each handler states what is its own: its path, its body, its answer, the roles that may call it (`x-roles`) and
//! the refusals of its rules (`x-codes`). What follows from that for every call alike is added here: the header
//! parameters, and each refusal by status with an example, from the one list of problems. The examples of
//! requests and answers are a story in `examples.json`, which a test plays against a running server.

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::http::language::Language;
use crate::http::problem::{Document, KINDS, Kind, Problem};
use crate::http::routes;
use crate::limits;

#[derive(OpenApi)]
#[openapi(components(schemas(Document)))]
struct Schemas;

/// The document of a live server and that of a sandbox, as JSON.
pub(crate) fn bytes(sandbox: bool) -> Bytes {
    static LIVE: LazyLock<Bytes> = LazyLock::new(|| written(false));
    static SANDBOX: LazyLock<Bytes> = LazyLock::new(|| written(true));
    if sandbox { SANDBOX.clone() } else { LIVE.clone() }
}

fn written(sandbox: bool) -> Bytes {
    serde_json::to_vec_pretty(&document(sandbox)).unwrap_or_default().into()
}

/// The document of a live server, or that of a sandbox.
pub(crate) fn document(sandbox: bool) -> Value {
    let mut api = routes::api();
    api.merge(Schemas::openapi());
    if sandbox {
        api.merge(routes::sandbox_api());
    }
    // As a value its members are in one order, and its operations can be walked.
    let mut document = serde_json::to_value(api).unwrap_or_default();
    document["info"] = info();
    document["servers"] = json!([{ "url": "/", "description": "This server" }]);
    document["tags"] = tags(sandbox);
    components(&mut document);
    // What takes the rest of a path is a parameter like others to OpenAPI.
    if let Some(paths) = document["paths"].as_object_mut() {
        *paths = std::mem::take(paths).into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    }
    let story: Vec<Step> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let Some(paths) = document["paths"].as_object_mut() else { return document };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, path, operation);
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            for step in story.iter().filter(|step| step.operation == id) {
                show(path, operation, step);
            }
        }
    }
    document
}

const EXAMPLES: &str = include_str!("examples.json");

/// One call of the story.
#[derive(serde::Deserialize)]
struct Step {
    operation: String,
    summary: String,
    path: String,
    #[serde(default)]
    body: Option<Value>,
    status: u16,
    answer: Value,
}

fn info() -> Value {
    json!({
        "title": "Koi",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        "description": include_str!("description.md"),
    })
}

fn tags(sandbox: bool) -> Value {
    let mut tags = vec![
        ("Campaigns", "Drafts, four eyes, funding, pauses, ends."),
        ("Claims", "Coupons for those who scan a code."),
        ("Coupons", "What became of them."),
        ("Merchants", "Merchants, their stores, and the codes that hang there."),
        ("Rates", "What one whole unit of a store's currency is in the wallet's."),
        ("Paying", "Quotes, payments, cancels and refunds."),
        ("Public log", "What anybody can check: signed, and never changed later. Its files need no key."),
        ("Ledger", "The transfers, and the check that recomputes everything."),
        ("Operations", "What operators and their machines look at. No key is needed."),
    ];
    if sandbox {
        tags.push(("Sandbox", "Only in a server that was started with `--sandbox`."));
    }
    tags.into_iter().map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

/// What operations refer to.
fn components(document: &mut Value) {
    let codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = json!(codes);
    document["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "A key that `koi key create` made." }
    });
    document["components"]["headers"] = json!({
        "RequestId": {
            "description": "The `x-request-id` of the request, if it had a sane one; else one of ours.",
            "schema": { "type": "string" }
        },
        "Replayed": {
            "description": "There, and `true`, when an earlier answer to the same key is repeated.",
            "schema": { "type": "string", "enum": ["true"] }
        },
        "RetryAfter": {
            "description": "Seconds to wait.",
            "schema": { "type": "string", "pattern": "^[0-9]+$" }
        },
    });
    document["components"]["parameters"] = json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "A new one for each new call; the same one to repeat a call whose answer was lost. \
                            1 to 255 visible ASCII characters.",
            "schema": { "type": "string", "minLength": 1, "maxLength": limits::KEY_CHARS, "pattern": "^[!-~]+$" },
            "example": "scan-1"
        },
        "AcceptLanguage": {
            "name": "Accept-Language", "in": "header", "required": false,
            "description": "The language of problems: `en` or `zh`.",
            "schema": { "type": "string" },
            "example": "zh"
        },
        "Limit": {
            "name": "limit", "in": "query", "required": false, "description": "Entries of a page.",
            "schema": {
                "type": "integer", "minimum": 1, "maximum": limits::PAGE, "default": limits::PAGE_DEFAULT
            }
        },
        "Cursor": {
            "name": "cursor", "in": "query", "required": false,
            "description": "The `next` of an earlier answer.",
            "schema": { "type": "string" }
        },
    });
}

/// Adds what follows for an operation from its method, path, roles and codes.
fn complete(method: &str, path: &str, operation: &mut Value) {
    let secured = operation.get("x-roles").is_some();
    let is_post = method == "post";
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let mut refer = |name: &str| parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
    if operation.get("x-paged").is_some() {
        refer("Limit");
        refer("Cursor");
    }
    if is_post {
        refer("IdempotencyKey");
    }
    if secured {
        refer("AcceptLanguage");
        operation["security"] = json!([{ "key": [] }]);
        let roles: Vec<&str> =
            operation["x-roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let who = if roles.len() == 5 { "Any key.".to_owned() } else { format!("Roles: {}.", roles.join(", ")) };
        let said = operation["description"].as_str().unwrap_or_default();
        operation["description"] = json!(format!("{said}\n\n{who}").trim());
    } else {
        operation["security"] = json!([]);
    }
    operation["parameters"] = Value::Array(parameters);
    if let Some(body) = operation.get_mut("requestBody") {
        let nothing = body["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Nothing";
        body["required"] = json!(!nothing);
    }
    if let Some(members) = operation.as_object_mut() {
        members.remove("x-paged");
    }
    let codes = codes(path, is_post, operation);
    if secured {
        operation["x-codes"] = json!(codes);
    }
    answers(is_post, &codes, operation);
}

/// The codes that an operation can answer, in the order of the checks.
fn codes(path: &str, is_post: bool, operation: &Value) -> Vec<&'static str> {
    let named = |name: &str| operation[name].as_array().cloned().unwrap_or_default();
    let (roles, own) = (named("x-roles"), named("x-codes"));
    let has_body = operation.get("requestBody").is_some();
    let in_route = |code: &&Value| path.contains('{') && (*code == "not_found" || *code == "unknown_campaign");
    let mut codes: Vec<&str> = Vec::new();
    if !roles.is_empty() {
        codes.push("unauthenticated");
    }
    // Who submitted a campaign cannot approve it, whatever their role.
    if !roles.is_empty() && roles.len() < 5 {
        codes.push("forbidden");
    }
    codes.extend(own.iter().filter(in_route).filter_map(Value::as_str));
    if is_post {
        codes.push("idempotency_key_missing");
    }
    if has_body {
        codes.extend(["request_timeout", "body_too_large", "invalid_request"]);
    } else if operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|parameter| parameter["in"] == "query" || parameter["$ref"] == "#/components/parameters/Limit")
    {
        codes.push("invalid_request");
    }
    if is_post {
        codes.push("idempotency_key_reused");
    }
    codes.extend(own.iter().filter(|code| !in_route(code)).filter_map(Value::as_str));
    if !roles.is_empty() || path.ends_with('z') {
        codes.extend(["busy", "storage_unavailable", "internal"]);
    }
    if has_body || path == "/readyz" {
        codes.push("stopping");
    }
    codes.iter().filter_map(|code| KINDS.iter().find(|kind| kind.code == *code)).map(|kind| kind.code).collect()
}

/// Writes the refusals of an operation by status, and the headers of its answers.
fn answers(is_post: bool, codes: &[&'static str], operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for answer in responses.values_mut() {
        answer["headers"]["x-request-id"] = json!({ "$ref": "#/components/headers/RequestId" });
        if is_post {
            answer["headers"]["idempotent-replayed"] = json!({ "$ref": "#/components/headers/Replayed" });
        }
    }
    for kind in codes.iter().filter_map(|code| KINDS.iter().find(|kind| kind.code == *code)) {
        let response = responses.entry(kind.status.to_string()).or_insert_with(|| {
            json!({
                "description": "",
                "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } },
                "content": { "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" },
                    "examples": {},
                }},
            })
        });
        let said = response["description"].as_str().unwrap_or_default();
        response["description"] = json!(format!("{said}\n- `{}`: {}", kind.code, kind.en).trim_start());
        if kind.status == 503 {
            response["headers"]["retry-after"] = json!({ "$ref": "#/components/headers/RetryAfter" });
        }
        let examples = &mut response["content"]["application/problem+json"]["examples"];
        examples[kind.code] = json!({ "summary": kind.en, "value": problem(kind) });
    }
}

/// A problem of a kind, as it goes out.
fn problem(kind: &Kind) -> Value {
    let request_id = "5f2c9a-1";
    serde_json::to_value(Problem::plain(kind.code).document(Language::English, request_id)).unwrap_or_default()
}

/// Puts a step of the story into its operation: the path's parts, the body and the answer.
fn show(path: &str, operation: &mut Value, step: &Step) {
    let asked = step.path.split('?').next().unwrap_or_default();
    for (part, value) in path.split('/').zip(asked.split('/')) {
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else { continue };
        let parameters = operation["parameters"].as_array_mut().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["name"] == name) {
            parameter["example"] = json!(value);
        }
    }
    let name = step.summary.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    if let Some(body) = &step.body {
        put(&mut operation["requestBody"]["content"]["application/json"], &name, &step.summary, body);
    }
    // Pages and counters are not shown.
    let shown = format!("/responses/{}/content", step.status);
    let Some(content) = operation.pointer_mut(&shown).filter(|_| !step.answer.is_null()) else { return };
    for media in content.as_object_mut().map(Map::values_mut).into_iter().flatten() {
        put(media, &name, &step.summary, &step.answer);
    }
}

fn put(media: &mut Value, name: &str, summary: &str, value: &Value) {
    media["examples"][name] = json!({ "summary": summary, "value": value });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_has_every_route_and_no_other() {
        for (sandbox, table) in [(false, vec![routes::TABLE]), (true, vec![routes::TABLE, routes::SANDBOX_TABLE])]
        {
            let document = document(sandbox);
            let documented: BTreeSet<(String, String)> = document["paths"]
                .as_object()
                .unwrap()
                .iter()
                .flat_map(|(path, item)| {
                    item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
                })
                .collect();
            let routed: BTreeSet<(String, String)> = table
                .into_iter()
                .flatten()
                .map(|(path, method)| (path.replace("{*", "{"), (*method).to_owned()))
                .collect();
            assert_eq!(documented, routed);
        }
    }

    #[test]
    fn every_operation_names_itself_once_and_has_a_summary() {
        let document = document(true);
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let place = format!("{method} {path}");
                assert!(ids.insert(operation["operationId"].to_string()), "{place}: its id is taken");
                assert!(
                    operation["summary"].as_str().is_some_and(|text| text.ends_with('.')),
                    "{place}: a summary"
                );
                let known = |code: &Value| KINDS.iter().any(|kind| *code == kind.code);
                assert!(operation["x-codes"].as_array().into_iter().flatten().all(known), "{place}: its codes");
            }
        }
    }

    #[test]
    fn the_story_can_be_read() {
        let story: Vec<Step> = serde_json::from_str(EXAMPLES).unwrap();
        let document = document(true).to_string();
        for step in story {
            assert!(document.contains(&format!("\"operationId\":\"{}\"", step.operation)), "{}", step.operation);
        }
    }

    #[test]
    fn what_is_referred_to_is_there() {
        let document = document(true);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference} is not there");
        }
    }
}
