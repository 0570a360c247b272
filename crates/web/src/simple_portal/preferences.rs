//! What a caller would rather have: a language, XML, an answer at once.

use axum::http::{HeaderMap, HeaderName, header};

/// The header as the document's examples send it, and as its text calls it.
const FORCE_XML: [HeaderName; 2] =
    [HeaderName::from_static("force-xml"), HeaderName::from_static("xml-force")];
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The languages of error lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

impl Language {
    /// The language that the caller likes better; English where it doesn't say (RFC 9110, section 12.5.4). Of two that
    /// it likes the same, the one it names first.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let ranges = elements(headers, &header::ACCEPT_LANGUAGE, ',');
        let (mut english, mut german, mut any) = (None, None, None);
        for (place, range) in ranges.enumerate() {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let Some(weight) = weight(parts) else { continue };
            let primary = tag.split('-').next().unwrap_or_default();
            let liked = Some((weight, std::cmp::Reverse(place))).filter(|_| weight > 0);
            let best = match primary {
                "*" => &mut any,
                _ if primary.eq_ignore_ascii_case("en") => &mut english,
                _ if primary.eq_ignore_ascii_case("de") => &mut german,
                _ => continue,
            };
            *best = Some(best.map_or(liked, |known: Option<_>| known.max(liked)));
        }
        let liking = |named: Option<_>| named.or(any).flatten();
        if liking(german) > liking(english) { Self::German } else { Self::English }
    }
}

/// The weight of a language range in thousandths; `None` when it is none (RFC 9110, section 12.4.2).
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    let Some(parameter) = parameters.next() else { return Some(1000) };
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let plain = decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit());
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| plain)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Whether the answer is to be XML.
pub(super) fn wants_xml(headers: &HeaderMap) -> bool {
    FORCE_XML
        .iter()
        .flat_map(|name| headers.get_all(name))
        .any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"true"))
}

/// Whether the caller would rather not wait: `Prefer: respond-async` (RFC 7240). Its parameters mean nothing.
pub(super) fn responds_async(headers: &HeaderMap) -> bool {
    elements(headers, &PREFER, ',').any(|preference| {
        let mut parts = unquoted(preference, ';');
        let name = parts.next().unwrap_or_default().trim();
        let (name, value) = name.split_once('=').unwrap_or((name, ""));
        // An empty value is none; any other makes it a preference that nobody has defined.
        let bare = matches!(value.trim(), "" | "\"\"");
        bare && name.trim().eq_ignore_ascii_case("respond-async")
    })
}

/// The elements of a header that is a list, over all its lines. A line that is not visible ASCII is passed over.
fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    separator: char,
) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(move |line| unquoted(line, separator)).map(str::trim)
}

/// The pieces of `text` between separators that stand outside quotes.
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let literal = std::mem::take(&mut escaped);
        match c {
            _ if literal => false,
            '\\' if quoted => {
                escaped = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            c => c == separator && !quoted,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: &'static str, lines: &[&'static str]) -> HeaderMap {
        let value =
            |line: &&'static str| (HeaderName::from_static(name), HeaderValue::from_static(line));
        lines.iter().map(value).fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
    }

    #[test]
    fn german_is_for_those_who_like_it_better() {
        let language = |lines: &[&'static str]| Language::of(&headers("accept-language", lines));
        for german in [
            &["de"][..],
            &["de-DE,de;q=0.9,en;q=0.8"],
            &["DE-at"],
            &["fr, de;q=0.1"],
            &["en;q=0.8, de;q=0.801"],
            &["en;q=0.5", "de;q=0.6"],
            &["de, en"],
            &["*;q=0.2, en;q=0.1"],
            &["en;q=0, *"],
            &["en;q=0, de;q=0.001"],
            &["de ; q=0.9 , en;q=oops"],
        ] {
            assert_eq!(language(german), Language::German, "{german:?}");
        }
        for english in [
            &[][..],
            &["", ""],
            &["en"],
            &["*"],
            &["fr"],
            &["en, de"],
            &["de;q=0.8, en;q=0.9"],
            &["de;q=0.8, en-US"],
            &["de;q=0"],
            &["de;q=0, *;q=0.1"],
            &["de;q=1.1"],
            &["de;q=0.1234"],
            &["de;q=0.+1"],
            &["de;q="],
            &["den"],
            &[";;,=,q"],
        ] {
            assert_eq!(language(english), Language::English, "{english:?}");
        }
    }

    #[test]
    fn respond_async_is_found_among_other_preferences() {
        let asked = |lines: &[&'static str]| responds_async(&headers("prefer", lines));
        for yes in [
            &["respond-async"][..],
            &["Respond-Async"],
            &["wait=10, respond-async"],
            &["respond-async;wait=10"],
            &["handling=lenient", "respond-async ; x = \"y\""],
            &["x=\"a, b\", respond-async"],
            &["respond-async=\"\""],
            &[",, respond-async ,"],
        ] {
            assert!(asked(yes), "{yes:?}");
        }
        for no in [
            &[][..],
            &[""],
            &["respond-sync"],
            &["respond-async=no"],
            &["x=\"a, respond-async\""],
            &["x=\"\\\", respond-async\""],
            &["wait=10; respond-async"],
        ] {
            assert!(!asked(no), "{no:?}");
        }
    }

    #[test]
    fn xml_is_forced_by_either_name_in_any_case() {
        for name in ["force-xml", "xml-force"] {
            for (value, wanted) in
                [("true", true), ("TRUE", true), (" True ", true), ("1", false), ("", false)]
            {
                assert_eq!(wants_xml(&headers(name, &[value])), wanted, "{name}: {value:?}");
            }
        }
        assert!(!wants_xml(&HeaderMap::new()));
    }
}
