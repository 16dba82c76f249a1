//! Pages for people. They are whole files that the binary carries: nothing is loaded from elsewhere.

mod verify;

use axum::Router;

/// The addresses of all pages.
pub(crate) fn router() -> Router {
    verify::router()
}
