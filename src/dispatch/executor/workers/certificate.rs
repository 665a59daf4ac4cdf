//! The certificate by which workers know their coordinator.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::protocol::{Fingerprint, tls_provider};

/// A certificate that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its key, PEM: a secret.
    pub key: String,
    /// By which workers know it.
    pub fingerprint: Fingerprint,
}

/// Who a coordinator is to its workers: a certificate, with those that vouch for it, and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) tls: Arc<ServerConfig>,
}

impl Identity {
    /// A certificate and its key, as PEM.
    ///
    /// # Errors
    /// [`CertificateError`], also where the key is another's.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        tls_provider();
        // Of a file without one, there would be nothing to say.
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

/// What is wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// None can be made for these names.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It is none.
    #[error("it is no certificate: {0}")]
    Damaged(#[from] rustls::pki_types::pem::Error),
    /// The key is none.
    #[error("its key is none: {0}")]
    Key(rustls::pki_types::pem::Error),
    /// They cannot be used, or not with each other.
    #[error("it cannot be used with this key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Makes a certificate for a machine of these names and addresses, and the key to it (RFC 5280; ECDSA on P-256).
///
/// # Errors
/// [`CertificateError::Make`].
pub fn make_certificate(names: Vec<String>) -> Result<Made, CertificateError> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    Ok(Made {
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
        let identity = |made: &Made, key: &Made| {
            Identity::new(made.certificate.as_bytes(), key.key.as_bytes())
        };
        assert!(identity(&one, &one).is_ok() && identity(&two, &two).is_ok());
        assert!(matches!(
            identity(&one, &two),
            Err(CertificateError::Unusable(_))
        ));
        assert!(matches!(
            Identity::new(b"", one.key.as_bytes()),
            Err(CertificateError::Damaged(_))
        ));
        assert!(matches!(
            Identity::new(one.certificate.as_bytes(), b""),
            Err(CertificateError::Key(_))
        ));
        assert!(one.fingerprint != two.fingerprint);
    }
}
