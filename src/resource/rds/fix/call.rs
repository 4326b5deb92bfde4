//! Makes the call of one step, from the step's parameters alone.
//!
//! A modification may be repeated: what is so already, AWS leaves as it is. A call is never waited for: a database that
//! AWS is still working on is told as busy.

use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, ProcessorFeature, Tag};

use super::parameters::{AddTags, Feature, FeatureRole, Logs, Modify, RemoveTags};
use super::{modify, read_database, roles, tags};
use crate::domain::id::ResourceKey;
use crate::resource::Aws;
use crate::resource::aws::SdkError;
use crate::resource::fix::{FixError, FixStep, Receipt};

/// Codes that say that the database is in no state for the call.
const BUSY: &[&str] = &["InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidDBClusterStateFault"];

/// A step that is being called.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    aws: &'a Aws,
    id: &'a str,
    step: &'a FixStep,
}

/// Makes the call of one step.
pub(in crate::resource::rds) async fn call(aws: &Aws, key: &ResourceKey, step: &FixStep) -> Result<Receipt, FixError> {
    let call = Call { aws, id: &key.resource_id, step };
    match step.operation {
        modify::OPERATION => call.modify().await,
        roles::ADD => call.add_role().await,
        roles::REMOVE => call.remove_role().await,
        tags::ADD => call.add_tags().await,
        tags::REMOVE => call.remove_tags().await,
        _ => Err(step.foreign()),
    }
}

impl Call<'_> {
    async fn modify(self) -> Result<Receipt, FixError> {
        let wanted: Modify = self.step.read_parameters()?;
        let call = self.aws.rds.modify_db_instance().db_instance_identifier(wanted.id);
        let call = call
            .set_apply_immediately(wanted.apply_immediately)
            .set_allocated_storage(wanted.allocated_storage)
            .set_auto_minor_version_upgrade(wanted.auto_minor_version_upgrade)
            .set_backup_retention_period(wanted.backup_retention_period)
            .set_ca_certificate_identifier(wanted.ca_certificate_identifier)
            .set_cloudwatch_logs_export_configuration(wanted.logs.map(export))
            .set_copy_tags_to_snapshot(wanted.copy_tags_to_snapshot)
            .set_db_instance_class(wanted.db_instance_class)
            .set_db_parameter_group_name(wanted.db_parameter_group_name)
            .set_db_port_number(wanted.db_port_number)
            .set_database_insights_mode(wanted.database_insights_mode.as_deref().map(Into::into))
            .set_dedicated_log_volume(wanted.dedicated_log_volume)
            .set_deletion_protection(wanted.deletion_protection)
            .set_enable_iam_database_authentication(wanted.enable_iam_database_authentication)
            .set_enable_performance_insights(wanted.enable_performance_insights)
            .set_engine_lifecycle_support(wanted.engine_lifecycle_support)
            .set_engine_version(wanted.engine_version)
            .set_iops(wanted.iops)
            .set_license_model(wanted.license_model)
            .set_max_allocated_storage(wanted.max_allocated_storage)
            .set_monitoring_interval(wanted.monitoring_interval)
            .set_monitoring_role_arn(wanted.monitoring_role_arn)
            .set_multi_az(wanted.multi_az)
            .set_network_type(wanted.network_type)
            .set_option_group_name(wanted.option_group_name)
            .set_performance_insights_kms_key_id(wanted.performance_insights_kms_key_id)
            .set_performance_insights_retention_period(wanted.performance_insights_retention_period)
            .set_preferred_backup_window(wanted.preferred_backup_window)
            .set_preferred_maintenance_window(wanted.preferred_maintenance_window)
            .set_processor_features(wanted.processor_features.map(|it| it.into_iter().map(feature).collect()))
            .set_publicly_accessible(wanted.publicly_accessible)
            .set_storage_throughput(wanted.storage_throughput)
            .set_storage_type(wanted.storage_type)
            .set_use_default_processor_features(wanted.use_default_processor_features)
            .set_vpc_security_group_ids(wanted.vpc_security_group_ids);
        self.settle(call.send().await, &[]).await
    }

    async fn add_role(self) -> Result<Receipt, FixError> {
        let FeatureRole { id, role_arn, feature_name } = self.step.read_parameters()?;
        let call = self.aws.rds.add_role_to_db_instance().db_instance_identifier(id);
        let outcome = call.role_arn(&role_arn).feature_name(&feature_name).send().await;
        let is_taken = outcome.as_ref().err().and_then(|error| error.code()) == Some("DBInstanceRoleAlreadyExists");
        // AWS says the same of a feature that another role has.
        if is_taken && self.has_role(&role_arn, &feature_name).await? {
            return Ok(Receipt { request_id: None, nothing_to_do: true });
        }
        self.settle(outcome, &[]).await
    }

    async fn has_role(self, arn: &str, feature: &str) -> Result<bool, FixError> {
        let database = read_database(self.aws, self.id).await?;
        let is_it = |role: &aws_sdk_rds::types::DbInstanceRole| {
            role.role_arn() == Some(arn) && role.feature_name().unwrap_or_default() == feature
        };
        Ok(database.associated_roles().iter().any(is_it))
    }

    async fn remove_role(self) -> Result<Receipt, FixError> {
        let FeatureRole { id, role_arn, feature_name } = self.step.read_parameters()?;
        let call = self.aws.rds.remove_role_from_db_instance().db_instance_identifier(id);
        let outcome = call.role_arn(role_arn).feature_name(feature_name).send().await;
        self.settle(outcome, &["DBInstanceRoleNotFound"]).await
    }

    async fn add_tags(self) -> Result<Receipt, FixError> {
        let AddTags { resource_name, tags } = self.step.read_parameters()?;
        let tag = |pair: super::parameters::Pair| Tag::builder().key(pair.key).value(pair.value).build();
        let call = self.aws.rds.add_tags_to_resource().resource_name(resource_name);
        self.settle(call.set_tags(Some(tags.into_iter().map(tag).collect())).send().await, &[]).await
    }

    async fn remove_tags(self) -> Result<Receipt, FixError> {
        let RemoveTags { resource_name, tag_keys } = self.step.read_parameters()?;
        let call = self.aws.rds.remove_tags_from_resource().resource_name(resource_name);
        self.settle(call.set_tag_keys(Some(tag_keys)).send().await, &[]).await
    }

    /// What became of the call; `already` as in [`FixStep::settle`].
    async fn settle<O, E>(self, outcome: Result<O, SdkError<E>>, already: &[&str]) -> Result<Receipt, FixError>
    where
        O: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let is_busy = outcome.as_ref().err().and_then(|error| error.code()).is_some_and(|code| BUSY.contains(&code));
        if is_busy { Err(self.busy().await) } else { self.step.settle(self.aws, outcome, already) }
    }

    /// The error that says what the database is doing, as far as AWS tells it now.
    async fn busy(self) -> FixError {
        let status = read_database(self.aws, self.id).await.ok().and_then(|database| database.db_instance_status);
        let state = status.unwrap_or_else(|| "in transition".to_owned());
        FixError::Busy { resource: self.id.to_owned(), state, operation: self.step.operation }
    }
}

fn export(logs: Logs) -> CloudwatchLogsExportConfiguration {
    let some = |types: Vec<String>| Some(types).filter(|types| !types.is_empty());
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(some(logs.enable_log_types))
        .set_disable_log_types(some(logs.disable_log_types))
        .build()
}

fn feature(feature: Feature) -> ProcessorFeature {
    ProcessorFeature::builder().name(feature.name).value(feature.value).build()
}
