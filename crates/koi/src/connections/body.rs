//! Reading the body of a request: so many bytes at most, in so much time.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::limits;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It has more bytes than are taken.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It ended before its end.
    Broken,
}

/// The bytes of a body, `limit` at most.
pub(crate) async fn read(mut body: Body, limit: usize) -> Result<Bytes, Unread> {
    // Announced as too large: the end need not be waited for.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        drain(body).await;
        return Err(Unread::TooLarge);
    }
    let read = tokio::time::timeout(limits::BODY_TIME, Limited::new(&mut body, limit).collect());
    match read.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            drain(body).await;
            Err(Unread::TooLarge)
        }
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Takes in some more of a body that is too large, and forgets it: who is still sending would not see the answer
/// before the connection breaks.
async fn drain(mut body: Body) {
    let some = async {
        let mut taken = 0;
        while taken < limits::DRAIN_BYTES {
            let Some(Ok(frame)) = body.frame().await else { break };
            taken += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = tokio::time::timeout(limits::DRAIN_TIME, some).await;
}
