//! A claim with a Redis script behind it instead of the engine: what the benchmark compares Koi with.
//!
//! Everything in front is Koi's own: the connection, the key of the caller, the reading of the body, the
//! fingerprint of the request, the coupon written as JSON. Only what stands behind a claim differs.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use koi_bench::{CLAIM_LUA, RedisClaim, RedisCoupon, RedisOutcome};
use koi_core::id::CouponId;
use koi_core::time::Time;
use redis::Script;
use redis::aio::MultiplexedConnection;

use crate::document::hex;
use crate::engine::keys::Role;
use crate::fields::MoneyOut;
use crate::http::body::Posted;
use crate::http::coupons::{ClaimIn, CouponOut, fault};
use crate::http::door::Named;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App, json, marked};

/// What the one route needs.
#[derive(Clone)]
struct Peer {
    app: Arc<App>,
    /// All requests share it: their commands leave in one write when they come together.
    connection: MultiplexedConnection,
    script: Arc<Script>,
}

/// The one route of this server.
pub(crate) fn router(app: Arc<App>, connection: MultiplexedConnection) -> Router {
    let peer = Peer { app, connection, script: Arc::new(Script::new(CLAIM_LUA)) };
    Router::new().route("/v1/campaigns/{id}/claims", post(claim)).with_state(peer)
}

async fn claim(State(peer): State<Peer>, Named(campaign): Named, request: Request) -> Answer {
    let caller = peer.app.caller(request.headers(), &[Role::Wallet])?;
    let posted = Posted::<ClaimIn>::read(request).await?;
    let asked = posted.asked(&caller, posted.body.shopper.person.0.as_str());
    let id = CouponId::of_number(asked.key.0 >> 4);
    let claim = &posted.body;
    let call = RedisClaim {
        campaign: &campaign,
        code: claim.code.0.as_str(),
        account: claim.shopper.account.0.as_str(),
        person: claim.shopper.person.0.as_str(),
        idempotency_key: &asked.key.0.to_string(),
        fingerprint: &hex(&asked.fingerprint.0),
        coupon_id: &id.to_string(),
        now_ms: peer.app.now().ms().unsigned_abs(),
        // The key is a hash of what its sender chose at random: as good a number as any.
        luck: asked.key.0.cast_unsigned(),
    };
    let (coupon, replayed) = match run(&peer, &call).await? {
        RedisOutcome::Created(coupon) => (coupon, false),
        RedisOutcome::Replayed(coupon) => (coupon, true),
        RedisOutcome::Refused(code) => return Err(refused(&code)),
    };
    let out = shown(&peer.app, id, claim, &coupon)?;
    Ok(marked(json(StatusCode::CREATED, &out), replayed))
}

async fn run(peer: &Peer, claim: &RedisClaim<'_>) -> Result<RedisOutcome, Problem> {
    let mut call = peer.script.prepare_invoke();
    for key in claim.keys() {
        call.key(key);
    }
    for argument in claim.arguments() {
        call.arg(argument);
    }
    let answer: Result<(String, String), _> = call.invoke_async(&mut peer.connection.clone()).await;
    let (word, rest) = answer.map_err(|error| {
        tracing::error!(%error, "Redis");
        fault()
    })?;
    RedisOutcome::parse(&word, &rest).ok_or_else(fault)
}

fn shown(app: &App, id: CouponId, claim: &ClaimIn, coupon: &RedisCoupon) -> Result<CouponOut, Problem> {
    let face = i64::try_from(coupon.face).map_err(|_| fault())?;
    let time = |ms: u64| i64::try_from(ms).map(Time::of_ms).map_err(|_| fault());
    let times = [time(coupon.collected_at_ms)?, time(coupon.expires_at_ms)?];
    let face = MoneyOut::new(app.settings.wallet_currency, face);
    Ok(CouponOut::unstored(id, claim, &coupon.store, face, times))
}

/// The generator counts refusals by their code.
fn refused(code: &str) -> Problem {
    Problem::invalid(String::new(), &Text::new(format!("Redis refused: {code}"), format!("Redis 拒绝：{code}")))
}
