//! What AWS holds after `terraform apply`: an estate made from a Terraform state.
//!
//! It is written from the documentation of AWS and of Terraform's provider, and shares nothing with the code that maps
//! states, so that the two can be wrong only each for itself.

mod bucket;
mod bucket_parts;
mod database;
mod group;
mod instance;
mod role;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::live::{Estate, Key, Resource};

/// What the state's account is called where the state does not say.
pub const ACCOUNT: &str = "111111111111";

/// One instance of a managed resource as the state tells it.
#[derive(Debug, Clone)]
pub struct Told {
    /// `aws_instance`.
    pub kind: String,
    /// Its attributes.
    pub attributes: Block,
    /// The resource of AWS that it speaks of, or each of them.
    pub speaks_of: Vec<Key>,
}

/// An estate, and which part of the state speaks of which part of it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What AWS holds.
    pub estate: Estate,
    /// What the state tells.
    pub told: Vec<Told>,
}

/// The estate that a state stands for.
pub fn apply(state: &Value) -> Applied {
    let mut told: Vec<Told> = told(state);
    let account = told.iter().find_map(|told| told.attributes.arn_part(4)).unwrap_or(ACCOUNT.to_owned());
    let region = told.iter().find_map(|told| told.attributes.region()).unwrap_or("us-east-1".to_owned());
    let mut estate = Estate { account, ..Estate::default() };
    for told in &mut told {
        let made = match told.kind.as_str() {
            "aws_instance" => instance::make(&told.attributes, &estate.account),
            "aws_security_group" | "aws_default_security_group" => group::make(&told.attributes, &estate.account),
            "aws_db_instance" | "aws_rds_cluster_instance" => database::make(&told.attributes),
            "aws_s3_bucket" => bucket::make(&told.attributes),
            "aws_iam_role" => role::make(&told.attributes),
            _ => None,
        };
        if let Some((key, tree)) = made {
            let region =
                if key.0 == "IAM_ROLE" { String::new() } else { told.attributes.region().unwrap_or(region.clone()) };
            estate.resources.insert(key.clone(), Resource { region, tree });
            told.speaks_of.push(key);
        }
    }
    let volumes: BTreeMap<String, Block> = told
        .iter()
        .filter(|told| told.kind == "aws_ebs_volume")
        .filter_map(|told| Some((told.attributes.text("id")?.to_owned(), told.attributes.clone())))
        .collect();
    for told in &told {
        stand_in(told, &region, &mut estate);
    }
    for told in &mut told {
        let keys = add(&told.kind, &told.attributes, &volumes, &mut estate);
        told.speaks_of.extend(keys);
    }
    group::close(&mut estate);
    let attached: Vec<(String, Key)> = told
        .iter()
        .filter(|told| told.kind == "aws_volume_attachment")
        .filter_map(|told| Some((told.attributes.text("volume_id")?.to_owned(), told.speaks_of.first()?.clone())))
        .collect();
    for told in told.iter_mut().filter(|told| told.kind == "aws_ebs_volume") {
        let id = told.attributes.text("id").unwrap_or_default().to_owned();
        told.speaks_of.extend(attached.iter().filter(|(volume, _)| *volume == id).map(|(_, key)| key.clone()));
    }
    Applied { estate, told }
}

/// A bucket that another state makes is there all the same.
fn stand_in(told: &Told, region: &str, estate: &mut Estate) {
    let Some(name) = told.attributes.text("bucket").filter(|_| told.kind.starts_with("aws_s3_bucket_")) else { return };
    let bucket = Block([("bucket".to_owned(), Value::from(name))].into_iter().collect());
    if let Some((key, tree)) = bucket::make(&bucket) {
        estate.resources.entry(key).or_insert_with(|| Resource { region: region.to_owned(), tree });
    }
}

