//! Fingerprint of a coordinator's certificate, by which workers recognise it.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate (DER), as `openssl x509 -fingerprint -sha256` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is not a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid fingerprint {0:?}: expected 64 hexadecimal digits, with or without colons")]
pub struct InvalidFingerprint(String);

impl Fingerprint {
    /// Computes the fingerprint of a certificate.
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;
    fn from_str(word: &str) -> Result<Self, InvalidFingerprint> {
        let digits = word.replace(':', "").to_lowercase();
        // A BLAKE3 digest has the same form, 32 bytes in hexadecimal: use its parser.
        blake3::Hash::from_hex(&digits)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| InvalidFingerprint(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn a_fingerprint_is_sha_256() {
        let abc = Fingerprint::of(b"abc");
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(abc.to_string(), digits);
        assert_eq!(digits.parse(), Ok(abc));
        let pairs: Vec<String> = digits
            .to_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|c| String::from_utf8_lossy(c).into())
            .collect();
        assert_eq!(pairs.join(":").parse(), Ok(abc));
        for bad in [
            "",
            &digits[1..],
            "zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            assert!(bad.parse::<Fingerprint>().is_err());
        }
    }
}
