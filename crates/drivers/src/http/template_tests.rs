use super::*;
use hyper::Uri;
use proptest::prelude::*;
use serde_json::json;

use crate::http::value::{self, Pointer, scalar};

fn template(text: &str) -> Template {
    Template::parse(text, &|name| ["x", "y"].contains(&name)).unwrap()
}

/// `x` stands for `text`, `y` for a list of it.
fn with(text: &str) -> impl Fn(&str) -> Result<Datum, String> + Sync {
    let text = text.to_owned();
    move |name| match name {
        "x" => Ok(Datum::Text(text.clone())),
        _ => Ok(Datum::List(vec![text.clone(), text.clone()])),
    }
}

#[test]
fn a_bad_template_is_refused() {
    for (text, message) in [
        ("a{x", "`{` without its `}`"),
        ("a}x", "`}` without its `{`"),
        ("{z}", "has {z}, which is not known there"),
        ("{}", "has {}, which is not known there"),
        ("{x:upper}", "has {x:upper}; the forms are"),
        ("{x:}", "has {x:}; the forms are"),
        ("{{x}", "`}` without its `{`"),
    ] {
        let error = Template::parse(text, &|name| name == "x").unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn braces_are_written_twice() {
    let filled = template("{{x}}={x}").text(&with("7")).unwrap();
    assert_eq!(filled, "{x}=7");
}

#[test]
fn json_takes_values_as_they_are() {
    let known = |name: &str| ["number", "list", "flag", "none", "x"].contains(&name);
    let lookup = |name: &str| {
        Ok(match name {
            "number" => Datum::Text("07".into()),
            "list" => Datum::List(vec!["a".into(), "b".into()]),
            "flag" => Datum::Flag(true),
            "none" => Datum::Nothing,
            _ => Datum::Text("12".into()),
        })
    };
    let from = json!({
        "a": "{list}", "b": "{list:csv}", "c": "{flag}", "d": "{none}", "e": "{x}", "f": "{x:number}",
        "g": ["n-{x}", 5, {"h": "{flag}!"}], "i": false,
    });
    let filled = JsonTemplate::parse(&from, &known).unwrap().fill(&lookup).unwrap();
    assert_eq!(
        filled,
        json!({
            "a": ["a", "b"], "b": "a,b", "c": true, "d": null, "e": "12", "f": 12,
            "g": ["n-12", 5, {"h": "true!"}], "i": false,
        })
    );
    let bad = JsonTemplate::parse(&json!("{number:number}"), &known).unwrap().fill(&lookup);
    assert_eq!(bad, Err("{number} is \"07\", no number".to_owned()));
    let deep = (0..20).fold(json!("x"), |inner, _| json!([inner]));
    assert!(JsonTemplate::parse(&deep, &known).is_err());
}

#[test]
fn a_path_has_no_segment_of_dots_and_no_empty_value() {
    for (text, value) in [("/a/{x}", "."), ("/a/{x}/b", ".."), ("/a/.{x}", "."), ("/a/{x}", "")] {
        assert!(template(text).path(&with(value)).is_err(), "{text} {value}");
    }
    assert_eq!(template("/a/{x}").path(&with("../b")).unwrap(), "/a/..%2Fb");
    assert_eq!(template("/a?x={x}").path(&with("..")).unwrap(), "/a?x=..");
}

#[test]
fn what_xml_does_not_have_is_refused() {
    for bad in ["\0", "\u{1f}", "\u{fffe}", "a\u{8}b"] {
        assert!(template("<a>{x}</a>").xml(&with(bad)).is_err(), "{bad:?}");
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    decoded
}

proptest! {
    #[test]
    fn a_value_stays_in_its_segment(value in "\\PC{1,20}") {
        let Ok(path) = template("/one/{x}/two?q={x}").path(&with(&value)) else {
            prop_assert!(matches!(&*value, "." | ".."));
            return Ok(());
        };
        let uri = Uri::builder().scheme("http").authority("element:80").path_and_query(path).build().unwrap();
        prop_assert_eq!(uri.authority().unwrap().as_str(), "element:80");
        let segments: Vec<&str> = uri.path().split('/').collect();
        prop_assert_eq!(segments.len(), 4);
        prop_assert_eq!(decoded(segments[2]), value.as_bytes());
        let query = uri.query().unwrap().strip_prefix("q=").unwrap();
        prop_assert!(!query.contains(['&', '=', '#', '+', '/']));
        prop_assert_eq!(decoded(query), value.as_bytes());
    }

    #[test]
    fn a_value_stays_in_its_json_text(value in any::<String>()) {
        let from = json!({ "a": "{x}", "b": "<{x}>", "c": "{y}" });
        let filled = JsonTemplate::parse(&from, &|_| true).unwrap().fill(&with(&value)).unwrap();
        let sent: Value = serde_json::from_slice(filled.to_string().as_bytes()).unwrap();
        prop_assert_eq!(sent, json!({ "a": value, "b": format!("<{value}>"), "c": [value, value] }));
    }

    #[test]
    fn a_value_stays_in_its_xml_text(value in "[^\\x00-\\x1f\\x7f\\uFFFE\\uFFFF]{0,20}") {
        let filled = template("<r><a b=\"{x}\">{x}</a><c/></r>").xml(&with(&value)).unwrap();
        let read = value::read(filled.as_bytes()).unwrap();
        let at = |pointer: &str| Pointer::parse(pointer).unwrap().all(&read).first().copied().and_then(scalar);
        prop_assert_eq!(at("/r/a/@b"), Some(value.clone()));
        prop_assert_eq!(at("/r/a/#text").or(at("/r/a")).unwrap_or_default(), value.trim());
        prop_assert_eq!(at("/r/c"), Some(String::new()));
    }

    #[test]
    fn a_header_is_one_line(value in any::<String>()) {
        if let Ok(header) = template("id {x}").header(&with(&value)) {
            prop_assert!(header.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
            prop_assert_eq!(header, format!("id {value}"));
        }
    }

    #[test]
    fn any_text_is_a_template_or_is_refused(text in "[{}x:a]{0,12}") {
        if let Ok(template) = Template::parse(&text, &|name| name == "x") {
            prop_assert!(template.text(&with("v")).is_ok());
        }
    }
}
