use proptest::prelude::*;
use serde_json::Value;

use super::super::code::Code;
use super::*;
use axum::http::StatusCode;

/// The whole message, for what the caller would read.
fn complaint(body: &str) -> (u16, String) {
    let error = read(body.as_bytes()).err().expect("an error");
    assert_eq!(error.code(), Code::RequestInvalid);
    (error.status().as_u16(), error.message())
}

/// What was read, written as JSON again: numbers and names as they were sent.
fn write(json: &Json<'_>, to: &mut String) {
    match json {
        Json::Null => to.push_str("null"),
        Json::Bool(yes) => to.push_str(if *yes { "true" } else { "false" }),
        Json::Number(digits) => to.push_str(digits),
        Json::Text(text) => to.push_str(&Value::from(&**text).to_string()),
        Json::Array(elements) => {
            to.push('[');
            for (place, element) in elements.iter().enumerate() {
                to.push_str(if place == 0 { "" } else { "," });
                write(element, to);
            }
            to.push(']');
        }
        Json::Object(members) => write_object(members, to),
    }
}

fn write_object(members: &[Member<'_>], to: &mut String) {
    to.push('{');
    for (place, member) in members.iter().enumerate() {
        to.push_str(if place == 0 { "" } else { "," });
        to.push_str(&Value::from(&*member.name).to_string());
        to.push(':');
        write(&member.value, to);
    }
    to.push('}');
}

fn written(members: &[Member<'_>]) -> String {
    let mut text = String::new();
    write_object(members, &mut text);
    text
}

/// Texts that need escapes, and others.
fn any_text() -> impl Strategy<Value = String> {
    "\\PC{0,8}|[\\x00-\\x1f\"\\\\/]{0,4}"
}

/// Compact JSON of some value; numbers of any form and length.
fn any_json() -> impl Strategy<Value = String> {
    // The spelling of exponents is the parser's; all other numbers come out as they went in.
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,5})?(e[+-][0-9]{1,3})?";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number.prop_map(|number| number),
        any_text().prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 16, 6, |inner| {
        let object = prop::collection::btree_map(any_text(), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|e| format!("[{}]", e.join(","))),
            object.prop_map(object_of),
        ]
    })
}

