//! The TLS of a process: rustls with ring.

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use rustls::crypto::ring;

/// The TLS library of the AWS SDK's clients.
pub(crate) const OF_AWS: Provider = Provider::Rustls(CryptoMode::Ring);

/// Installs ring for reqwest's clients. They bring no cryptography of their own, and panic without any.
pub fn install() {
    // An error says that it has been installed already.
    let _ = ring::default_provider().install_default();
}
