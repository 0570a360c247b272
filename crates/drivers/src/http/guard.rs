//! Which addresses a driver may connect to (SSRF guard).
//!
//! A host's name is resolved by [`Guard::resolve`], every address is looked at, and the connection goes to one of those
//! that were looked at: what the name means a moment later does not matter. Special-purpose addresses (RFC 6890 and the
//! registries of IANA) are refused unless the network's table names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Special-purpose blocks of IPv4: address and length of the prefix.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4), // multicast
    ([240, 0, 0, 0], 4), // reserved, broadcast
];
/// Blocks inside global unicast IPv6 (`2000::/3`) that are none, or that carry an IPv4 address to somewhere else.
const SPECIAL_V6: [([u16; 3], u32); 4] = [
    ([0x2001, 0, 0], 23), // protocol assignments, Teredo among them
    ([0x2001, 0x0db8, 0], 32),
    ([0x2002, 0, 0], 16), // 6to4
    ([0x3fff, 0, 0], 20),
];

/// Why there is no address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the name {host} cannot be resolved: {error}")]
    Unresolved { host: String, error: String },
    #[error(
        "{host} is {address}, a private or special address: name its network in `allow_networks` if it is meant"
    )]
    Forbidden { host: String, address: IpAddr },
}

/// The addresses that may be connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Guard {
    /// Networks that are allowed although they are special.
    pub(super) allow: Vec<IpNet>,
}

impl Guard {
    /// Whether `address` may be connected to.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        is_global(address) || self.allow.iter().any(|network| network.contains(&address))
    }

    /// An address that is written out, where it may not be connected to.
    pub(super) fn objection(&self, host: &str) -> Option<Refusal> {
        let address = literal(host).filter(|address| !self.permits(*address))?;
        Some(Refusal::Forbidden { host: host.to_owned(), address })
    }

    /// The addresses of `host` that may be connected to: at least one.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        let unresolved = |error: String| Refusal::Unresolved { host: host.to_owned(), error };
        let found: Vec<SocketAddr> = match literal(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => tokio::net::lookup_host((host, port))
                .await
                .map_err(|error| unresolved(error.to_string()))?
                .collect(),
        };
        let permitted: Vec<_> =
            found.iter().copied().filter(|address| self.permits(address.ip())).collect();
        match (permitted.is_empty(), found.first()) {
            (false, _) => Ok(permitted),
            (true, Some(first)) => {
                Err(Refusal::Forbidden { host: host.to_owned(), address: first.ip() })
            }
            (true, None) => Err(unresolved("it has no address".to_owned())),
        }
    }
}

/// An address that is written out, with or without the brackets of a URL.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(block, length)| {
            shared_bits(Ipv4Addr::from(*block).to_bits().into(), address.to_bits().into(), 32)
                >= *length
        }),
        // Whatever carries an IPv4 address in it (mapped, compatible, NAT64) lies outside of 2000::/3.
        IpAddr::V6(address) => {
            address.segments()[0] & 0xe000 == 0x2000
                && !SPECIAL_V6.iter().any(|([first, second, third], length)| {
                    let block = Ipv6Addr::new(*first, *second, *third, 0, 0, 0, 0, 0);
                    shared_bits(block.to_bits(), address.to_bits(), 128) >= *length
                })
        }
    }
}

/// How many leading bits two numbers of `width` bits have in common.
fn shared_bits(one: u128, other: u128, width: u32) -> u32 {
    (one ^ other).leading_zeros() - (128 - width)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIAL: &str = "\
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 \
        127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 \
        192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 \
        239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 \
        ::ffff:8.8.8.8 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:1ff::1 \
        2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fdff::1 fe80::1 febf::1 fec0::1 \
        ff02::1 ff0e::1";
    const GLOBAL: &str = "\
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
        128.0.0.0 172.15.255.255 172.32.0.0 192.0.1.0 198.17.255.255 198.20.0.0 \
        223.255.255.255 2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2a00::1 3ffe::1";

    fn guard(allow: &[&str]) -> Guard {
        Guard { allow: allow.iter().map(|network| network.parse().unwrap()).collect() }
    }

    #[test]
    fn special_addresses_are_refused_and_others_are_not() {
        for address in SPECIAL.split_whitespace() {
            assert!(!guard(&[]).permits(address.parse().unwrap()), "{address}");
        }
        for address in GLOBAL.split_whitespace() {
            assert!(guard(&[]).permits(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_named_network_is_allowed_and_its_mapped_form_is_not() {
        let allowed = guard(&["10.1.0.0/16", "fd00::/8"]);
        for (address, permitted) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("fd12::1", true),
            ("fc00::1", false),
            ("::ffff:10.1.2.3", false),
        ] {
            assert_eq!(allowed.permits(address.parse().unwrap()), permitted, "{address}");
        }
        let mapped = guard(&["::ffff:10.1.0.0/112"]);
        assert!(mapped.permits("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!mapped.permits("10.1.2.3".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_what_it_means_is_looked_at() {
        let refused = guard(&[]).resolve("localhost", 80).await.unwrap_err();
        assert!(matches!(&refused, Refusal::Forbidden { address, .. } if address.is_loopback()));
        assert!(refused.to_string().contains("name its network in `allow_networks`"));
        let found = guard(&["127.0.0.0/8"]).resolve("localhost", 8080).await.unwrap();
        assert_eq!(
            found,
            ["127.0.0.1:8080".parse::<SocketAddr>().unwrap()],
            "only what is allowed"
        );
        let found = guard(&["::1/128"]).resolve("[::1]", 80).await.unwrap();
        assert_eq!(found, ["[::1]:80".parse::<SocketAddr>().unwrap()]);
        let unknown = guard(&[]).resolve("nowhere.invalid", 80).await.unwrap_err();
        assert!(matches!(unknown, Refusal::Unresolved { .. }));
        // Spellings that the operating system takes for an address are looked at all the same.
        for spelling in ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
            assert!(guard(&[]).resolve(spelling, 80).await.is_err(), "{spelling}");
        }
    }
}
