//! TLS to the element: whom the driver believes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use provisor_domain::driver::{Driver as _, Outcome};
use provisor_drivers::http::{HttpDriver, Settings};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::element::Element;
use super::{mediation, with};
use crate::http::classes::known;
use crate::support::{command, present};

/// A certificate for `localhost` that vouches for itself: `NAME.pem` and `NAME.key` in `dir`.
fn certificate(dir: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// Takes TLS off before `element`.
async fn in_front_of(element: SocketAddr, dir: &Path) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(dir.join("host.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(dir.join("host.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(element).await.unwrap();
                drop(copy_bidirectional(&mut outside, &mut inside).await);
            });
        }
    });
    address
}

fn driver(settings: &Value) -> Result<HttpDriver, String> {
    let settings = Settings::from_json(settings.as_object().unwrap())?;
    HttpDriver::new(&"AS".parse().unwrap(), settings, None)
}

#[tokio::test]
async fn only_a_certificate_that_is_vouched_for_and_has_the_name_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path(), "host");
    certificate(dir.path(), "stranger");
    let element = Element::start().await;
    let port = in_front_of(element.address, dir.path()).await.port();
    let at = |host: &str, ca: &str| {
        let place = json!({
            "url": format!("https://{host}:{port}"), "ca_file": dir.path().join(format!("{ca}.pem")),
        });
        driver(&with(mediation(&element), place))
    };
    let order = command(1, 1, vec![known(present(0), 0)]);
    assert_eq!(at("localhost", "host").unwrap().ensure(&order).await, Outcome::Done);
    let sent = element.lines().len();
    for (host, ca, why) in [
        ("localhost", "stranger", "invalid peer certificate"),
        ("127.0.0.1", "host", "certificate not valid for name"),
    ] {
        let outcome = at(host, ca).unwrap().ensure(&order).await;
        let Outcome::Unavailable { reason } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("TLS: ") && reason.contains(why), "{reason}");
    }
    assert_eq!((sent, element.lines().len()), (3, 0));
    let missing = at("localhost", "nobody").unwrap_err();
    assert!(missing.starts_with("`ca_file` ") && missing.contains("No such file"), "{missing}");
    let key = with(
        mediation(&element),
        json!({ "url": "https://localhost", "ca_file": dir.path().join("host.key") }),
    );
    assert!(driver(&key).unwrap_err().contains("no PEM certificate in it"));
}
