//! Errors as RFC 9457 problem documents.

use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A problem document.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// What happened this time, for people; nothing secret.
    pub detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

/// The answer for a path that does not exist.
pub async fn not_found(uri: Uri) -> Problem {
    Problem { status: StatusCode::NOT_FOUND, detail: format!("nothing is served at {}", uri.path()) }
}

/// The answer for a path that exists, but not for this method.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, detail: format!("{} does not take {method}", uri.path()) }
}
