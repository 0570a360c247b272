use proptest::prelude::*;

use super::*;

const HASH: &str = "098f6bcd4621d373cade4e832627b4f6";

fn known(path: &str) -> Path {
    match read(path) {
        Some(Reading::Known(known)) => known,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn every_function_is_read_from_its_template_in_every_spelling() {
    for function in Function::ALL {
        let template = function.template();
        for path in [
            template.to_owned(),
            format!("{template}/"),
            template.replace("ccsimplemailapi", "ccSimpleMailApi"),
            template.replace("/pack/", "/packs/"),
            template.replace("/enable/", "/%65nable/"),
        ] {
            let read = known(&path);
            assert_eq!((read.ask.function(), read.tenant), (function, None), "{path}");
            let read = known(&format!("/kommitt{path}"));
            assert_eq!(read.ask.function(), function, "{path}");
            assert_eq!(read.tenant.as_deref(), Some("kommitt"), "{path}");
        }
        assert_eq!(template.matches(function.name().split_once('/').unwrap().1).count(), 1);
    }
}

#[test]
fn what_is_in_a_path_is_decoded_once_and_then_read() {
    let path = known("/kom%6ditt/%63csimplemailapi/access/Cust%2D01/enable/%30");
    assert_eq!(path.tenant.as_deref(), Some("kommitt"));
    assert_eq!(path.customer.unwrap().as_str(), "Cust-01");
    assert!(matches!(path.ask, Ask::Enable(Err(_))));
    let path = known("/ccsimplemailapi/pack/a%252e/enable/We%62/a%2Fb");
    assert!(path.customer.is_err(), "decoded once: a per cent sign is left");
    let Ask::PackEnable(text) = path.ask else { panic!("{:?}", path.ask) };
    assert_eq!((text.pack.as_str(), text.value.as_str()), ("Web", "a/b"));
    let upper = HASH.to_uppercase();
    let Ask::Enable(Ok(hash)) = known(&format!("/ccsimplemailapi/access/1/enable/{upper}")).ask
    else {
        panic!("no hash")
    };
    assert_eq!(hash.expose(), HASH);
}

#[test]
fn paths_that_name_the_face_and_nothing_in_it_are_unknown() {
    for path in [
        "/ccsimplemailapi",
        "/ccsimplemailapi/",
        "/kommitt/ccSimpleMailApi",
        "//ccsimplemailapi/access/1/status",
        "/ccsimplemailapi//access/1/status",
        "/ccsimplemailapi/access//status",
        "/ccsimplemailapi/access/1/status//",
        "/ccsimplemailapi/access/1/status/more",
        "/ccsimplemailapi/access/1/enable",
        "/ccsimplemailapi/access/1/enable/",
        "/ccsimplemailapi/access/1/enable/x/y",
        "/ccsimplemailapi/pack/1/enable/mail",
        "/ccsimplemailapi/pack/1/enable/mail/5/6",
        "/ccsimplemailapi/Access/1/status",
        "/ccsimplemailapi/access/1/Status",
        "/ccsimplemailapi/mails/1/list",
        "/ccsimplemailapi/access/%/status",
        "/ccsimplemailapi/access/%4/status",
        "/ccsimplemailapi/access/%+1/status",
        "/ccsimplemailapi/access/%ff/status",
        "/ccsimplemailapi/ccsimplemailapi/access/1/status",
        "/k/ccsimplemailapi/pack/1/enable/mail/5/6/7/8/9",
    ] {
        assert!(matches!(read(path), Some(Reading::Unknown)), "{path}: {:?}", read(path));
    }
}

#[test]
fn other_paths_are_not_this_faces() {
    for path in [
        "",
        "/",
        "*",
        "/v1/getContracts",
        "/a/b/ccsimplemailapi/access/1/status",
        "/ccsimplemailap/access/1/status",
        "/ccsimplemailapi%2Faccess/1/status",
        "/%ff/%",
    ] {
        assert!(read(path).is_none(), "{path}: {:?}", read(path));
    }
}

#[test]
fn neither_a_redacted_path_nor_debug_output_holds_what_was_sent() {
    let path = format!("/ccsimplemailapi/access/Cust01/enable/{HASH}");
    let reading = read(&path).unwrap();
    assert_eq!(reading.redacted().path(), "/ccsimplemailapi/access/ParCustId/enable/HASH");
    assert!(!format!("{reading:?}").contains(HASH));
    let bad = format!("/ccsimplemailapi/access/Cust01/enable/{HASH}0");
    assert!(!format!("{:?}", read(&bad)).contains(HASH));
    let odd = format!("/ccsimplemailapi/access/Cust01/enabel/{HASH}");
    assert_eq!(read(&odd).unwrap().redacted().to_string(), "/ccsimplemailapi");
    assert!(!format!("{:?}", read(&odd)).contains(HASH));
}

/// Segments that are right, nearly right, or anything.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "ccsimplemailapi", "ccSimpleMailApi", "access", "pack", "packs", "mail", "enable", "disable",
            "status", "list", "Cust01", "10953", "kommitt", HASH, "5", "", "%", "%4", "%2F", "%25", "%C3%BC",
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9%._~/ ü-]{0,12}",
        1 => any::<String>(),
    ]
}

/// Any path of a known shape, with anything for the segments that are free.
fn shaped() -> impl Strategy<Value = String> {
    let function = prop::sample::select(Function::ALL.to_vec());
    let tenant = prop::option::of("[a-z0-9 %/ü]{1,8}");
    (function, tenant, "[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}", "[0-9a-fA-F]{32}", any::<[String; 2]>())
        .prop_filter_map("segments are not empty", |(function, tenant, id, hash, [pack, value])| {
            let rest = function.template().replace("ParCustId", &id).replace("HASH", &hash);
            if pack.is_empty() || value.is_empty() {
                return None;
            }
            let tail = format!("{}/{}", encoded(&pack), encoded(&value));
            let tenant = tenant.map(|t| format!("/{}", encoded(&t))).unwrap_or_default();
            Some(format!("{tenant}{}", rest.replace("PACK/VALUE", &tail)))
        })
}

#[test]
fn a_customer_named_like_a_part_of_a_template_is_written_as_it_is() {
    for customer in ["aHASHb", "ParCustId", "PACK"] {
        let path = format!("/ccsimplemailapi/access/{customer}/enable/{HASH}");
        assert_eq!(written(&known(&path)), Some(path));
    }
}

proptest! {
    #[test]
    fn anything_is_read_without_a_panic(path in any::<String>()) {
        fuzz_path(&path);
    }

    #[test]
    fn what_nearly_is_a_path_is_read_without_a_panic(segments in prop::collection::vec(segment(), 0..9)) {
        fuzz_path(&format!("/{}", segments.join("/")));
    }

    #[test]
    fn what_was_written_is_read_as_the_same(path in shaped()) {
        let read = known(&path);
        prop_assert_eq!(written(&read).map(|w| w.to_lowercase()), Some(path.to_lowercase()));
        fuzz_path(&path);
    }
}
