//! Who may call what: every function for everybody who might come.

use axum::http::StatusCode;
use provisor_domain::user::CredentialUse;
use provisor_web::HttpLimits;
use provisor_web::simple_portal::Function;

use super::*;

const OUTSIDE: &str = "192.0.2.7";

/// What somebody is told of a customer that is not there, who is let in. No `_`: a function without a row does not
/// compile.
fn let_in(function: Function) -> StatusCode {
    match function {
        Function::AccessStatus | Function::AccessEnable => StatusCode::OK,
        Function::AccessDisable
        | Function::PackList
        | Function::PackEnable
        | Function::PackDisable
        | Function::MailList => StatusCode::NOT_FOUND,
    }
}

/// What somebody is told who may only read. No `_` here either.
fn reading(function: Function) -> StatusCode {
    match function {
        Function::AccessStatus | Function::PackList | Function::MailList => let_in(function),
        Function::AccessEnable
        | Function::AccessDisable
        | Function::PackEnable
        | Function::PackDisable => StatusCode::FORBIDDEN,
    }
}

/// Somebody: from where, what is shown, what is told.
struct Caller {
    who: &'static str,
    from: &'static str,
    /// Empty for nothing.
    shown: String,
    told: fn(Function) -> StatusCode,
}

fn basic(username: &str, password: &str) -> String {
    let both = format!("{username}:{password}");
    format!("Basic {}", base64(both.as_bytes()))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// RFC 4648, by hand: so that the face's own decoder is not what checks it.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(*three.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let sign = SIGNS[bits >> (18 - 6 * i) & 63];
            text.push(if i <= three.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

async fn everybody(world: &World) -> Vec<Caller> {
    let write = CredentialUse::Write;
    let own = world.credential_of("backend", write, &[]).await;
    let other = world.credential_of("stranger", write, &[]).await;
    let elsewhere = world.credential_of("backend", write, &["198.51.100.0/24"]).await;
    let read_only = world.credential_of("backend", CredentialUse::Read, &[]).await;
    let nothing = String::new;
    let unauthorized = |_| StatusCode::UNAUTHORIZED;
    let forbidden = |_| StatusCode::FORBIDDEN;
    let caller = |who, from, shown, told| Caller { who, from, shown, told };
    vec![
        caller("nothing, from inside", "127.0.0.1", nothing(), let_in),
        caller("nothing, from outside", OUTSIDE, nothing(), unauthorized),
        caller("nothing, from outside by IPv6", "2001:db8::7", nothing(), unauthorized),
        caller("own password", OUTSIDE, basic("backend", "Stuttgart"), let_in),
        caller("own credential as password", OUTSIDE, basic("backend", &own), let_in),
        caller("own credential", OUTSIDE, bearer(&own), let_in),
        caller("own credential, from inside", "127.0.0.1", bearer(&own), let_in),
        caller("read-only credential", OUTSIDE, bearer(&read_only), reading),
        caller("read-only credential, from inside", "127.0.0.1", bearer(&read_only), reading),
        caller("credential for another network", OUTSIDE, bearer(&elsewhere), unauthorized),
        caller("credential from its network", "198.51.100.7", bearer(&elsewhere), let_in),
        caller("another tenant's password", OUTSIDE, basic("stranger", "Stuttgart"), forbidden),
        caller("another tenant's credential", OUTSIDE, bearer(&other), forbidden),
        caller("another tenant's, from inside", "127.0.0.1", bearer(&other), forbidden),
        caller("a user of the other face", OUTSIDE, basic("MarioG", "Stuttgart"), forbidden),
        caller(
            "made-up credential",
            "203.0.113.7",
            bearer(&own.replace("pvk", "pvx")),
            unauthorized,
        ),
        caller("unreadable, from inside", "127.0.0.1", "Basic !".into(), unauthorized),
    ]
}

#[tokio::test]
async fn every_function_is_for_those_who_may_and_for_nobody_else() {
    let world = World::new().await;
    for (number, caller) in everybody(&world).await.into_iter().enumerate() {
        for function in Function::ALL {
            let customer = format!("c{number}-{}", function as usize);
            let mut call = get(&path(function, &customer)).at_once().from(caller.from);
            if !caller.shown.is_empty() {
                call = call.header("authorization", &caller.shown);
            }
            let answer = call.send(&world).await;
            let told = (caller.told)(function);
            assert_eq!(answer.status, told, "{function:?} for {}: {answer:?}", caller.who);
            let challenge = answer.header("www-authenticate");
            let wanted = "Basic realm=\"Simple Portal\", charset=\"UTF-8\"";
            let wanted = Some(wanted).filter(|_| told == StatusCode::UNAUTHORIZED);
            assert_eq!(challenge, wanted, "{answer:?}");
            let raised = function == Function::AccessEnable && told == StatusCode::OK;
            let status = get(&path(Function::AccessStatus, &customer)).send(&world).await.json();
            assert_eq!(status["dirty"], raised, "{function:?} for {}", caller.who);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_even_from_inside() {
    let world = World::new().await;
    let call = get(&path(Function::AccessStatus, "1"));
    let wrong = basic("backend", "stuttgart");
    let answer = call.header("authorization", &wrong).send(&world).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.starts_with("Signing in failed; "), "{answer:?}");
}

#[tokio::test]
async fn what_an_unknown_proxy_forwards_comes_from_nowhere() {
    let world = World::new().await;
    let status = || get(&path(Function::AccessStatus, "1"));
    for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let answer = status().header(name, "127.0.0.1").send(&world).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(answer.body.contains("trusted_proxies"), "{answer:?}");
        let shown = basic("backend", "Stuttgart");
        let call = status().header(name, "127.0.0.1").header("authorization", &shown);
        assert_eq!(call.send(&world).await.status, StatusCode::OK, "{name}");
    }
    let limits = HttpLimits {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..HttpLimits::default()
    };
    let world = World::with(limits).await;
    let forwarded = async |name, value| status().header(name, value).send(&world).await.status;
    assert_eq!(forwarded("x-forwarded-for", "127.0.0.5").await, StatusCode::OK);
    assert_eq!(forwarded("x-forwarded-for", OUTSIDE).await, StatusCode::UNAUTHORIZED);
    assert_eq!(forwarded("x-forwarded-for", "unknown").await, StatusCode::UNAUTHORIZED);
    assert_eq!(forwarded("x-real-ip", "127.0.0.5").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status().send(&world).await.status, StatusCode::OK);
}
