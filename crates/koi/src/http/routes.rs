//! Every address, in the order of the documentation.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::MethodRouter;
use utoipa::OpenApi;

use crate::http::{
    App, beacons, campaigns, coupons, door, ledger, log, merchants, operations, payments, quotes, rates,
    reference, sandbox,
};

/// From one table: the routes, the same as a list of paths and methods, and the part of the OpenAPI document that
/// the handlers state.
macro_rules! table {
    ($table:ident $routes:ident $api:ident:
        $($path:literal $($method:ident $module:ident::$handler:ident),+;)*) => {
        /// The addresses and their methods.
        #[cfg(test)]
        pub(crate) const $table: &[(&str, &str)] = &[$($(($path, stringify!($method))),+),*];

        fn $routes() -> Router<Arc<App>> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($module::$handler))+))*
        }

        /// What the handlers state about themselves.
        pub(crate) fn $api() -> utoipa::openapi::OpenApi {
            #[derive(OpenApi)]
            #[openapi(paths($($($module::$handler),+),*))]
            struct Stated;
            Stated::openapi()
        }
    };
}

table! { TABLE routes api:
    "/v1/campaigns" post campaigns::create, get campaigns::list;
    "/v1/campaigns/{id}" get campaigns::get;
    "/v1/campaigns/{id}/submit" post campaigns::submit;
    "/v1/campaigns/{id}/approve" post campaigns::approve;
    "/v1/campaigns/{id}/fund" post campaigns::fund;
    "/v1/campaigns/{id}/beacon" post beacons::hand_in;
    "/v1/campaigns/{id}/pause" post campaigns::pause;
    "/v1/campaigns/{id}/resume" post campaigns::resume;
    "/v1/campaigns/{id}/end" post campaigns::end;
    "/v1/campaigns/{id}/close" post campaigns::close;
    "/v1/campaigns/{id}/budget" get campaigns::budget;
    "/v1/campaigns/{id}/claims" post coupons::claim;
    "/v1/merchants" post merchants::create;
    "/v1/merchants/{id}" get merchants::get;
    "/v1/merchants/{id}/stores" post merchants::create_store;
    "/v1/stores/{id}" get merchants::get_store;
    "/v1/stores/{id}/codes" post merchants::create_code;
    "/v1/codes/{code}" get merchants::get_code;
    "/v1/codes/{code}/revoke" post merchants::revoke_code;
    "/v1/rates/{pair}" put rates::put, get rates::get;
    "/v1/coupons/{id}" get coupons::get;
    "/v1/coupons/{id}/void" post coupons::void;
    "/v1/shoppers/{person}/coupons" get coupons::of_shopper;
    "/v1/quotes" post quotes::create;
    "/v1/quotes/{id}" get quotes::get;
    "/v1/quotes/{id}/cancel" post quotes::cancel;
    "/v1/payments" post payments::create;
    "/v1/payments/{id}" get payments::get;
    "/v1/payments/{id}/cancel" post payments::cancel;
    "/v1/payments/{id}/refunds" post payments::refund;
    "/v1/coupons/{id}/receipt" get log::receipt;
    "/v1/coupons/{id}/proof" get log::coupon_proof;
    "/v1/log" get log::get;
    "/v1/log/leaves/{index}/proof" get log::leaf;
    "/log/{*path}" get log::file;
    "/v1/ledger/check" get ledger::check_all;
    "/v1/ledger/transfers" get ledger::transfers;
    "/healthz" get operations::health;
    "/readyz" get operations::ready;
    "/metrics" get operations::metrics;
    "/openapi.json" get reference::document;
    "/docs" get reference::moved;
    "/docs/" get reference::start;
    "/docs/problems" get reference::problems;
    "/docs/{file}" get reference::file;
}

table! { SANDBOX_TABLE sandbox_routes sandbox_api:
    "/v1/sandbox/clock" put sandbox::set_clock, get sandbox::get_clock;
    "/v1/sandbox/parse" post coupons::parse;
}

/// The table of contents of the API.
pub(crate) fn router(app: Arc<App>) -> Router {
    let router = if app.sandbox { routes().merge(sandbox_routes()) } else { routes() };
    let (here, there) = (app.clone(), app.clone());
    router
        .fallback(move |request: Request| door::no_route(here.clone(), request))
        .method_not_allowed_fallback(move |request: Request| door::no_method(there.clone(), request))
        .with_state(app)
}
