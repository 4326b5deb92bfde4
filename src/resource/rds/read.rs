//! Reads databases: one listing, 100 a page, tags inline.

use aws_sdk_rds::types::{DbInstance, DbInstanceRole, DomainMembership, ProcessorFeature};
use futures::stream::{BoxStream, StreamExt};
use serde_json::{Map, Value, json};

use super::Rds;
use super::pending::{option_groups, pending};
use crate::domain::schema::Fill;
use crate::domain::state::ResourceState;
use crate::resource::aws::ErrorClass;
use crate::resource::{Aws, Live, ReadError, ReadRequest, ResourceType};

const SERVICE: &str = "rds";
const OPERATION: &str = "DescribeDBInstances";
/// The most that AWS gives.
const PAGE_SIZE: i32 = 100;

/// Statuses in which AWS is changing what we compare. In others, such as `storage-optimization` or `backing-up`, the
/// change is done or none is made.
const UNSETTLED: &[&str] = &[
    "converting-to-vpc",
    "creating",
    "delete-precheck",
    "deleting",
    "maintenance",
    "modifying",
    "moving-to-vpc",
    "rebooting",
    "renaming",
    "resetting-master-credentials",
    "starting",
    "stopping",
    "storage-config-upgrade",
    "upgrading",
];
const UNSETTLED_PREFIX: &str = "configuring-";

pub(super) fn read<'a>(aws: &'a Aws, request: &'a ReadRequest) -> BoxStream<'a, Result<Live, ReadError>> {
    let listing = async_stream::try_stream! {
        if !request.wants_any() {
            return;
        }
        let mut pages = aws.rds.describe_db_instances().max_records(PAGE_SIZE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| aws.read_error(SERVICE, OPERATION, &error))?;
            // AWS writes an empty list where there is none: an answer without a list is no answer.
            let instances = page.db_instances.ok_or_else(|| malformed(aws, "the answer holds no list of instances"))?;
            aws.bystanders.add(0);
            for instance in instances {
                let id = instance.db_instance_identifier.as_deref().map(|id| Rds.canonical_id(id));
                let id = id.ok_or_else(|| malformed(aws, "the answer holds an instance without identifier"))?;
                if is_wanted(request, &id, &instance) {
                    yield live(id, instance);
                } else if !request.wants(&id) && instance.db_cluster_identifier.is_none() {
                    aws.bystanders.add(1);
                }
            }
        }
    };
    listing.boxed()
}

fn malformed(aws: &Aws, what: &str) -> ReadError {
    ReadError {
        service: SERVICE,
        operation: OPERATION,
        account_id: aws.account_id.clone(),
        region: aws.region.clone(),
        class: ErrorClass::Other,
        detail: format!(": {what}").into(),
        missing_action: None,
    }
}

/// Members of clusters are wanted only where they are declared.
fn is_wanted(request: &ReadRequest, id: &str, instance: &DbInstance) -> bool {
    request.declared.contains_key(id) || (request.wants(id) && instance.db_cluster_identifier.is_none())
}

/// One database, as it is read to be put back.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) live: Live,
    pub(super) arn: String,
    /// AWS's word for what it is doing: `available`, `modifying`.
    pub(super) status: String,
}

/// What AWS tells of one database, whole.
pub(super) fn reading(instance: DbInstance) -> Reading {
    let id = Rds.canonical_id(instance.db_instance_identifier.as_deref().unwrap_or_default());
    let arn = instance.db_instance_arn.clone().unwrap_or_default();
    let status = instance.db_instance_status.clone().unwrap_or_default();
    Reading { live: live(id, instance), arn, status }
}

fn live(id: String, instance: DbInstance) -> Live {
    let status = instance.db_instance_status.clone().unwrap_or_default();
    let pending = pending(&instance);
    let mut state = state_of(instance);
    Rds.normalize(&mut state);
    let mut live = Live { pending, ..Live::new(id, state) };
    if UNSETTLED.contains(&status.as_str()) || status.starts_with(UNSETTLED_PREFIX) {
        live.unsettled = Some(status);
    }
    for attribute in Rds.attributes().iter().filter(|attribute| attribute.fill == Fill::Undefined) {
        if live.state.get(attribute.name).is_none_or(Value::is_null) {
            live.state.remove(attribute.name);
            live.unknown.insert(attribute.name.to_owned(), format!("{OPERATION} did not tell it").into());
        }
    }
    live
}

/// Every attribute as AWS tells it, before it is brought to canonical form.
fn state_of(instance: DbInstance) -> ResourceState {
    let mut state = ResourceState::new();
    set_engine(&mut state, &instance);
    set_storage(&mut state, &instance);
    set_upkeep(&mut state, &instance);
    set_monitoring(&mut state, &instance);
    set_access(&mut state, instance);
    state
}

