//! Reading a body: whole, bounded in size and in time.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// How much of a body that is too large is still read and thrown away. A client that sends before it listens would
/// otherwise see its connection reset instead of the answer.
const DISCARDED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off, or its framing is wrong.
    Broken,
}

/// The body, at most `bytes_max` long. One that came in one piece is not copied.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    bytes_max: usize,
) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().lower();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    if announced > most {
        let asks_first = headers.contains_key(header::EXPECT);
        if !asks_first && announced <= most.saturating_add(DISCARDED_BYTES_MAX) {
            discard(body).await;
        }
        return Err(BodyError::TooLarge);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue; // trailers
        };
        if first.len().max(whole.len()) + data.len() > bytes_max {
            discard(body).await;
            return Err(BodyError::TooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

async fn discard(mut body: Body) {
    let mut discarded: u64 = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        discarded = discarded.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if discarded > DISCARDED_BYTES_MAX {
            return;
        }
    }
}
