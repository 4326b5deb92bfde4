//! The mail server's address: checked strictly, because a mistyped `tls` would silently send in the clear.

use std::time::Duration;

use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use reqwest::Url;

use crate::config::secret::Secret;
use crate::domain::words;

const EXAMPLE: &str = "write one such as smtp://user:password@mail.example.com:587?tls=required";

/// A good `smtp_url`. It must not be shown.
pub(super) struct SmtpUrl {
    url: Url,
}

impl SmtpUrl {
    /// Reads `smtp://…` (with `?tls=required` or `?tls=opportunistic` for STARTTLS) or `smtps://…`.
    ///
    /// # Errors
    /// With what to write instead, without the address.
    pub(super) fn parse(address: &Secret) -> Result<Self, String> {
        let url =
            Url::parse(address.expose().trim()).map_err(|error| format!("this is no URL ({error}): {EXAMPLE}"))?;
        if !matches!(url.scheme(), "smtp" | "smtps") {
            return Err(format!("`{}` is no scheme for it, smtp and smtps are: {EXAMPLE}", words::clean(url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(format!("the server's name is missing: {EXAMPLE}"));
        }
        if url.username().is_empty() != url.password().is_none() {
            return Err(format!("user and password belong together, special characters as %40: {EXAMPLE}"));
        }
        match url.query_pairs().find(|(key, value)| !is_tls(key, value)) {
            Some((key, _)) if key == "tls" => Err(format!("tls is `required` or `opportunistic`: {EXAMPLE}")),
            Some((key, _)) => Err(format!("`{}` is no parameter of it, only tls is: {EXAMPLE}", words::clean(&key))),
            None => Ok(Self { url }),
        }
    }

    /// The part that may be shown: `mail.example.com:587`.
    pub(super) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let usual = match (self.url.scheme(), self.url.query().is_some()) {
            ("smtps", _) => 465,
            (_, true) => 587,
            _ => 25,
        };
        format!("{host}:{}", self.url.port().unwrap_or(usual))
    }

    /// Whether somebody is to be logged in.
    pub(super) fn has_login(&self) -> bool {
        self.url.password().is_some()
    }

    /// Whether a password is sent where others can read it.
    pub(super) fn sends_password_in_clear(&self) -> bool {
        let is_here = matches!(self.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        self.has_login() && self.url.scheme() == "smtp" && self.url.query().is_none() && !is_here
    }

    /// A transport in the making; it connects nowhere.
    ///
    /// # Errors
    /// If the system's certificates cannot be used.
    pub(super) fn transport(&self, timeout: Duration) -> Result<AsyncSmtpTransportBuilder, String> {
        crate::crypto::install();
        AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.as_str())
            .map(|builder| builder.timeout(Some(timeout)))
            .map_err(|error| format!("cannot be used: {error}"))
    }
}

fn is_tls(key: &str, value: &str) -> bool {
    key == "tls" && matches!(value, "required" | "opportunistic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_are_taken_and_shown_without_the_login() {
        for (address, place) in [
            ("smtp://mail.example.com", "mail.example.com:25"),
            ("smtp://u:geheim@mail.example.com?tls=required", "mail.example.com:587"),
            ("smtps://u:geheim@mail.example.com", "mail.example.com:465"),
            ("smtp://[::1]:2525?tls=opportunistic", "[::1]:2525"),
        ] {
            assert_eq!(SmtpUrl::parse(&Secret::new(address)).map(|smtp| smtp.place()).as_deref(), Ok(place));
        }
    }

    #[test]
    fn a_wrong_address_is_refused_without_showing_it() {
        for (address, hint) in [
            ("mail.example.com:25", "no scheme"),
            ("geheim", "no URL"),
            ("https://geheim.example.com", "no scheme"),
            ("smtp://geheim@mail.example.com", "belong together"),
            ("smtp://mail.example.com?tsl=required", "only tls is"),
            ("smtp://mail.example.com?tls=yes", "`required` or `opportunistic`"),
            ("smtp://u:geheim@mail.example.com?tls=required&x=1", "only tls is"),
        ] {
            let fault = SmtpUrl::parse(&Secret::new(address)).err().expect("refused");
            assert!(fault.contains(hint) && fault.contains(EXAMPLE) && !fault.contains("geheim"), "{fault}");
        }
    }

    #[test]
    fn a_password_in_the_clear_is_noticed() {
        let clear = |address: &str| SmtpUrl::parse(&Secret::new(address)).map(|smtp| smtp.sends_password_in_clear());
        assert_eq!(clear("smtp://u:p@mail.example.com"), Ok(true));
        assert_eq!(clear("smtp://u:p@mail.example.com?tls=required"), Ok(false));
        assert_eq!(clear("smtps://u:p@mail.example.com"), Ok(false));
        assert_eq!(clear("smtp://u:p@127.0.0.1"), Ok(false));
        assert_eq!(clear("smtp://mail.example.com"), Ok(false));
    }
}
