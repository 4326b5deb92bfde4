//! The options of the instance metadata service, of which one call sets all.
//!
//! What opens and what closes does not share a call, so that the one can be forbidden without the other: the first call
//! leaves what is to be opened as it is live. All declared options are sent each time.

use serde_json::Value;

use super::draft::{Draft, step};
use super::parameters::Metadata;
use crate::domain::diff::Change;
use crate::resource::fix::FixStep;

const OPERATION: &str = "ModifyInstanceMetadataOptions";
const ENDPOINT: &str = "HttpEndpoint";

pub(super) fn plan(draft: &mut Draft<'_>) {
    let changes = draft.changes_of("MetadataOptions");
    if changes.is_empty() {
        return;
    }
    let is_on = |value: Option<&Value>| value.and_then(Value::as_str) != Some("disabled");
    let pointer = format!("/MetadataOptions/{ENDPOINT}");
    if !is_on(draft.expected(&pointer)) {
        return turn_off(draft, &changes);
    }
    let (opening, closing): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| opens(change));
    // While the endpoint is off, AWS takes no option but the one that turns it on, and all others with it.
    if !is_on(draft.actual(&pointer)) {
        let parameters = options(draft, &[]);
        return draft.steps.push(call(&parameters, &changes).loosening(true));
    }
    if !closing.is_empty() {
        let parameters = options(draft, &opening);
        draft.steps.push(call(&parameters, &closing));
    }
    if !opening.is_empty() {
        let parameters = options(draft, &[]);
        draft.steps.push(call(&parameters, &opening).loosening(true));
    }
}

/// AWS takes no other option while the endpoint is off.
fn turn_off(draft: &mut Draft<'_>, changes: &[&Change]) {
    for change in changes {
        if change.key() == ENDPOINT {
            let instance_id = draft.id().to_owned();
            let http_endpoint = Some("disabled".to_owned());
            let parameters = Metadata { instance_id, http_endpoint, ..Metadata::default() };
            draft.steps.push(call(&parameters, &[change]));
        } else {
            let reason = "AWS takes no other metadata option while the endpoint is off, as it is declared";
            draft.leave(change, reason, "declare the endpoint alone, or enable it first");
        }
    }
}

/// The declared options; those of `kept` as they are live.
fn options(draft: &Draft<'_>, kept: &[&Change]) -> Metadata {
    let value = |name: &str| {
        let live = kept.iter().find(|change| change.key() == name).and_then(|change| change.to.as_ref());
        live.or_else(|| draft.expected(&format!("/MetadataOptions/{name}")))
    };
    let text = |name: &str| value(name).and_then(Value::as_str).map(str::to_owned);
    let hops = value("HttpPutResponseHopLimit").and_then(Value::as_i64);
    Metadata {
        instance_id: draft.id().to_owned(),
        http_endpoint: text(ENDPOINT),
        http_protocol_ipv6: text("HttpProtocolIpv6"),
        http_put_response_hop_limit: hops.and_then(|hops| hops.try_into().ok()),
        http_tokens: text("HttpTokens"),
        instance_metadata_tags: text("InstanceMetadataTags"),
    }
}

fn call(parameters: &Metadata, changes: &[&Change]) -> FixStep {
    let told = changes.iter().map(|change| {
        let declared =
            change.from.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        format!("{} {}", change.key(), declared.unwrap_or_default())
    });
    let summary = format!("set the metadata options {}", told.collect::<Vec<_>>().join(", "));
    step(OPERATION, &["ec2:ModifyInstanceMetadataOptions"], parameters, changes).saying(summary)
}

/// Whether the declared value lets more reach the metadata, and with it the instance's credentials.
fn opens(change: &Change) -> bool {
    let figure = |value: Option<&Value>| value.and_then(Value::as_i64);
    match change.key().as_str() {
        "HttpTokens" => change.from_str() == Some("optional"),
        "HttpPutResponseHopLimit" => figure(change.from.as_ref()) > figure(change.to.as_ref()),
        _ => change.from_str() == Some("enabled"),
    }
}
