//! What the types that live in EC2's API share: page size, filters by id, tags.
//!
//! Where few resources are declared and nothing else is wanted, a filter makes one call of a listing that would
//! otherwise run through everything that the account has.

use aws_sdk_ec2::types::{Filter, Tag};
use serde_json::{Map, Value};

use super::{ReadRequest, Undeclared};

/// Results per page, the most that EC2 allows.
pub(super) const PAGE: i32 = 1000;

/// Values of one filter, the most that EC2 allows.
const FILTER_VALUES: usize = 200;

/// A filter `name` for the declared ids, if nothing else is wanted and they are few enough.
pub(super) fn declared_filter(request: &ReadRequest, name: &str) -> Option<Vec<Filter>> {
    if request.undeclared != Undeclared::Skip || request.declared.len() > FILTER_VALUES {
        return None;
    }
    let ids = request.declared.keys().cloned().collect();
    Some(vec![Filter::builder().name(name).set_values(Some(ids)).build()])
}

/// The token of the next page; AWS writes "none" as an absent or an empty one.
pub(super) fn next_page(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}

/// Tags as an object.
pub(super) fn tags(tags: Option<Vec<Tag>>) -> Map<String, Value> {
    let pair = |tag: Tag| (tag.key.unwrap_or_default(), Value::String(tag.value.unwrap_or_default()));
    tags.unwrap_or_default().into_iter().map(pair).collect()
}
