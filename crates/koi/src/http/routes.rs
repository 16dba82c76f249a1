//! Every address, in the order of the documentation.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post, put};

use crate::http::{
    App, campaigns, coupons, door, ledger, merchants, operations, payments, quotes, rates, sandbox,
};

/// The table of contents of the API.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/v1/campaigns", post(campaigns::create).get(campaigns::list))
        .route("/v1/campaigns/{id}", get(campaigns::get))
        .route("/v1/campaigns/{id}/submit", post(campaigns::submit))
        .route("/v1/campaigns/{id}/approve", post(campaigns::approve))
        .route("/v1/campaigns/{id}/fund", post(campaigns::fund))
        .route("/v1/campaigns/{id}/pause", post(campaigns::pause))
        .route("/v1/campaigns/{id}/resume", post(campaigns::resume))
        .route("/v1/campaigns/{id}/end", post(campaigns::end))
        .route("/v1/campaigns/{id}/close", post(campaigns::close))
        .route("/v1/campaigns/{id}/budget", get(campaigns::budget))
        .route("/v1/campaigns/{id}/claims", post(coupons::claim))
        .route("/v1/merchants", post(merchants::create))
        .route("/v1/merchants/{id}", get(merchants::get))
        .route("/v1/merchants/{id}/stores", post(merchants::create_store))
        .route("/v1/stores/{id}", get(merchants::get_store))
        .route("/v1/stores/{id}/codes", post(merchants::create_code))
        .route("/v1/codes/{code}", get(merchants::get_code))
        .route("/v1/codes/{code}/revoke", post(merchants::revoke_code))
        .route("/v1/rates/{pair}", put(rates::put).get(rates::get))
        .route("/v1/coupons/{id}", get(coupons::get))
        .route("/v1/coupons/{id}/void", post(coupons::void))
        .route("/v1/shoppers/{person}/coupons", get(coupons::of_shopper))
        .route("/v1/quotes", post(quotes::create))
        .route("/v1/quotes/{id}", get(quotes::get))
        .route("/v1/quotes/{id}/cancel", post(quotes::cancel))
        .route("/v1/payments", post(payments::create))
        .route("/v1/payments/{id}", get(payments::get))
        .route("/v1/payments/{id}/cancel", post(payments::cancel))
        .route("/v1/payments/{id}/refunds", post(payments::refund))
        .route("/v1/ledger/check", get(ledger::check_all))
        .route("/v1/ledger/transfers", get(ledger::transfers))
        .route("/healthz", get(operations::health))
        .route("/metrics", get(operations::metrics))
        .route("/docs/problems", get(operations::problems));
    if app.sandbox {
        router = router
            .route("/v1/sandbox/clock", put(sandbox::set_clock).get(sandbox::get_clock))
            .route("/v1/sandbox/parse", post(coupons::parse));
    }
    let (here, there) = (app.clone(), app.clone());
    router
        .fallback(move |request: Request| door::no_route(here.clone(), request))
        .method_not_allowed_fallback(move |request: Request| door::no_method(there.clone(), request))
        .with_state(app)
}
