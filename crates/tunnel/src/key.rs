//! One-time keys.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::Error;

/// Bytes of an Ed25519 key as a `SubjectPublicKeyInfo`, see RFC 8410.
const PUBLIC_LEN: usize = 44;

/// A key pair (Ed25519) that is made for one connection and never leaves this process.
#[derive(Debug, Clone)]
pub struct OneTimeKey {
    certified: Arc<CertifiedKey>,
    public: PublicKey,
}

impl OneTimeKey {
    /// Makes a key pair from the random numbers of the kernel.
    ///
    /// # Errors
    /// [`Error::Key`] if the kernel gives none.
    pub fn generate() -> Result<Self, Error> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::Key("the system gives no random numbers".to_owned()))?;
        let signing = any_eddsa_type(&PrivatePkcs8KeyDer::from(document.as_ref()))
            .map_err(|error| Error::Key(error.to_string()))?;
        let info = signing
            .public_key()
            .ok_or_else(|| Error::Key("the TLS library does not return it".to_owned()))?
            .into_owned();
        let public = PublicKey::try_from(info.as_ref())
            .map_err(|()| Error::Key("the TLS library returns another kind".to_owned()))?;
        let certificate = CertificateDer::from(info.to_vec());
        Ok(Self {
            certified: Arc::new(CertifiedKey::new(vec![certificate], signing)),
            public,
        })
    }

    /// Returns the public half, for the peer.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

/// The public half of a one-time key, as a `SubjectPublicKeyInfo`. In text it is hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_LEN]);

impl PublicKey {
    /// True if a peer has presented this key.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        self.0 == presented
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = ();

    fn try_from(bytes: &[u8]) -> Result<Self, ()> {
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(2 * PUBLIC_LEN);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        formatter.write_str(&text)
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Key("the key of the peer is not one".to_owned());
        if text.len() != 2 * PUBLIC_LEN || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut bytes = [0; PUBLIC_LEN];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}
