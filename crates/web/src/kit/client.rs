//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

/// The other end of the connection; the serve loop puts it into every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Whom a request is answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The peer, or, when the peer is a trusted proxy, the rightmost entry of `X-Forwarded-For` that is not one.
    /// Entries further left were written by strangers and mean nothing.
    pub(crate) address: IpAddr,
    /// Whether the request is known to come from there. It is not when it says that it was forwarded and nobody who is
    /// trusted says from where: somebody runs a proxy without having told, and the address is only that proxy's.
    pub(crate) vouched: bool,
}

const FORWARDED_FOR: &str = "x-forwarded-for";
/// What proxies and delivery networks write into a request, besides what begins with `X-Forwarded-`. Any of it shows
/// that there was one. (One that writes nothing cannot be seen.)
const FORWARDED: [&str; 7] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "true-client-ip",
];

fn was_forwarded(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .map(HeaderName::as_str)
        .any(|name| name.starts_with("x-forwarded-") || FORWARDED.contains(&name))
}

/// Where a request comes from that carries these headers.
pub(crate) fn origin(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Origin {
    let peer = extensions.get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) || !headers.contains_key(FORWARDED_FOR) {
        return Origin { address: peer, vouched: !was_forwarded(headers) };
    }
    let mut nearest = peer;
    for header in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in header.to_str().unwrap_or_default().rsplit(',') {
            let Some(address) = parse(entry.trim()) else {
                return Origin { address: nearest, vouched: false };
            };
            nearest = address;
            if !is_trusted(&nearest) {
                return Origin { address: nearest, vouched: true };
            }
        }
    }
    Origin { address: nearest, vouched: true }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| entry.parse().ok().map(|a: SocketAddr| a.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen_as(peer: &str, forwarded: &[&'static str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 4711)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8:ffff::/48".parse().unwrap()];
        origin(&extensions, &headers, &trusted).address.to_string()
    }

    #[test]
    fn nobody_vouches_for_what_an_unknown_proxy_forwarded() {
        let vouched = |peer: &str, headers: &[(&'static str, &'static str)]| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 4711)));
            let pairs = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            origin(&extensions, &pairs.collect(), &["10.0.0.0/8".parse().unwrap()]).vouched
        };
        let (stranger, proxy) = ("127.0.0.1", "10.0.0.1");
        assert!(vouched(stranger, &[]) && vouched(proxy, &[]));
        for name in FORWARDED {
            assert!(!vouched(stranger, &[(name, "198.51.100.1")]), "{name}");
            assert!(!vouched(stranger, &[(name, "")]), "{name}");
            assert_eq!(vouched(proxy, &[(name, "198.51.100.1")]), name == FORWARDED_FOR, "{name}");
        }
        let all = [(FORWARDED_FOR, "198.51.100.1"), ("forwarded", "x"), ("x-real-ip", "x")];
        assert!(vouched(proxy, &all));
        assert!(vouched(proxy, &[(FORWARDED_FOR, "10.0.0.7")]));
        for unreadable in ["", "unknown", "198.51.100.1,"] {
            assert!(!vouched(proxy, &[(FORWARDED_FOR, unreadable)]), "{unreadable}");
        }
        assert!(vouched(proxy, &[(FORWARDED_FOR, "unknown, 198.51.100.1")]));
    }

    #[test]
    fn a_stranger_cannot_say_who_he_is() {
        assert_eq!(seen_as("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(seen_as("::ffff:192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger_from_the_right() {
        assert_eq!(seen_as("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen_as("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen_as("::ffff:10.0.0.1", &["203.0.113.1, 198.51.100.1"]), "198.51.100.1");
        let lines = ["203.0.113.1, 198.51.100.1", "10.2.3.4, 10.0.0.9"];
        assert_eq!(seen_as("10.0.0.1", &lines), "198.51.100.1");
        assert_eq!(seen_as("10.0.0.1", &["10.9.9.9,10.8.8.8"]), "10.9.9.9");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        assert_eq!(seen_as("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(seen_as("10.0.0.1", &["198.51.100.1,"]), "10.0.0.1");
    }

    #[test]
    fn entries_may_carry_ports_and_brackets() {
        for (entry, address) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
        ] {
            assert_eq!(parse(entry).map(|a| a.to_string()).as_deref(), Some(address));
        }
    }
}
