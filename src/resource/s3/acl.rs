//! Access control lists as sets of `grantee:permission`.
//!
//! The bucket's owner is written `owner`, because people know neither their canonical user id nor want it in a
//! declaration; the live `owner` grant keeps the id, so that a declaration that does name it means the same.
//! AWS's own groups go by the last part of their URI (`AllUsers`), which no user id and no address can equal.

use serde_json::{Map, Value, json};

/// The bucket's owner in a key.
const OWNER: &str = "owner";

/// Canned ACLs of buckets, as the grants that AWS makes of them.
const CANNED: &[(&str, &[&str])] = &[
    ("private", &["owner:FULL_CONTROL"]),
    ("public-read", &["owner:FULL_CONTROL", "AllUsers:READ"]),
    ("public-read-write", &["owner:FULL_CONTROL", "AllUsers:READ", "AllUsers:WRITE"]),
    ("authenticated-read", &["owner:FULL_CONTROL", "AuthenticatedUsers:READ"]),
    ("log-delivery-write", &["owner:FULL_CONTROL", "LogDelivery:READ_ACP", "LogDelivery:WRITE"]),
];

/// Brings AWS's forms (`{"Owner": …, "Grants": […]}`, a list of grants, a canned ACL's name) and a list of keys to an
/// object keyed by `grantee:permission`.
pub(super) fn reshape(value: &mut Value) {
    let reshaped = match &*value {
        Value::String(name) => {
            CANNED.iter().find(|(canned, _)| canned == name).map(|(_, keys)| keys.iter().map(|k| bare(k)).collect())
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            Some(items.iter().filter_map(Value::as_str).map(bare).collect())
        }
        Value::Array(items) => grants(items, None),
        Value::Object(object) => match object.get("Grants") {
            Some(Value::Array(items)) => {
                grants(items, object.get("Owner").and_then(|owner| owner.get("ID")).and_then(Value::as_str))
            }
            _ => None,
        },
        _ => None,
    };
    if let Some(reshaped) = reshaped {
        *value = Value::Object(reshaped);
    }
}

fn bare(key: &str) -> (String, Value) {
    (key.to_owned(), json!({}))
}

fn grants(items: &[Value], owner: Option<&str>) -> Option<Map<String, Value>> {
    items
        .iter()
        .map(|grant| {
            let grantee = grant.get("Grantee")?;
            let field = |name: &str| grantee.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let permission = grant.get("Permission")?.as_str()?;
            if owner.is_some() && field("ID") == owner {
                return Some((format!("{OWNER}:{permission}"), json!({ "ID": owner })));
            }
            let group = field("URI").map(|uri| uri.rsplit('/').next().unwrap_or(uri));
            let grantee = field("ID").or(group).or_else(|| field("EmailAddress"))?;
            Some(bare(&format!("{grantee}:{permission}")))
        })
        .collect()
}

/// Writes a live owner's grant the way the declaration writes it: by id, where it names the owner's id.
pub(super) fn align(declared: &Value, live: &mut Value) {
    let (Some(declared), Some(live)) = (declared.as_object(), live.as_object_mut()) else { return };
    let by_id = |key: &str, grant: &Value| {
        let permission = key.strip_prefix(OWNER)?;
        let id = grant.get("ID")?.as_str()?;
        let named = format!("{id}{permission}");
        (!declared.contains_key(key) && declared.contains_key(&named)).then(|| (key.to_owned(), named))
    };
    let renamed: Vec<(String, String)> = live.iter().filter_map(|(key, grant)| by_id(key, grant)).collect();
    for (key, named) in renamed {
        live.remove(&key);
        live.insert(named, json!({}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awss_form_a_list_of_keys_and_a_canned_name_mean_the_same() {
        let all = "http://acs.amazonaws.com/groups/global/AllUsers";
        let mut aws = json!({ "Owner": { "ID": "75aa" }, "Grants": [
            { "Grantee": { "Type": "Group", "URI": all }, "Permission": "READ" },
            { "Grantee": { "Type": "CanonicalUser", "ID": "75aa" }, "Permission": "FULL_CONTROL" },
        ] });
        reshape(&mut aws);
        assert_eq!(aws, json!({ "AllUsers:READ": {}, "owner:FULL_CONTROL": { "ID": "75aa" } }));
        let keys = json!({ "AllUsers:READ": {}, "owner:FULL_CONTROL": {} });
        for mut given in [json!("public-read"), json!(["owner:FULL_CONTROL", "AllUsers:READ"]), keys.clone()] {
            reshape(&mut given);
            assert_eq!(given, keys);
        }
    }

    #[test]
    fn an_owner_declared_by_id_is_the_owner() {
        let mut live = json!({ "owner:READ": { "ID": "75aa" }, "owner:WRITE": { "ID": "75aa" } });
        align(&json!({ "75aa:READ": {}, "owner:WRITE": {} }), &mut live);
        assert_eq!(live, json!({ "75aa:READ": {}, "owner:WRITE": { "ID": "75aa" } }));
    }
}
