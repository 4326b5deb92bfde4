//! Reads instances: volumes and credits first, as they are small, then instances page by page.
//!
//! What volumes, credits or a deep attribute fail to tell is unknown for the instances concerned; a failed page of
//! instances ends the stream.

use std::collections::BTreeMap;

use async_stream::try_stream;
use aws_sdk_ec2::types::Instance;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};

use super::attributes::{ATTRIBUTES, BLOCK_DEVICES, CREDIT_SPECIFICATION};
use super::canonical::{is_gone, state_of};
use super::deep::DeepReader;
use super::volumes::{self, Volumes};
use crate::domain::schema;
use crate::resource::ec2_query::{PAGE, declared_filter, next_page};
use crate::resource::{Aws, Live, ReadError, ReadRequest, Reason, Undeclared};

/// Instances whose deep attributes are read at a time.
const PARALLEL: usize = 8;

/// Families whose CPU bursts on credits.
const BURSTABLE: &[&str] = &["t2", "t3", "t3a", "t4g"];

/// Credit options by instance id, of the instances that AWS lists: the rest are `standard`.
type Credits = BTreeMap<String, String>;

/// The instances of the request's scope.
pub(super) fn read<'a>(aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
    try_stream! {
        if request.wants_any() {
            let join = Join::read(aws, request).await;
            let deep = DeepReader::new(aws, request);
            let mut token = None;
            loop {
                let call = aws.ec2.describe_instances().max_results(PAGE).set_next_token(token);
                let filter = declared_filter(request, "instance-id");
                let lists_all = filter.is_none();
                let page = call.set_filters(filter).send().await;
                let page = page.map_err(|error| aws.read_error("ec2", "DescribeInstances", &error))?;
                let instances = page.reservations.unwrap_or_default().into_iter();
                let instances: Vec<Instance> = instances.flat_map(|it| it.instances.unwrap_or_default()).collect();
                if lists_all {
                    aws.bystanders.add(instances.iter().filter(|it| is_bystander(request, it)).count() as u64);
                }
                let lives = instances.into_iter().filter_map(|it| join.live(it));
                let mut lives = stream::iter(lives).map(|live| deep.complete(live)).buffered(PARALLEL);
                while let Some(live) = lives.next().await {
                    yield live;
                }
                token = next_page(page.next_token);
                if token.is_none() {
                    break;
                }
            }
        }
    }
    .boxed()
}

/// Whether the instance exists and nobody asks for it.
fn is_bystander(request: &ReadRequest, instance: &Instance) -> bool {
    !is_gone(instance) && !request.wants(instance.instance_id.as_deref().unwrap_or_default())
}

/// What is read before the instances and joined to them.
struct Join<'a> {
    request: &'a ReadRequest,
    volumes: Result<Volumes, Reason>,
    credits: Result<Credits, Reason>,
}

impl<'a> Join<'a> {
    async fn read(aws: &Aws, request: &'a ReadRequest) -> Self {
        let mut this = Self { request, volumes: Ok(Volumes::default()), credits: Ok(Credits::default()) };
        if is_wanted_of_any(request, BLOCK_DEVICES) {
            this.volumes = volumes::read(aws, request).await.map_err(Reason::from);
        }
        if is_wanted_of_any(request, CREDIT_SPECIFICATION) {
            this.credits = read_credits(aws, request).await.map_err(Reason::from);
        }
        this
    }

    /// The instance with what was read before; `None` if it is gone or nobody wants it.
    fn live(&self, mut instance: Instance) -> Option<Live> {
        let id = instance.instance_id.clone().unwrap_or_default();
        if is_gone(&instance) || !self.request.wants(&id) {
            return None;
        }
        let mappings = instance.block_device_mappings.take().unwrap_or_default();
        let credits = self.is_wanted(&id, CREDIT_SPECIFICATION).then(|| self.credits_of(&instance));
        let devices = self.is_wanted(&id, BLOCK_DEVICES).then(|| match &self.volumes {
            Ok(volumes) => volumes.devices_of(&mappings).map(Value::Object).map_err(Reason::from),
            Err(reason) => Err(reason.clone()),
        });
        let mut live = Live::new(id, state_of(instance));
        for (name, read) in [(BLOCK_DEVICES, devices), (CREDIT_SPECIFICATION, credits)] {
            match read {
                Some(Ok(value)) => live.state.set(name, value),
                Some(Err(reason)) => drop(live.unknown.insert(name.to_owned(), reason)),
                None => {}
            }
        }
        Some(live)
    }

    fn is_wanted(&self, id: &str, name: &str) -> bool {
        schema::find(ATTRIBUTES, name).is_some_and(|attribute| self.request.wants_attribute(id, attribute))
    }

    fn credits_of(&self, instance: &Instance) -> Result<Value, Reason> {
        let kind = instance.instance_type.as_ref().map_or("", |kind| kind.as_str());
        let family = kind.split('.').next().unwrap_or_default();
        if !BURSTABLE.contains(&family) {
            return Ok(Value::Null);
        }
        let credits = self.credits.as_ref().map_err(Clone::clone)?;
        let id = instance.instance_id.as_deref().unwrap_or_default();
        Ok(json!({"CpuCredits": credits.get(id).map_or("standard", String::as_str)}))
    }
}

/// Whether the attribute `name` is wanted of any instance.
fn is_wanted_of_any(request: &ReadRequest, name: &str) -> bool {
    request.undeclared != Undeclared::Skip || request.declared.values().any(|names| names.contains(name))
}

/// Lists the instances whose credit option AWS keeps a record of: all unlimited ones, and some that were.
async fn read_credits(aws: &Aws, request: &ReadRequest) -> Result<Credits, ReadError> {
    let mut credits = Credits::new();
    let mut token = None;
    loop {
        let call = aws.ec2.describe_instance_credit_specifications().max_results(PAGE).set_next_token(token);
        let page = call.send().await;
        let page = page.map_err(|error| aws.read_error("ec2", "DescribeInstanceCreditSpecifications", &error))?;
        for listed in page.instance_credit_specifications.unwrap_or_default() {
            let (Some(id), Some(option)) = (listed.instance_id, listed.cpu_credits) else { continue };
            if request.wants(&id) {
                credits.insert(id, option);
            }
        }
        token = next_page(page.next_token);
        if token.is_none() {
            return Ok(credits);
        }
    }
}
