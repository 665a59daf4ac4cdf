//! The certificate by which workers know their coordinator.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::protocol::Fingerprint;

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

/// What is wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// None can be made for these names.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It is none.
    #[error("it is no certificate: {0}")]
    Damaged(#[from] rustls::pki_types::pem::Error),
}

/// Makes a certificate for a machine of these names and addresses, and the key to it (RFC 5280; ECDSA on P-256).
///
/// # Errors
/// [`CertificateError::Make`].
pub fn make_certificate(names: Vec<String>) -> Result<Made, CertificateError> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    Ok(Made { certificate: cert.pem(), key: signing_key.serialize_pem(), fingerprint: Fingerprint::of(cert.der()) })
}

/// The fingerprint of the first certificate in a PEM file.
///
/// # Errors
/// [`CertificateError::Damaged`].
pub fn fingerprint(pem: &[u8]) -> Result<Fingerprint, CertificateError> {
    Ok(Fingerprint::of(&CertificateDer::from_pem_slice(pem)?))
}
