//! What planning must know and the states do not hold: ids of volumes, interfaces and associations, and what keeps an
//! instance from being stopped.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, DeviceType, Filter, IamInstanceProfileAssociation,
    IamInstanceProfileAssociationState as AssociationState, Instance, InstanceAttributeName, InstanceLifecycleType,
    InstanceNetworkInterfaceAttachment, InstanceStateName,
};

use super::super::canonical::is_gone;
use super::power;
use crate::resource::aws::ErrorClass;
use crate::resource::fix::{FixError, FixRequest};
use crate::resource::{Aws, ReadError};

/// AWS's tag on members of an Auto Scaling group.
const SCALING_GROUP: &str = "aws:autoscaling:groupName";

/// What planning must know of one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    /// Whether it runs or is about to.
    pub(super) is_running: bool,
    /// Its network interfaces, the primary one first.
    pub(super) interfaces: Vec<String>,
    /// Volume ids by device name.
    pub(super) volumes: BTreeMap<String, String>,
    /// Cores and threads per core.
    pub(super) cpu: Option<(i32, i32)>,
    /// The association with its instance profile, read only where the profile is to change.
    pub(super) association: Option<String>,
    /// Why it must not be stopped, whoever asks.
    pub(super) unstoppable: Option<Unstoppable>,
    /// Whether it is protected from being stopped, read only where a stop is needed.
    pub(super) is_stop_protected: bool,
    /// Whether its public address is one that AWS takes back when it stops.
    pub(super) has_passing_address: bool,
}

/// Why an instance must not be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unstoppable {
    /// It is a member of this Auto Scaling group, which would replace it.
    Scaled(String),
    /// Its root device is an instance store.
    StoreRoot,
    /// It is a spot instance, which does not stop as others do.
    Spot,
}

impl Facts {
    /// Reads them.
    pub(super) async fn read(aws: &Aws, request: FixRequest<'_>) -> Result<Self, FixError> {
        let id = &request.key.resource_id;
        let mut facts = Self::of(&read_instance(aws, id).await?);
        if request.changes.iter().any(|change| change.attribute() == "IamInstanceProfile") {
            facts.association = read_association(aws, id).await?.and_then(|it| it.association_id);
        }
        if facts.is_running && power::may_need_stop(request.changes) {
            facts.is_stop_protected = read_stop_protection(aws, id).await?;
        }
        Ok(facts)
    }

    /// What the instance itself tells.
    pub(super) fn of(instance: &Instance) -> Self {
        let power = instance.state().and_then(|state| state.name());
        let mut interfaces: Vec<_> = instance.network_interfaces().iter().collect();
        interfaces.sort_by_key(|it| it.attachment().and_then(InstanceNetworkInterfaceAttachment::device_index));
        let is_amazons = |owner: Option<&str>| owner == Some("amazon");
        let has_passing_address =
            interfaces.iter().any(|it| it.association().is_some_and(|address| is_amazons(address.ip_owner_id())));
        let device = |mapping: &aws_sdk_ec2::types::InstanceBlockDeviceMapping| {
            Some((mapping.device_name.clone()?, mapping.ebs()?.volume_id.clone()?))
        };
        let cpu = instance.cpu_options().and_then(|cpu| cpu.core_count().zip(cpu.threads_per_core()));
        Self {
            is_running: !matches!(power, Some(InstanceStateName::Stopped | InstanceStateName::Stopping)),
            interfaces: interfaces.iter().filter_map(|it| it.network_interface_id.clone()).collect(),
            volumes: instance.block_device_mappings().iter().filter_map(device).collect(),
            cpu,
            association: None,
            unstoppable: unstoppable(instance),
            is_stop_protected: false,
            has_passing_address,
        }
    }
}

fn unstoppable(instance: &Instance) -> Option<Unstoppable> {
    let mut tags = instance.tags().iter();
    if let Some(group) = tags.find(|tag| tag.key() == Some(SCALING_GROUP)) {
        return Some(Unstoppable::Scaled(group.value().unwrap_or_default().to_owned()));
    }
    if instance.root_device_type() == Some(&DeviceType::InstanceStore) {
        return Some(Unstoppable::StoreRoot);
    }
    (instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot)).then_some(Unstoppable::Spot)
}

/// The instance.
///
/// # Errors
/// If it cannot be read, or is gone.
pub(super) async fn read_instance(aws: &Aws, id: &str) -> Result<Instance, FixError> {
    const OPERATION: &str = "DescribeInstances";
    let answer = aws.ec2.describe_instances().instance_ids(id).send().await;
    let answer = answer.map_err(|error| aws.fix_error("ec2:DescribeInstances", "ec2", OPERATION, &error))?;
    let mut instances =
        answer.reservations.unwrap_or_default().into_iter().flat_map(|it| it.instances.unwrap_or_default());
    instances.find(|instance| !is_gone(instance)).ok_or_else(|| {
        let (account_id, region) = (aws.account_id.clone(), aws.region.clone());
        let detail = format!(": {id} is gone").into();
        let class = ErrorClass::NotFound;
        let error =
            ReadError { service: "ec2", operation: OPERATION, account_id, region, class, detail, missing_action: None };
        error.into()
    })
}

/// The association of an instance with its profile; `None` if it has no profile, or is about to have none.
pub(super) async fn read_association(aws: &Aws, id: &str) -> Result<Option<IamInstanceProfileAssociation>, FixError> {
    const OPERATION: &str = "DescribeIamInstanceProfileAssociations";
    let filter = Filter::builder().name("instance-id").values(id).build();
    let answer = aws.ec2.describe_iam_instance_profile_associations().filters(filter).send().await;
    let action = "ec2:DescribeIamInstanceProfileAssociations";
    let answer = answer.map_err(|error| aws.fix_error(action, "ec2", OPERATION, &error))?;
    let is_on = |it: &IamInstanceProfileAssociation| {
        !matches!(it.state, Some(AssociationState::Disassociated | AssociationState::Disassociating))
    };
    Ok(answer.iam_instance_profile_associations.unwrap_or_default().into_iter().find(is_on))
}

async fn read_stop_protection(aws: &Aws, id: &str) -> Result<bool, FixError> {
    const OPERATION: &str = "DescribeInstanceAttribute";
    let asked = aws.ec2.describe_instance_attribute().instance_id(id).attribute(InstanceAttributeName::DisableApiStop);
    let answer = asked.send().await;
    let answer = answer.map_err(|error| aws.fix_error("ec2:DescribeInstanceAttribute", "ec2", OPERATION, &error))?;
    Ok(answer.disable_api_stop().and_then(AttributeBooleanValue::value).unwrap_or(false))
}