/// Adds what resources of their own say of another, and tells of which.
fn add(kind: &str, block: &Block, volumes: &BTreeMap<String, Block>, estate: &mut Estate) -> Vec<Key> {
    match kind {
        "aws_volume_attachment" => instance::attach(block, volumes, estate),
        "aws_network_interface_sg_attachment" => instance::join_group(block, estate),
        "aws_ec2_tag" => instance::tag(block, estate),
        "aws_ec2_instance_state" => instance::power(block, estate),
        "aws_security_group_rule" => group::rule(block, estate),
        "aws_vpc_security_group_ingress_rule" => group::vpc_rule("ipPermissions", block, estate),
        "aws_vpc_security_group_egress_rule" => group::vpc_rule("ipPermissionsEgress", block, estate),
        "aws_db_instance_role_association" => database::associate(block, estate),
        "aws_iam_role_policy" => role::embed(block, estate),
        "aws_iam_role_policy_attachment" => role::attach(block, estate),
        "aws_iam_policy_attachment" => role::attach_to_each(block, estate),
        "aws_iam_role_policies_exclusive" | "aws_iam_role_policy_attachments_exclusive" => {
            role::of(block.text("role_name"), estate).into_iter().collect()
        }
        part if part.starts_with("aws_s3_bucket_") => bucket_parts::configure(part, block, estate),
        _ => Vec::new(),
    }
}

/// Every current instance of a managed resource, in the order of the state.
fn told(state: &Value) -> Vec<Told> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let managed = list(&state["resources"]).into_iter().filter(|resource| resource["mode"] == "managed");
    let told = |resource: Value| {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        let current = list(&resource["instances"]).into_iter().filter(|instance| instance.get("deposed").is_none());
        current.filter_map(move |instance| {
            let attributes = Block(instance["attributes"].as_object()?.clone());
            Some(Told { kind: kind.clone(), attributes, speaks_of: Vec::new() })
        })
    };
    managed.flat_map(told).collect()
}

/// Attributes of an instance, or of a block in it.
#[derive(Debug, Clone, Default)]
pub struct Block(pub Map<String, Value>);

impl Block {
    /// A text that says something.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A switch that is set.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// A number other than zero, which the provider writes for "none"; it may be written as a text.
    pub fn number(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.filter(|number| *number != 0)
    }

    /// The blocks of a name.
    pub fn blocks(&self, name: &str) -> Vec<Self> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_object().cloned().map(Self)).collect()
    }

    /// The only block of a name.
    pub fn block(&self, name: &str) -> Option<Self> {
        self.blocks(name).into_iter().next()
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// A map of texts.
    pub fn map(&self, name: &str) -> Map<String, Value> {
        self.0.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The tags with those that the provider adds to every resource.
    pub fn all_tags(&self) -> Map<String, Value> {
        let all = self.map("tags_all");
        if all.is_empty() { self.map("tags") } else { all }
    }

    fn arn_part(&self, index: usize) -> Option<String> {
        let arn = self.text("arn")?;
        arn.splitn(6, ':').nth(index).filter(|part| !part.is_empty()).map(str::to_owned)
    }

    fn region(&self) -> Option<String> {
        let own = self.text("bucket_region").or_else(|| self.text("region")).map(str::to_owned);
        own.or_else(|| self.arn_part(3))
    }
}

/// Tags as lists of `keys`.
fn tag_list(tags: &Map<String, Value>, (key, value): (&str, &str)) -> Vec<Value> {
    tags.iter().map(|(name, text)| json!({key: name, value: text})).collect()
}

/// A policy document that the state holds as a text.
fn policy(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).expect("a policy is JSON"))
}

/// The list behind a pointer, made where it is not there.
fn list_at<'a>(tree: &'a mut Value, path: &[&str]) -> &'a mut Vec<Value> {
    let at = path.iter().fold(tree, |at, name| &mut at[*name]);
    if !at.is_array() {
        *at = json!([]);
    }
    at.as_array_mut().expect("a list")
}
