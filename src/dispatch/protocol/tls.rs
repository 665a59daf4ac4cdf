//! Cryptography for TLS, on both sides.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// *ring*, which needs neither OpenSSL nor cmake. Also installs it as the process's default.
pub fn tls_provider() -> Arc<CryptoProvider> {
    let provider = Arc::new(ring::default_provider());
    // Only the first call installs it.
    let _ = CryptoProvider::install_default(ring::default_provider());
    provider
}
