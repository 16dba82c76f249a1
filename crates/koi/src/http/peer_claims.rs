//! A claim with something else behind it than the engine: what the benchmark compares Koi with.
//!
//! Everything in front is Koi's own: the connection, the key of the caller, the reading of the body, the
//! fingerprint of the request, the coupon written as JSON. Only what stands behind a claim differs.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use koi_bench::{CLAIM_LUA, PeerClaim, PeerCoupon, PeerOutcome, PostgresPeer, redis_arguments, redis_keys};
use koi_core::id::CouponId;
use koi_core::time::Time;
use redis::Script;
use redis::aio::MultiplexedConnection;

use crate::engine::keys::Role;
use crate::fields::MoneyOut;
use crate::http::body::Posted;
use crate::http::coupons::{ClaimIn, CouponOut, fault};
use crate::http::door::Named;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App, json, marked};

/// What stands behind a claim.
pub(crate) enum Behind {
    /// A script. All requests share the connection: their commands leave in one write when they come together.
    Redis(MultiplexedConnection, Script),
    /// A function, in a transaction of its own for each claim.
    Postgres(PostgresPeer),
}

impl Behind {
    /// A Redis that has its stage already.
    pub(crate) async fn redis(address: SocketAddr) -> anyhow::Result<Self> {
        let client = redis::Client::open(format!("redis://{address}"))?;
        let connection = client.get_multiplexed_async_connection().await;
        let connection = connection.with_context(|| format!("connecting to Redis at {address}"))?;
        Ok(Self::Redis(connection, Script::new(CLAIM_LUA)))
    }

    /// A database that has its stage already.
    pub(crate) async fn postgres(address: &str) -> anyhow::Result<Self> {
        PostgresPeer::connect(address).await.map(Self::Postgres)
    }

    /// The two words that are answered.
    async fn words(&self, claim: &PeerClaim<'_>) -> anyhow::Result<(String, String)> {
        match self {
            Self::Redis(connection, script) => {
                let mut call = script.prepare_invoke();
                for key in redis_keys(claim) {
                    call.key(key);
                }
                for argument in redis_arguments(claim) {
                    call.arg(argument);
                }
                Ok(call.invoke_async(&mut connection.clone()).await?)
            }
            Self::Postgres(peer) => peer.claim(claim).await,
        }
    }
}

/// What the one route needs.
#[derive(Clone)]
struct Peer {
    app: Arc<App>,
    behind: Arc<Behind>,
}

/// The one route of this server.
pub(crate) fn router(app: Arc<App>, behind: Behind) -> Router {
    let peer = Peer { app, behind: Arc::new(behind) };
    Router::new().route("/v1/campaigns/{id}/claims", post(claim)).with_state(peer)
}

async fn claim(State(peer): State<Peer>, Named(campaign): Named, request: Request) -> Answer {
    let caller = peer.app.caller(request.headers(), &[Role::Wallet])?;
    let posted = Posted::<ClaimIn>::read(request).await?;
    let asked = posted.asked(&caller, posted.body.shopper.person.0.as_str());
    let id = CouponId::of_number(asked.key.0 >> 4);
    let claim = &posted.body;
    let call = PeerClaim {
        campaign: &campaign,
        code: claim.code.0.as_str(),
        account: claim.shopper.account.0.as_str(),
        person: claim.shopper.person.0.as_str(),
        idempotency_key: &asked.key.0.to_string(),
        fingerprint: &hex::encode(asked.fingerprint.0),
        coupon_id: &id.to_string(),
        now_ms: peer.app.now().ms().unsigned_abs(),
        // The key is a hash of what its sender chose at random: as good a number as any.
        luck: asked.key.0.cast_unsigned(),
    };
    let (coupon, replayed) = match run(&peer, &call).await? {
        PeerOutcome::Created(coupon) => (coupon, false),
        PeerOutcome::Replayed(coupon) => (coupon, true),
        PeerOutcome::Refused(code) => return Err(refused(&code)),
    };
    let out = shown(&peer.app, id, claim, &coupon)?;
    Ok(marked(json(StatusCode::CREATED, &out), replayed))
}

async fn run(peer: &Peer, claim: &PeerClaim<'_>) -> Result<PeerOutcome, Problem> {
    let words = peer.behind.words(claim).await.map_err(|error| {
        tracing::error!("{error:#}");
        fault()
    })?;
    PeerOutcome::parse(&words.0, &words.1).ok_or_else(fault)
}

fn shown(app: &App, id: CouponId, claim: &ClaimIn, coupon: &PeerCoupon) -> Result<CouponOut, Problem> {
    let face = i64::try_from(coupon.face).map_err(|_| fault())?;
    let time = |ms: u64| i64::try_from(ms).map(Time::of_ms).map_err(|_| fault());
    let times = [time(coupon.collected_at_ms)?, time(coupon.expires_at_ms)?];
    let face = MoneyOut::new(app.settings.wallet_currency, face);
    Ok(CouponOut::unstored(id, claim, &coupon.store, face, times))
}

/// None is expected: the generator counts it as an error.
fn refused(code: &str) -> Problem {
    Problem::invalid(String::new(), &Text::new(format!("the peer refused: {code}"), format!("对照方拒绝：{code}")))
}
