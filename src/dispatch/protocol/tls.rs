//! Which cryptography TLS uses, on both sides.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// *ring*: it needs neither OpenSSL nor cmake. What asks the process for its default gets it too.
pub fn tls_provider() -> Arc<CryptoProvider> {
    let provider = Arc::new(ring::default_provider());
    // A second call finds the first one's.
    let _ = CryptoProvider::install_default(ring::default_provider());
    provider
}
