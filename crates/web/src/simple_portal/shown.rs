//! The `Authorization` header: what a back end shows (RFC 7617, RFC 6750).

use axum::http::{HeaderMap, header};
use base64ct::{Base64, Encoding};
use provisor_engine::Shown;
use secrecy::{ExposeSecret, SecretString};

/// What is shown. A header that comes twice or cannot be read is not taken for none: whoever sends it wants to be told.
pub(super) fn read(headers: &HeaderMap) -> Shown {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = sent.next() else { return Shown::Nothing };
    let value = value.to_str().ok().filter(|_| sent.next().is_none());
    value.and_then(scheme).unwrap_or(Shown::Unreadable)
}

fn scheme(value: &str) -> Option<Shown> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest);
    }
    let bearer = scheme.eq_ignore_ascii_case("bearer") && !rest.contains(' ');
    bearer.then(|| Shown::Bearer(rest.into()))
}

fn basic(encoded: &str) -> Option<Shown> {
    let both = String::from_utf8(Base64::decode_vec(encoded).ok()?).ok()?;
    let both = SecretString::from(both);
    let (username, password) = both.expose_secret().split_once(':')?;
    Some(Shown::Basic(username.to_owned(), password.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn shown(lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers
                .append(header::AUTHORIZATION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let shown = read(&headers);
        assert!(!format!("{shown:?}").contains("Stuttgart"));
        match shown {
            Shown::Nothing => "nothing".into(),
            Shown::Basic(name, password) => format!("basic {name} {}", password.expose_secret()),
            Shown::Bearer(token) => format!("bearer {}", token.expose_secret()),
            Shown::Unreadable => "unreadable".into(),
        }
    }

    #[test]
    fn both_schemes_are_read_in_any_case() {
        let basic = |both: &str| Base64::encode_string(both.as_bytes());
        assert_eq!(shown(&[]), "nothing");
        for scheme in ["Basic", "basic", "BASIC "] {
            let line = format!("{scheme} {}", basic("käthe:Stutt:gart"));
            assert_eq!(shown(&[&line]), "basic käthe Stutt:gart");
        }
        assert_eq!(shown(&[&format!("Basic {}", basic(":"))]), "basic  ");
        for scheme in ["Bearer", "bearer", "BEARER "] {
            assert_eq!(shown(&[&format!("{scheme} pvk_Stuttgart")]), "bearer pvk_Stuttgart");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_nothing() {
        let latin = Base64::encode_string(b"k\xe4the:Stuttgart");
        let no_colon = Base64::encode_string(b"Stuttgart");
        for line in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            "Bearer",
            "Bearer a b",
            "Digest x",
            "pvk_Stuttgart",
            "Bearer käthe",
            &format!("Basic {latin}"),
            &format!("Basic {no_colon}"),
        ] {
            assert_eq!(shown(&[line]), "unreadable", "{line}");
        }
        assert_eq!(shown(&["Bearer a", "Bearer b"]), "unreadable");
    }
}
