//! Spellings of paths, methods, bodies, limits; figures.

use axum::http::{Method, StatusCode};
use provisor_domain::limits::BODY_BYTES_MAX;
use provisor_web::HttpLimits;
use provisor_web::simple_portal::Function;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

#[tokio::test]
async fn a_path_is_the_same_in_every_spelling_of_the_document() {
    let world = World::new().await;
    let wanted = get(&path(Function::PackList, ADOPTED)).send(&world).await;
    assert_eq!(wanted.status, StatusCode::OK);
    for path in [
        "/ccSimpleMailApi/pack/10038892/list",
        "/ccsimplemailapi/packs/10038892/list",
        "/CCSIMPLEMAILAPI/pack/10038892/list/",
        "/kommitt/ccSimpleMailApi/packs/10038892/list/",
        "/kommitt/ccsimplemailapi/pack/%31%30038892/list?x=y",
        "/kom%6Ditt/ccsimplemailapi/pack/10038892/%6cist",
    ] {
        let answer = get(path).send(&world).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &wanted.body), "{path}");
    }
    let other = get("/other/ccsimplemailapi/pack/10038892/list").send(&world).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "another tenant's customers are others");
}

#[tokio::test]
async fn a_path_that_only_names_the_face_is_not_found_in_plain_text_and_others_are_the_other_faces()
{
    let world = World::new().await;
    for path in [
        "/ccsimplemailapi",
        "/x/ccsimplemailapi/y",
        "/ccsimplemailapi/access//status",
        "//ccsimplemailapi/access/1/status",
    ] {
        let answer = get(path).send(&world).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.starts_with("There is nothing at this path; "), "{answer:?}");
    }
    for path in ["/a/b/ccsimplemailapi/access/1/status", "/ccsimplemail/access/1/status"] {
        assert_eq!(world.get(path).await.code(), "002", "{path}");
    }
}

