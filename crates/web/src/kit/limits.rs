//! The knobs of all HTTP. Over each there is a clear answer.

use std::time::Duration;

use ipnet::IpNet;

/// What the listeners and the faces allow. The size and depth of a body are the contract's, not knobs: see
/// `provisor_domain::limits`.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Most connections open at once. Over it, further ones wait in the listener's queue.
    pub connections_max: usize,
    /// Most requests worked on at once. Over it, further ones are told at once to come back (503).
    pub requests_in_flight_max: usize,
    /// How long a request's head may take to arrive, counted from the end of the request before it: also how long a
    /// connection may lie idle. Over it, the connection is closed.
    pub header_read_deadline: Duration,
    /// How long a request's body may take to arrive. Over it, the request is refused (400).
    pub body_read_deadline: Duration,
    /// How long a request may take altogether. Over it, the caller is told to come back (503); what was durable by
    /// then stays so.
    pub request_deadline: Duration,
    /// How long requests under way may take to finish once the program is told to stop. Over it, they are cut off.
    pub shutdown_deadline: Duration,
    /// Most requests per second from one source network (/24 of IPv4, /56 of IPv6); `None` for no limit. Over it,
    /// callers are told to slow down (429). Also how many may come at once.
    pub requests_per_second: Option<u32>,
    /// Proxies whose `X-Forwarded-For` is believed. From anybody else that header means nothing.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_in_flight_max: 1_024,
            header_read_deadline: Duration::from_secs(10),
            body_read_deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(30),
            shutdown_deadline: Duration::from_secs(8),
            requests_per_second: None,
            trusted_proxies: Vec::new(),
        }
    }
}
