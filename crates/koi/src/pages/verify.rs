//! The page that checks receipts, proofs and logs in the browser of whoever asks. What is checked does not leave it.
//!
//! The module that checks is `verify/js`, which shares no code with this crate: the server that is checked only hands it out.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Only what this server serves is run or shown, and only this server is asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A file: its address, its media type and its text.
struct File {
    address: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// From one table: each address, its media type, and the file beside this one.
macro_rules! files {
    ($($address:literal $kind:ident $file:literal;)*) => {
        const FILES: &[File] =
            &[$(File { address: $address, kind: $kind, text: include_str!($file) }),*];
    };
}

files! {
    "/verify" PAGE "verify/verify.html";
    "/verify/verify.css" STYLE "verify/verify.css";
    "/verify/icon.svg" IMAGE "verify/icon.svg";
    "/verify/verify.js" SCRIPT "verify/verify.js";
    "/verify/dropped.js" SCRIPT "verify/dropped.js";
    "/verify/words.js" SCRIPT "verify/words.js";
    "/verify/js/verify.js" SCRIPT "../../../../verify/js/verify.js";
    "/verify/js/campaigns.js" SCRIPT "../../../../verify/js/campaigns.js";
    "/verify/js/draws.js" SCRIPT "../../../../verify/js/draws.js";
    "/verify/js/logs.js" SCRIPT "../../../../verify/js/logs.js";
    "/verify/js/luck.js" SCRIPT "../../../../verify/js/luck.js";
    "/verify/js/notes.js" SCRIPT "../../../../verify/js/notes.js";
    "/verify/js/papers.js" SCRIPT "../../../../verify/js/papers.js";
    "/verify/js/pieces.js" SCRIPT "../../../../verify/js/pieces.js";
    "/verify/js/statements.js" SCRIPT "../../../../verify/js/statements.js";
    "/verify/js/trees.js" SCRIPT "../../../../verify/js/trees.js";
    "/verify/js/vendor/noble-curves/LICENSE" PLAIN "../../../../verify/js/vendor/noble-curves/LICENSE";
    "/verify/js/vendor/noble-curves/bls12-381.js" SCRIPT "../../../../verify/js/vendor/noble-curves/bls12-381.js";
    "/verify/js/vendor/noble-curves/utils.js" SCRIPT "../../../../verify/js/vendor/noble-curves/utils.js";
    "/verify/js/vendor/noble-curves/abstract/bls.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/bls.js";
    "/verify/js/vendor/noble-curves/abstract/curve.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/curve.js";
    "/verify/js/vendor/noble-curves/abstract/der.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/der.js";
    "/verify/js/vendor/noble-curves/abstract/edwards.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/edwards.js";
    "/verify/js/vendor/noble-curves/abstract/hash-to-curve.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/hash-to-curve.js";
    "/verify/js/vendor/noble-curves/abstract/modular.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/modular.js";
    "/verify/js/vendor/noble-curves/abstract/tower.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/tower.js";
    "/verify/js/vendor/noble-curves/abstract/weierstrass.js" SCRIPT "../../../../verify/js/vendor/noble-curves/abstract/weierstrass.js";
    "/verify/js/vendor/noble-hashes/LICENSE" PLAIN "../../../../verify/js/vendor/noble-hashes/LICENSE";
    "/verify/js/vendor/noble-hashes/_md.js" SCRIPT "../../../../verify/js/vendor/noble-hashes/_md.js";
    "/verify/js/vendor/noble-hashes/_u64.js" SCRIPT "../../../../verify/js/vendor/noble-hashes/_u64.js";
    "/verify/js/vendor/noble-hashes/hmac.js" SCRIPT "../../../../verify/js/vendor/noble-hashes/hmac.js";
    "/verify/js/vendor/noble-hashes/sha2.js" SCRIPT "../../../../verify/js/vendor/noble-hashes/sha2.js";
    "/verify/js/vendor/noble-hashes/utils.js" SCRIPT "../../../../verify/js/vendor/noble-hashes/utils.js";
}

/// The addresses of the page and of its files.
pub(super) fn router() -> Router {
    FILES
        .iter()
        .fold(Router::new(), |router, file| router.route(file.address, get(move || async move { answer(file) })))
}

fn answer(file: &File) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, file.text).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    use super::*;

    async fn asked(address: &str) -> Response {
        let request = Request::get(address).body(Body::empty()).unwrap();
        router().oneshot(request).await.unwrap()
    }

    /// Where a module's imports lead to, from its own address.
    fn imports(file: &File) -> BTreeSet<String> {
        let named = file.text.lines().filter(|line| line.starts_with("import ") || line.starts_with("export {"));
        let named = named.filter_map(|line| line.split_once(" from ").map(|(_, from)| from));
        named.map(|from| resolved(file.address, from.trim_end_matches(';').trim_matches(['\'', '"']))).collect()
    }

    fn resolved(from: &str, to: &str) -> String {
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for part in to.split('/') {
            match part {
                "." => {}
                ".." => _ = parts.pop(),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    #[tokio::test]
    async fn every_file_is_served_as_what_it_is() {
        for file in FILES {
            let answer = asked(file.address).await;
            assert_eq!(answer.status(), StatusCode::OK, "{}", file.address);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], file.kind);
            assert!(
                answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'")
            );
            let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, file.text.as_bytes());
        }
        assert_eq!(asked("/verify/js/cli.js").await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn every_import_is_served() {
        let served: BTreeSet<String> = FILES.iter().map(|file| file.address.to_owned()).collect();
        let scripts = || FILES.iter().filter(|file| file.kind == SCRIPT);
        let imported: BTreeSet<String> = scripts().flat_map(imports).collect();
        assert!(imported.len() > 15, "{imported:?}");
        for import in &imported {
            assert!(served.contains(import), "{import} is imported, but not served");
        }
        for script in scripts().filter(|script| script.address != "/verify/verify.js") {
            assert!(imported.contains(script.address), "{} is served, but nobody imports it", script.address);
        }
    }

    #[test]
    fn nothing_on_the_page_is_inline_or_from_elsewhere() {
        let page = FILES[0].text;
        for no in ["<style", " style=", " onclick", " onload", "javascript:", "http://", "https://", "<script>"] {
            assert!(!page.contains(no), "{no}");
        }
        assert_eq!(page.matches("<script").count(), 1);
    }
}
