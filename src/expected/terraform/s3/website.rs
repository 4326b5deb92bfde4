//! Static website hosting, inline and in a resource of its own.

use serde_json::{Value, json};

use super::super::block::{Block, object};

/// What the rows of a resource of its own read.
pub(super) const SPLIT: &[(&str, &str)] = &[
    ("index_document[0].suffix", "/IndexDocument/Suffix"),
    ("error_document[0].key", "/ErrorDocument/Key"),
    ("redirect_all_requests_to[0].host_name", "/RedirectAllRequestsTo/HostName"),
    ("redirect_all_requests_to[0].protocol", "/RedirectAllRequestsTo/Protocol"),
    ("routing_rule[*].condition[0].http_error_code_returned_equals", "/RoutingRules"),
    ("routing_rule[*].condition[0].key_prefix_equals", "/RoutingRules"),
    ("routing_rule[*].redirect[0].host_name", "/RoutingRules"),
    ("routing_rule[*].redirect[0].http_redirect_code", "/RoutingRules"),
    ("routing_rule[*].redirect[0].protocol", "/RoutingRules"),
    ("routing_rule[*].redirect[0].replace_key_prefix_with", "/RoutingRules"),
    ("routing_rule[*].redirect[0].replace_key_with", "/RoutingRules"),
    ("routing_rules", "/RoutingRules"),
];

/// What the rows of the inline form read.
pub(super) const INLINE: &[(&str, &str)] = &[
    ("website[0].index_document", "/IndexDocument/Suffix"),
    ("website[0].error_document", "/ErrorDocument/Key"),
    ("website[0].redirect_all_requests_to", "/RedirectAllRequestsTo"),
    ("website[0].routing_rules", "/RoutingRules"),
];

/// A website of a resource of its own. Routing rules are blocks or one JSON text: the other is then a copy.
pub(super) fn website(site: Block<'_>) -> Value {
    let named = |block: &str, name: &str| site.block(block).and_then(|document| document.text(name)).map(Value::from);
    let redirect = site.block("redirect_all_requests_to").map(|to| {
        let text = |name| to.text(name).map(Value::from);
        object([("HostName", text("host_name")), ("Protocol", text("protocol"))])
    });
    let blocks = site.blocks("routing_rule");
    let rules =
        if blocks.is_empty() { routing_text(site) } else { Some(blocks.into_iter().map(routing_rule).collect()) };
    object([
        ("IndexDocument", named("index_document", "suffix").map(|suffix| json!({ "Suffix": suffix }))),
        ("ErrorDocument", named("error_document", "key").map(|key| json!({ "Key": key }))),
        ("RedirectAllRequestsTo", redirect),
        ("RoutingRules", rules),
    ])
}

/// A website inline.
pub(super) fn inline(site: Block<'_>) -> Value {
    object([
        ("IndexDocument", site.text("index_document").map(|suffix| json!({ "Suffix": suffix }))),
        ("ErrorDocument", site.text("error_document").map(|key| json!({ "Key": key }))),
        ("RedirectAllRequestsTo", site.text("redirect_all_requests_to").map(redirect)),
        ("RoutingRules", routing_text(site)),
    ])
}

/// `https://www.example.com` or a host alone.
fn redirect(to: &str) -> Value {
    match to.split_once("://") {
        Some((protocol, host)) => json!({ "HostName": host, "Protocol": protocol }),
        None => json!({ "HostName": to }),
    }
}

/// Routing rules in AWS's own JSON form. A text that is none is kept, for the check of the declaration to refuse.
fn routing_text(site: Block<'_>) -> Option<Value> {
    let text = site.text("routing_rules")?;
    Some(serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

fn routing_rule(rule: Block<'_>) -> Value {
    let condition = rule.block("condition").map(|condition| {
        let text = |name| condition.text(name).map(Value::from);
        object([
            ("HttpErrorCodeReturnedEquals", text("http_error_code_returned_equals")),
            ("KeyPrefixEquals", text("key_prefix_equals")),
        ])
    });
    let redirect = rule.block("redirect").map(|redirect| {
        let text = |name| redirect.text(name).map(Value::from);
        object([
            ("HostName", text("host_name")),
            ("HttpRedirectCode", text("http_redirect_code")),
            ("Protocol", text("protocol")),
            ("ReplaceKeyPrefixWith", text("replace_key_prefix_with")),
            ("ReplaceKeyWith", text("replace_key_with")),
        ])
    });
    object([("Condition", condition), ("Redirect", redirect)])
}