fn object_of(members: impl IntoIterator<Item = (String, String)>) -> String {
    let members = members.into_iter().map(|(n, v)| format!("{}:{v}", Value::from(n)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn any_object() -> impl Strategy<Value = String> {
    prop::collection::btree_map(any_text(), any_json(), 0..24).prop_map(object_of)
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_sent(body in any_object()) {
        let members = read(body.as_bytes()).expect("valid");
        prop_assert_eq!(written(&members), body);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz_body(&bytes);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_to_a_body_makes_it_panic(body in any_object(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = body.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        crate::fuzz_body(&bytes);
        crate::fuzz_body(&bytes[..at]);
    }

    #[test]
    fn a_member_given_twice_is_found_at_any_depth_and_among_many(
        depth in 0_usize..31,
        others in 0_usize..60,
        in_arrays: bool,
    ) {
        let mut members: Vec<String> = (0..others).map(|n| format!("\"m{n}\":{n}")).collect();
        members.insert(others / 2, r#""twice":1"#.to_owned());
        members.push(r#""tw\u0069ce":1"#.to_owned());
        let mut body = format!("{{{}}}", members.join(","));
        for level in 0..depth {
            let wrap_in_array = in_arrays && level + 1 < depth;
            body = if wrap_in_array { format!("[{body}]") } else { format!("{{\"in\":{body}}}") };
        }
        let body = if body.starts_with('[') { format!("{{\"in\":{body}}}") } else { body };
        prop_assert_eq!(complaint(&body), (200, "Request invalid: member 'twice' given twice.".to_owned()));
    }
}

#[test]
fn what_is_no_object_is_told_with_400() {
    for body in
        ["", " ", "null", "7", "[]", "\"x\"", "{", "{} {}", "{\"a\":}", "{'a':1}", "{\"a\":01}"]
    {
        assert_eq!(complaint(body).0, 400, "{body:?}");
    }
    assert_eq!(read(b"{\"a\":\"\xff\"}").err().unwrap().status(), StatusCode::BAD_REQUEST);
    for body in [r#"{"a":"\ud800"}"#, "{\"a\":\"\n\"}", "{\"a\nb\":1}", r#"{"\ud800":1}"#] {
        assert_eq!(complaint(body).0, 400, "{body:?}");
    }
    // What is no JSON is told before what is wrong with it.
    assert_eq!(complaint(r#"{"a":1,"a":2"#).0, 400);
    assert_eq!(complaint(&format!("{{\"a\":{}", "[".repeat(40))).0, 400);
}

#[test]
fn an_object_that_looks_like_the_parsers_own_word_for_a_number_is_an_object() {
    for body in [
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"sim":{"$serde_json::private::Number":"8910390000015161789"}}"#,
        r#"{"$serde_json::private::RawValue":"1"}"#,
    ] {
        assert_eq!(written(&read(body.as_bytes()).ok().unwrap()), body);
    }
}

#[test]
fn nesting_has_a_limit_and_no_depth_ends_the_stack() {
    let arrays = |levels: usize, inside: &str| {
        format!("{{\"a\":{}{inside}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
    };
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let too_deep = (200, format!("Request invalid: nested deeper than {BODY_DEPTH_MAX}."));
    for inside in ["", "1", "\"x\"", "1,2.5,null"] {
        assert!(read(arrays(BODY_DEPTH_MAX, inside).as_bytes()).is_ok(), "{inside}");
        assert_eq!(complaint(&arrays(BODY_DEPTH_MAX + 1, inside)), too_deep, "{inside}");
    }
    assert!(read(objects(BODY_DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(complaint(&objects(BODY_DEPTH_MAX + 1)), too_deep);
    let empty_object = BODY_DEPTH_MAX - 1;
    assert!(read(arrays(empty_object, "{}").as_bytes()).is_ok());
    assert_eq!(complaint(&arrays(empty_object + 1, "{}")), too_deep);
    assert_eq!(complaint(&arrays(200_000, "")), too_deep);
    assert_eq!(complaint(&objects(100_000)), too_deep);
}

#[test]
fn a_name_that_is_long_or_odd_is_not_repeated() {
    let long = "x".repeat(65);
    for name in [long.as_str(), "a\\u0007"] {
        let (_, message) = complaint(&format!("{{\"{name}\":1,\"{name}\":2}}"));
        assert_eq!(message, "Request invalid: a member given twice.");
    }
}

#[test]
fn the_number_of_values_has_a_limit_wherever_they_are() {
    // The body is a value, and so is the list.
    let list = |values: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(values - 3));
    assert!(read(list(BODY_VALUES_MAX).as_bytes()).is_ok());
    let too_many = (200, format!("Request invalid: more than {BODY_VALUES_MAX} values."));
    assert_eq!(complaint(&list(BODY_VALUES_MAX + 1)), too_many);
    assert_eq!(
        complaint(&format!("{{\"a\":[{}{{}}]}}", "[[]],".repeat(BODY_VALUES_MAX))),
        too_many
    );
    let members = |count: usize, last: &str| {
        let members: Vec<String> = (1..count).map(|n| format!("\"{n}\":0")).collect();
        format!("{{{},{last}}}", members.join(","))
    };
    assert!(read(members(BODY_VALUES_MAX - 1, "\"x\":0").as_bytes()).is_ok());
    let twice = complaint(&members(BODY_VALUES_MAX - 1, "\"9000\":1"));
    assert_eq!(twice.1, "Request invalid: member '9000' given twice.");
    assert_eq!(complaint(&members(100_000, "\"x\":0")), too_many);
    assert_eq!(complaint(&members(100_000, "\"x\"")).0, 400);
}
