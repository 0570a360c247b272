//! Encrypted connections, by rustls.
//!
//! Invariant: what is not verified is what libpq does not verify either (`sslmode` below `verify-ca` without roots, the
//! host's name below `verify-full`); signatures of the handshake are verified always.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Encryption, Roots, SslMode};
use super::open::OpenError;

/// What encrypts connections as `encryption` says. Reads the files that it names.
pub(super) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect, OpenError> {
    let provider = Arc::new(ring::default_provider());
    let roots = encryption.roots.as_ref().map(store).transpose()?.map(Arc::new);
    let wants = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Broken(error.to_string()))?;
    let wants = match (encryption.mode, roots) {
        (SslMode::VerifyFull, Some(roots)) => wants.with_root_certificates(roots),
        (_, roots) => {
            let chain = roots
                .map(|roots| {
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                        .build()
                })
                .transpose()
                .map_err(|error| OpenError::Tls(error.to_string()))?;
            let verifier = Arc::new(Lenient { provider, chain });
            wants.dangerous().with_custom_certificate_verifier(verifier)
        }
    };
    let config = match &encryption.identity {
        None => wants.with_no_client_auth(),
        Some((certificate, key)) => wants
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| OpenError::Tls(format!("sslcert and sslkey: {error}")))?,
    };
    Ok(MakeRustlsConnect::new(config))
}

fn store(roots: &Roots) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::File(file) => {
            for certificate in certificates(file)? {
                let added = store.add(certificate);
                added.map_err(|error| OpenError::Tls(format!("{}: {error}", file.display())))?;
            }
        }
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                let why = found.errors.first().map(|error| format!(" ({error})"));
                return Err(OpenError::Tls(format!(
                    "this machine has no trusted roots{}: install ca-certificates, or name a file with sslrootcert=FILE",
                    why.unwrap_or_default()
                )));
            }
        }
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let pem = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(OpenError::Tls(format!("{} holds no certificate in PEM form", file.display()))),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, OpenError> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|_| {
        OpenError::Tls(format!("{} holds no unencrypted private key in PEM form", file.display()))
    })
}

fn read(file: &Path) -> Result<Vec<u8>, OpenError> {
    fs::read(file)
        .map_err(|error| OpenError::Tls(format!("{} cannot be read: {error}", file.display())))
}

/// Verifies what libpq verifies below `verify-full`: the chain where there are roots, else nothing; never the name.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last: the chain is good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
