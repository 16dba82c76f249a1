//! Who is at the door: the key and its role, the objects that a route names, the answer's language.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::engine::keys::{Caller, Role};
use crate::http::language::Language;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App};

/// Roles that may read coupons, quotes and payments.
pub(crate) const READERS: &[Role] = &[Role::Wallet, Role::Operator, Role::Auditor];

impl App {
    /// Who calls, if their role may.
    pub(crate) fn caller(&self, headers: &HeaderMap, allowed: &[Role]) -> Result<Caller, Problem> {
        let caller = self.anyone(headers)?;
        if allowed.contains(&caller.role) {
            return Ok(caller);
        }
        let names = allowed.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        let role = caller.role.name();
        Err(Problem::new(
            "forbidden",
            Text::new(
                format!("Your key has the role {role}; this needs: {names}."),
                format!("您的密钥角色为 {role}，此操作需要：{names}。"),
            ),
        ))
    }

    /// Who calls, whatever their role.
    pub(crate) fn anyone(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        // Two of them are one too many: whose call would it be?
        let value = values.next().filter(|_| values.next().is_none());
        let secret = value.and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
        });
        secret.and_then(|secret| self.keys.caller(secret, self.now())).ok_or_else(|| {
            Problem::new(
                "unauthenticated",
                Text::new(
                    "Send a key that works: Authorization: Bearer <key>.",
                    "请发送有效的密钥：Authorization: Bearer <key>。",
                ),
            )
        })
    }
}

/// The part of a route that names an object. One that cannot be read is empty, which names nothing: who calls is
/// asked first.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map(|Path(name)| name).unwrap_or_default()))
    }
}

/// An address that is not there: known to those with a key only.
pub(crate) async fn no_route(app: Arc<App>, request: Request) -> Answer {
    app.anyone(request.headers())?;
    Err(Problem::new(
        "not_found",
        Text::new("There is no such address. See /docs for all of them.", "该地址不存在，全部地址见 /docs。"),
    ))
}

/// An address that does not take this method.
pub(crate) async fn no_method(app: Arc<App>, request: Request) -> Answer {
    // The other addresses are open to all.
    if request.uri().path().starts_with("/v1/") {
        app.anyone(request.headers())?;
    }
    Err(Problem::plain("method_not_allowed"))
}

/// Writes a problem in the language that was asked for; other answers stay as they are.
pub(crate) fn in_language(mut response: Response, language: Language, request_id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Box<Problem>>() else { return response };
    let mut written = problem.render(language, request_id);
    // What a wrong method may be replaced with.
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        written.headers_mut().insert(header::ALLOW, allow);
    }
    written
}