fn set_engine(state: &mut ResourceState, instance: &DbInstance) {
    state.set("DBInstanceClass", instance.db_instance_class.clone());
    state.set("Engine", instance.engine.clone());
    state.set("EngineVersion", instance.engine_version.clone());
    state.set("EngineLifecycleSupport", instance.engine_lifecycle_support.clone());
    state.set("LicenseModel", instance.license_model.clone());
    state.set("DBName", instance.db_name.clone());
    state.set("DBClusterIdentifier", instance.db_cluster_identifier.clone());
    state.set("CharacterSetName", instance.character_set_name.clone());
    state.set("Timezone", instance.timezone.clone());
    state.set("MultiAZ", instance.multi_az);
    let parameters = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name.clone());
    state.set("DBParameterGroupName", parameters);
    let options = option_groups(instance).0.and_then(|group| group.option_group_name.clone());
    state.set("OptionGroupName", options);
    state.set("ProcessorFeatures", processor_features(instance.processor_features()));
}

pub(super) fn processor_features(features: &[ProcessorFeature]) -> Map<String, Value> {
    object(features.iter().filter_map(|feature| Some((feature.name.clone()?, feature.value.clone()))))
}

fn set_storage(state: &mut ResourceState, instance: &DbInstance) {
    state.set("StorageType", instance.storage_type.clone());
    state.set("AllocatedStorage", instance.allocated_storage);
    state.set("MaxAllocatedStorage", instance.max_allocated_storage);
    state.set("Iops", instance.iops);
    state.set("StorageThroughput", instance.storage_throughput);
    state.set("StorageEncrypted", instance.storage_encrypted);
    state.set("KmsKeyId", instance.kms_key_id.clone());
    state.set("DedicatedLogVolume", instance.dedicated_log_volume);
}

fn set_upkeep(state: &mut ResourceState, instance: &DbInstance) {
    state.set("AutoMinorVersionUpgrade", instance.auto_minor_version_upgrade);
    state.set("BackupRetentionPeriod", instance.backup_retention_period);
    state.set("CopyTagsToSnapshot", instance.copy_tags_to_snapshot);
    state.set("DeletionProtection", instance.deletion_protection);
    state.set("PreferredBackupWindow", instance.preferred_backup_window.clone());
    state.set("PreferredMaintenanceWindow", instance.preferred_maintenance_window.clone());
    let tags = instance.tag_list().iter();
    let tags = tags.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
    state.set("Tags", object(tags));
}

fn set_monitoring(state: &mut ResourceState, instance: &DbInstance) {
    let mode = instance.database_insights_mode.as_ref().map(|mode| mode.as_str().to_owned());
    state.set("DatabaseInsightsMode", mode);
    state.set("EnabledCloudwatchLogsExports", instance.enabled_cloudwatch_logs_exports.clone());
    state.set("MonitoringInterval", instance.monitoring_interval);
    state.set("MonitoringRoleArn", instance.monitoring_role_arn.clone());
    state.set("PerformanceInsightsEnabled", instance.performance_insights_enabled);
    state.set("PerformanceInsightsKMSKeyId", instance.performance_insights_kms_key_id.clone());
    state.set("PerformanceInsightsRetentionPeriod", instance.performance_insights_retention_period);
}

fn set_access(state: &mut ResourceState, instance: DbInstance) {
    // A group on its way out no longer lets anyone in.
    let groups = instance.vpc_security_groups.into_iter().flatten();
    let groups = groups.filter(|group| group.status.as_deref() != Some("removing"));
    state.set("VpcSecurityGroups", object(groups.filter_map(|group| Some((group.vpc_security_group_id?, json!({}))))));
    state.set("AssociatedRoles", object(instance.associated_roles.into_iter().flatten().filter_map(role)));
    state.set("DomainMemberships", object(instance.domain_memberships.into_iter().flatten().filter_map(domain)));
    state.set("CACertificateIdentifier", instance.ca_certificate_identifier);
    state.set("DBSubnetGroupName", instance.db_subnet_group.and_then(|group| group.db_subnet_group_name));
    state.set("IAMDatabaseAuthenticationEnabled", instance.iam_database_authentication_enabled);
    // Whether there is a managed secret, and nothing of it.
    state.set("ManageMasterUserPassword", instance.master_user_secret.is_some());
    state.set("MasterUsername", instance.master_username);
    state.set("NetworkType", instance.network_type);
    state.set("Port", instance.endpoint.and_then(|endpoint| endpoint.port));
    state.set("PubliclyAccessible", instance.publicly_accessible);
}

/// A role has one feature, and a feature one role.
fn role(role: DbInstanceRole) -> Option<(String, Value)> {
    let arn = role.role_arn?;
    Some((role.feature_name.filter(|name| !name.is_empty()).unwrap_or_else(|| arn.clone()), json!({"RoleArn": arn})))
}

/// A directory of AWS has an id, one's own has a name.
fn domain(domain: DomainMembership) -> Option<(String, Value)> {
    let key = domain.domain.filter(|id| !id.is_empty()).or_else(|| domain.fqdn.clone())?;
    let fields = json!({
        "AuthSecretArn": domain.auth_secret_arn,
        "DnsIps": domain.dns_ips.unwrap_or_default(),
        "FQDN": domain.fqdn,
        "IAMRoleName": domain.iam_role_name,
        "OU": domain.ou,
    });
    Some((key, fields))
}

fn object<V: Into<Value>>(entries: impl Iterator<Item = (String, V)>) -> Map<String, Value> {
    entries.map(|(key, value)| (key, value.into())).collect()
}
