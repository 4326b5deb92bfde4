//! A request to AWS, named as AWS names it, and AWS's errors as each service writes them.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

/// Service and operation of a request.
///
/// Query APIs are called by their action (`DescribeInstances`). S3 has `ListBuckets`; a bucket's sub-resources are
/// `GET ?versioning`; the bucket itself is `PUT bucket`, an object `GET object`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub service: String,
    pub operation: String,
    /// The bucket of an S3 call, else the body of the form.
    pub subject: String,
    /// The access key that it is signed with.
    pub access_key: String,
    /// The region that it is signed for.
    pub region: String,
    /// The form, or the query of an S3 call.
    parameters: String,
}

impl Call {
    /// The call that a request is.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Self {
        let signature = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut credential = signature.split_once("Credential=").map_or("", |(_, rest)| rest).split('/');
        let access_key = credential.next().unwrap_or_default().to_owned();
        let region = credential.nth(1).unwrap_or_default().to_owned();
        let service = credential.next().unwrap_or("unknown").to_owned();
        let form = String::from_utf8_lossy(body).into_owned();
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        match action {
            Some(action) if service != "s3" => {
                let operation = action.to_owned();
                Self { service, operation, subject: form.clone(), access_key, region, parameters: form }
            }
            _ => {
                let (operation, subject) = s3_operation(method, uri);
                let parameters = uri.query().unwrap_or_default().to_owned();
                Self { service, operation, subject, access_key, region, parameters }
            }
        }
    }

    /// The parameters of the form or the query.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = self.parameters.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decode(name), decode(value))).collect()
    }
}

fn s3_operation(method: &Method, uri: &Uri) -> (String, String) {
    let mut path = uri.path().trim_start_matches('/').splitn(2, '/');
    let bucket = path.next().unwrap_or_default().to_owned();
    let is_object = path.next().is_some_and(|key| !key.is_empty());
    // A sub-resource stands in the query without a value.
    let query = uri.query().unwrap_or_default();
    let sub_resource =
        query.split('&').find(|pair| !pair.is_empty() && pair.split_once('=').is_none_or(|(_, v)| v.is_empty()));
    let operation = match sub_resource {
        _ if bucket.is_empty() => "ListBuckets".to_owned(),
        Some(name) => format!("{method} ?{}", name.trim_end_matches('=')),
        None if is_object => format!("{method} object"),
        None => format!("{method} bucket"),
    };
    (operation, bucket)
}

/// An error as the service writes it.
pub fn error_body(service: &str, code: &str, message: &str) -> String {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let xml = match service {
        "ec2" => format!("<Response><Errors><Error>{error}</Error></Errors><RequestID>test</RequestID></Response>"),
        "s3" => format!("<Error>{error}<RequestId>test</RequestId><HostId>test</HostId></Error>"),
        _ => format!(
            "<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>test</RequestId></ErrorResponse>"
        ),
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}")
}

/// Status and body with which the service asks to be asked less often.
pub fn slow_down(service: &str) -> (u16, String) {
    let (status, code, message) = match service {
        "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded."),
        "s3" => (503, "SlowDown", "Please reduce your request rate."),
        _ => (400, "Throttling", "Rate exceeded"),
    };
    (status, error_body(service, code, message))
}