#[tokio::test]
async fn get_and_post_act_and_no_other_method_does() {
    let world = World::new().await;
    for (number, function) in Function::ALL.into_iter().enumerate() {
        let customer = format!("c{number}");
        let path = path(function, &customer);
        let allowed =
            if function.changes() { "GET, POST, OPTIONS" } else { "GET, HEAD, POST, OPTIONS" };
        let options = get(&path).method(Method::OPTIONS).send(&world).await;
        assert_eq!((options.status, options.body.as_str()), (StatusCode::NO_CONTENT, ""));
        assert_eq!(
            (options.header("allow"), options.header("content-type")),
            (Some(allowed), None)
        );
        let mut others = vec![Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE];
        others.push(Method::from_bytes(b"BREW").unwrap());
        if function.changes() {
            others.push(Method::HEAD);
        }
        for method in others {
            let answer = get(&path).method(method.clone()).send(&world).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
        let status = get(&super::path(Function::AccessStatus, &customer)).send(&world).await;
        assert_eq!(status.json()["dirty"], false, "{path}");
        let by = async |method| get(&path).at_once().method(method).send(&world).await;
        if function.changes() {
            continue;
        }
        let (got, posted) = (by(Method::GET).await, by(Method::POST).await);
        assert_eq!((got.status, &got.body), (posted.status, &posted.body));
        assert_eq!(by(Method::HEAD).await.status, got.status);
    }
    let posted = get(&path(Function::AccessEnable, "posted")).at_once().method(Method::POST);
    let posted = posted.body("{ ignored".into()).send(&world).await;
    assert_eq!(posted.body, r#"{"ParCustId":"posted","sequence":1,"dirty":true}"#);
}

#[tokio::test]
async fn a_body_is_ignored_and_limited() {
    let world = World::new().await;
    let status = |body: Vec<u8>| {
        get(&path(Function::AccessStatus, "1")).method(Method::POST).body(body.into())
    };
    assert_eq!(status(vec![b'x'; BODY_BYTES_MAX]).send(&world).await.status, StatusCode::OK);
    let large = status(vec![b'x'; BODY_BYTES_MAX + 1]).send(&world).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let pieces = [Ok(b"x".to_vec()), Err(std::io::Error::other("gone"))];
    let broken = Body::from_stream(futures_util::stream::iter(pieces));
    let broken = get(&path(Function::AccessStatus, "1")).method(Method::POST).body(broken);
    assert_eq!(broken.send(&world).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_calls_too_often_or_when_there_is_no_room_is_told_when_to_come_back() {
    let limits = HttpLimits { requests_per_second: Some(1), ..HttpLimits::default() };
    let world = World::with(limits).await;
    let call = || get(&path(Function::AccessStatus, "1")).header("accept-language", "de");
    let mut throttled = call().send(&world).await;
    for _ in 0..100 {
        if throttled.status != StatusCode::OK {
            break;
        }
        throttled = call().send(&world).await;
    }
    assert_eq!(throttled.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(throttled.header("retry-after"), Some("1"));
    assert!(throttled.body.starts_with("Aus Ihrem Netz kommen zu viele Aufrufe"), "{throttled:?}");
    let world =
        World::with(HttpLimits { requests_in_flight_max: 0, ..HttpLimits::default() }).await;
    let busy = call().send(&world).await;
    assert_eq!(
        (busy.status, busy.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, Some("1"))
    );
    let world = World::new().await;
    world.maintenance(true).await;
    let away = call().send(&world).await;
    assert_eq!(
        (away.status, away.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, Some("30"))
    );
}

#[tokio::test]
async fn xml_is_for_either_name_of_the_header_and_errors_stay_plain() {
    let world = World::new().await;
    for name in ["force-xml", "xml-force"] {
        let answer =
            get(&path(Function::AccessStatus, "1")).header(name, "TRUE").send(&world).await;
        assert!(answer.body.starts_with("<?xml version=\"1.0\"?>\n<response>\n    <ParCustId>1<"));
        let json = get(&path(Function::AccessStatus, "1")).header(name, "false").send(&world).await;
        assert!(json.body.starts_with('{'), "{json:?}");
    }
    get(&path(Function::PackList, "none")).xml().send(&world).await;
}

/// What a server answers to these bytes, once it has closed the connection.
pub(super) async fn over_the_wire(world: &World, request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let stop = watch::Sender::new(false);
    let serving = provisor_web::serve(
        listener,
        world.router.clone(),
        HttpLimits::default(),
        stop.subscribe(),
        Vec::new(),
    );
    let talking = async {
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        stop.send_replace(true);
        answer
    };
    let both = async { tokio::join!(serving, talking).1 };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("an answer")
}

#[tokio::test]
async fn head_is_like_get_without_the_body() {
    let world = World::new().await;
    let path = path(Function::AccessStatus, "1");
    let got = over_the_wire(&world, &format!("GET {path}")).await;
    let (head, body) = got.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body.starts_with('{'), "{got}");
    let headed = over_the_wire(&world, &format!("HEAD {path}")).await;
    assert!(headed.starts_with("HTTP/1.1 200 OK\r\n") && headed.ends_with("\r\n\r\n"), "{headed}");
    let length = format!("content-length: {}\r\n", body.len());
    assert!(headed.contains(&length) && headed.contains("text/json"), "{headed}");
    let odd = over_the_wire(&world, "GET http://elsewhere/ccsimplemailapi/access/1/status").await;
    assert!(odd.starts_with("HTTP/1.1 200 OK\r\n"), "{odd}");
}

#[tokio::test]
async fn figures_name_functions_and_nothing_that_was_sent() {
    let world = World::new().await;
    get(&path(Function::AccessEnable, "canary")).at_once().send(&world).await;
    get(&path(Function::AccessEnable, "canary")).send(&world).await;
    get("/canary/ccsimplemailapi/canary").send(&world).await;
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &world.registry).unwrap();
    for line in [
        r#"provisor_http_requests_total{route="access/enable",outcome="ok"} 1"#,
        r#"provisor_http_requests_total{route="access/enable",outcome="refused"} 1"#,
        r#"provisor_http_requests_total{route="none",outcome="no_route"} 1"#,
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is missing:\n{page}");
    }
    assert!(!page.contains("canary"));
}
