//! What all faces share: the serve loop, limits, request ids, the caller's address, the rate limit, figures and logs.
//!
//! Invariant: nothing here knows a face; what a face says when it cannot act, it says through its [`exchange::Voice`].

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod busy;
pub(crate) mod client;
pub(crate) mod exchange;
pub(crate) mod figures;
pub(crate) mod limits;
mod rate;
pub(crate) mod request_id;
pub(crate) mod serve;

use figures::HttpMetrics;
use limits::HttpLimits;
use rate::RateLimit;
use request_id::RequestIds;

/// The shared part of one running program.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) limits: HttpLimits,
    pub(crate) metrics: HttpMetrics,
    ids: RequestIds,
    rate: Option<RateLimit>,
    busy_log: [busy::OncePerSecond; busy::Cause::ALL.len()],
}

impl Kit {
    pub(crate) fn new(limits: HttpLimits, metrics: HttpMetrics) -> Self {
        Self {
            ids: RequestIds::new(),
            rate: RateLimit::new(limits.requests_per_second),
            busy_log: Default::default(),
            limits,
            metrics,
        }
    }
}
