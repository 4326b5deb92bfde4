//! Answers that AWS never gives but servers that stand in for it do, and that the SDK refuses to read.
//!
//! Two are told apart with certainty by the root of the XML: an answer named after the operation, as `moto` writes it
//! where its model gives no other name; and a listing of the bucket's objects, from a server that overlooks a
//! sub-resource because it does not have the feature. Anything else stays an error.

use aws_sdk_s3::config::http::HttpResponse;
use serde_json::{Map, Value};

/// The fields of answers that are named after their operation, in XML and in JSON.
const FIELDS: &[(&str, &str)] = &[("Status", "Status"), ("MfaDelete", "MFADelete")];

/// What a stand-in's answer to `operation` says, in AWS's JSON form; null where it does not have the feature.
/// `None` if it is no such answer.
pub(super) fn answer(operation: &str, response: &HttpResponse) -> Option<Value> {
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    if !response.status().is_success() {
        return None;
    }
    let root = root(body)?;
    if root == "ListBucketResult" {
        return Some(Value::Null);
    }
    // The notification of a bucket that has none goes by the operation's former name.
    let named = root.strip_suffix("Response").filter(|name| operation.starts_with(name))?;
    let is_whole = body.contains("/>") || body.trim_end().ends_with(&format!("</{named}Response>"));
    is_whole.then(|| Value::Object(fields(body)))
}

/// The name of the first element.
fn root(body: &str) -> Option<&str> {
    let mut tags = body.split('<').skip(1);
    let tag = tags.find(|tag| !tag.starts_with(['?', '!']))?;
    tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()
}

fn fields(body: &str) -> Map<String, Value> {
    let text = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    FIELDS.iter().filter_map(|(xml, json)| Some(((*json).to_owned(), text(xml)?.into()))).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::primitives::SdkBody;
    use serde_json::json;

    use super::*;

    fn answered(operation: &str, body: &'static str) -> Option<Value> {
        let status = 200_u16.try_into().expect("a status");
        answer(operation, &HttpResponse::new(status, SdkBody::from(body)))
    }

    #[test]
    fn an_answer_named_after_its_operation_is_read() {
        let prolog = "<?xml version=\"1.0\"?>\n<GetBucketVersioningResponse xmlns=\"x\"><Status>Enabled</Status>\
                      <MfaDelete>Disabled</MfaDelete></GetBucketVersioningResponse>";
        let versioning = json!({ "Status": "Enabled", "MFADelete": "Disabled" });
        assert_eq!(answered("GetBucketVersioning", prolog), Some(versioning));
        let none = "<GetBucketNotificationResponse xmlns=\"x\"/>";
        assert_eq!(answered("GetBucketNotificationConfiguration", none), Some(json!({})));
    }

    #[test]
    fn a_listing_of_objects_means_that_the_feature_is_not_there() {
        let listing = "<ListBucketResult><Name>b</Name></ListBucketResult>";
        assert_eq!(answered("GetBucketRequestPayment", listing), Some(Value::Null));
    }

    #[test]
    fn anything_else_stays_an_error() {
        for body in
            ["", "<html></html>", "<GetBucketVersioningResponse><Status>Ena", "<GetBucketAclResponse/>", "plain"]
        {
            assert_eq!(answered("GetBucketVersioning", body), None, "{body}");
        }
    }
}
