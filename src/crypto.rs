//! The one choice of cryptography for every TLS connection: rustls with ring.
//!
//! TLS clients are built without a provider of their own, so that one implementation is compiled and audited. They
//! must never be built before [`install`] was called.

/// Makes ring the provider of all TLS connections of this process. Calling it again does nothing.
pub fn install() {
    // An error says that a provider stands already: ours from an earlier call, or the one of a program around us.
    rustls::crypto::ring::default_provider().install_default().ok();
}
