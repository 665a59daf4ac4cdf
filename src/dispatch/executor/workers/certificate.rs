//! Certificates of coordinators.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::protocol::{Fingerprint, tls_provider};

/// A new certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its key, PEM: a secret.
    pub key: String,
    /// Fingerprint, by which workers verify it.
    pub fingerprint: Fingerprint,
}

/// TLS identity of a coordinator: a certificate chain and its key.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    pub(super) tls: Arc<ServerConfig>,
}

impl ServerIdentity {
    /// Reads a certificate chain and its key, both PEM.
    ///
    /// # Errors
    /// [`CertificateError`], also if the key belongs to another certificate.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        tls_provider();
        // Reject a file without a certificate: for it, the iterator below would be empty, not an
        // error.
        CertificateDer::from_pem_slice(certificate)?;
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
        let mut tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls) })
    }
}

/// Error of a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The names are invalid.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The file is not a certificate.
    #[error("not a PEM certificate: {0}")]
    Damaged(#[from] rustls::pki_types::pem::Error),
    /// The file of the key is not a private key.
    #[error("the key is not a PEM private key: {0}")]
    Key(rustls::pki_types::pem::Error),
    /// The certificate or the key cannot be used, or they do not match.
    #[error("cannot use the certificate with this key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Makes a self-signed certificate for these host names and addresses, and its key (RFC 5280; ECDSA
/// on P-256).
///
/// # Errors
/// [`CertificateError::Make`].
pub fn make_certificate(names: Vec<String>) -> Result<CertificateFiles, CertificateError> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    Ok(CertificateFiles {
        certificate: cert.pem(),
        key: signing_key.serialize_pem(),
        fingerprint: Fingerprint::of(cert.der()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_its_certificate_alone() {
        let [one, two] = ["one.example", "10.0.0.7"]
            .map(|name| make_certificate(vec![name.to_owned()]).unwrap());
        let identity = |made: &CertificateFiles, key: &CertificateFiles| {
            ServerIdentity::new(made.certificate.as_bytes(), key.key.as_bytes())
        };
        assert!(identity(&one, &one).is_ok() && identity(&two, &two).is_ok());
        assert!(matches!(
            identity(&one, &two),
            Err(CertificateError::Unusable(_))
        ));
        assert!(matches!(
            ServerIdentity::new(b"", one.key.as_bytes()),
            Err(CertificateError::Damaged(_))
        ));
        assert!(matches!(
            ServerIdentity::new(one.certificate.as_bytes(), b""),
            Err(CertificateError::Key(_))
        ));
        assert!(one.fingerprint != two.fingerprint);
    }
}
