//! Makes the call of one step, from the step's parameters alone.
//!
//! A repeated call must not fail because the first one took effect. Most of EC2's calls bear that; of those that do not,
//! a refusal is looked into: if what was asked for is so already, there was nothing to do. A call is never waited for:
//! an instance that is still stopping, a volume that is still being modified are told as busy.

use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::operation::RequestId;
use aws_sdk_ec2::operation::modify_instance_credit_specification::ModifyInstanceCreditSpecificationOutput;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, EbsInstanceBlockDeviceSpecification, EnclaveOptionsRequest, HostnameType,
    IamInstanceProfileSpecification, InstanceAttributeName, InstanceBlockDeviceMappingSpecification,
    InstanceCreditSpecificationRequest,
};

use super::draft::MODIFY;
use super::facts::{Facts, read_association, read_instance};
use super::parameters::{
    Associate, Cpu, Credits, Disassociate, Instances, Maintenance, Mapping, Metadata, ModifyInstance, ModifyInterface,
    PrivateNames, Profile, Replace, Valued, VolumeChange,
};
use super::{access, options, power, volume};
use crate::domain::id::ResourceKey;
use crate::resource::Aws;
use crate::resource::aws::{ErrorClass, ReadError, SdkError};
use crate::resource::fix::{FixError, FixStep, Receipt, ec2_tags};

/// Codes that say that the instance is in no state for the call.
const INSTANCE_BUSY: &[&str] = &["IncorrectInstanceState", "IncorrectState"];

/// Codes that say that the volume is being modified, or was within the last six hours.
const VOLUME_BUSY: &[&str] = &["IncorrectModificationState", "VolumeModificationRateExceeded"];

/// A step that is being called.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    aws: &'a Aws,
    id: &'a str,
    step: &'a FixStep,
}

/// Makes the call of one step.
pub(in crate::resource::ec2) async fn call(aws: &Aws, key: &ResourceKey, step: &FixStep) -> Result<Receipt, FixError> {
    if let Some(outcome) = ec2_tags::call(aws, step).await {
        return outcome;
    }
    let call = Call { aws, id: &key.resource_id, step };
    match step.operation {
        MODIFY => call.modify_instance().await,
        access::INTERFACE => call.modify_interface().await,
        access::ASSOCIATE | access::REPLACE | access::DISASSOCIATE => call.change_profile().await,
        volume::MODIFY_VOLUME => call.modify_volume().await,
        options::NAMES => call.modify_names().await,
        power::STOP | power::START | "MonitorInstances" | "UnmonitorInstances" => call.switch().await,
        "ModifyInstanceMetadataOptions" => call.modify_metadata().await,
        "ModifyInstanceMaintenanceOptions" => call.modify_maintenance().await,
        "ModifyInstanceCpuOptions" => call.modify_cpu().await,
        "ModifyInstanceCreditSpecification" => call.modify_credits().await,
        _ => Err(step.foreign()),
    }
}

impl Call<'_> {
    async fn switch(self) -> Result<Receipt, FixError> {
        let ids = Some(self.step.read_parameters::<Instances>()?.instance_ids);
        let ec2 = &self.aws.ec2;
        match self.step.operation {
            power::STOP => self.settle(ec2.stop_instances().set_instance_ids(ids).send().await).await,
            power::START => self.settle(ec2.start_instances().set_instance_ids(ids).send().await).await,
            "MonitorInstances" => self.settle(ec2.monitor_instances().set_instance_ids(ids).send().await).await,
            _ => self.settle(ec2.unmonitor_instances().set_instance_ids(ids).send().await).await,
        }
    }

    async fn modify_instance(self) -> Result<Receipt, FixError> {
        let wanted: ModifyInstance = self.step.read_parameters()?;
        let text = |value: String| AttributeValue::builder().value(value).build();
        let enclave = wanted.enclave_options.map(|it| EnclaveOptionsRequest::builder().enabled(it.enabled).build());
        let call = self.aws.ec2.modify_instance_attribute().instance_id(wanted.instance_id);
        let call = call
            .set_attribute(wanted.attribute.as_deref().map(InstanceAttributeName::from))
            .set_value(wanted.value)
            .set_instance_type(wanted.instance_type.map(|it| text(it.value)))
            .set_ebs_optimized(wanted.ebs_optimized.map(flag))
            .set_source_dest_check(wanted.source_dest_check.map(flag))
            .set_disable_api_termination(wanted.disable_api_termination.map(flag))
            .set_disable_api_stop(wanted.disable_api_stop.map(flag))
            .set_enclave_options(enclave)
            .set_groups(wanted.groups)
            .set_block_device_mappings(wanted.block_device_mappings.map(|it| it.into_iter().map(mapping).collect()));
        self.settle(call.send().await).await
    }

    async fn modify_interface(self) -> Result<Receipt, FixError> {
        let wanted: ModifyInterface = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_network_interface_attribute();
        let call = call.network_interface_id(wanted.network_interface_id).set_groups(wanted.groups);
        self.settle(call.set_source_dest_check(wanted.source_dest_check.map(flag)).send().await).await
    }

    async fn change_profile(self) -> Result<Receipt, FixError> {
        let profile = |it: Profile| IamInstanceProfileSpecification::builder().name(it.name).build();
        let ec2 = &self.aws.ec2;
        match self.step.operation {
            access::ASSOCIATE => {
                let Associate { instance_id, iam_instance_profile } = self.step.read_parameters()?;
                let call = ec2.associate_iam_instance_profile().instance_id(instance_id);
                self.settle(call.iam_instance_profile(profile(iam_instance_profile)).send().await).await
            }
            access::REPLACE => {
                let Replace { association_id, iam_instance_profile } = self.step.read_parameters()?;
                let call = ec2.replace_iam_instance_profile_association().association_id(association_id);
                self.settle(call.iam_instance_profile(profile(iam_instance_profile)).send().await).await
            }
            _ => {
                let Disassociate { association_id } = self.step.read_parameters()?;
                let call = ec2.disassociate_iam_instance_profile().association_id(association_id);
                self.settle(call.send().await).await
            }
        }
    }

    async fn modify_volume(self) -> Result<Receipt, FixError> {
        let wanted: VolumeChange = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_volume().volume_id(wanted.volume_id).set_size(wanted.size);
        let call = call.set_volume_type(wanted.volume_type.as_deref().map(Into::into)).set_iops(wanted.iops);
        self.settle(call.set_throughput(wanted.throughput).send().await).await
    }

    async fn modify_names(self) -> Result<Receipt, FixError> {
        let wanted: PrivateNames = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_private_dns_name_options().instance_id(wanted.instance_id);
        let call = call
            .set_private_dns_hostname_type(wanted.private_dns_hostname_type.as_deref().map(HostnameType::from))
            .set_enable_resource_name_dns_a_record(wanted.a_record)
            .set_enable_resource_name_dns_aaaa_record(wanted.aaaa_record);
        self.settle(call.send().await).await
    }

    async fn modify_metadata(self) -> Result<Receipt, FixError> {
        let wanted: Metadata = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_instance_metadata_options().instance_id(wanted.instance_id);
        let call = call
            .set_http_endpoint(wanted.http_endpoint.as_deref().map(Into::into))
            .set_http_protocol_ipv6(wanted.http_protocol_ipv6.as_deref().map(Into::into))
            .set_http_put_response_hop_limit(wanted.http_put_response_hop_limit)
            .set_http_tokens(wanted.http_tokens.as_deref().map(Into::into))
            .set_instance_metadata_tags(wanted.instance_metadata_tags.as_deref().map(Into::into));
        self.settle(call.send().await).await
    }

    async fn modify_maintenance(self) -> Result<Receipt, FixError> {
        let wanted: Maintenance = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_instance_maintenance_options().instance_id(wanted.instance_id);
        self.settle(call.auto_recovery(wanted.auto_recovery.as_str().into()).send().await).await
    }

    async fn modify_cpu(self) -> Result<Receipt, FixError> {
        let wanted: Cpu = self.step.read_parameters()?;
        let call = self.aws.ec2.modify_instance_cpu_options().instance_id(wanted.instance_id);
        let call = call.core_count(wanted.core_count).threads_per_core(wanted.threads_per_core);
        self.settle(call.send().await).await
    }

    /// AWS answers this call with success even if it refused the change.
    async fn modify_credits(self) -> Result<Receipt, FixError> {
        let wanted: Credits = self.step.read_parameters()?;
        let credit = |it: super::parameters::Credit| {
            let credit = InstanceCreditSpecificationRequest::builder().instance_id(it.instance_id);
            credit.cpu_credits(it.cpu_credits).build()
        };
        let credits = wanted.instance_credit_specifications.into_iter().map(credit).collect();
        let call = self.aws.ec2.modify_instance_credit_specification();
        let outcome = call.set_instance_credit_specifications(Some(credits)).send().await;
        let refused = outcome.as_ref().ok().and_then(refusal);
        match refused {
            Some((code, _)) if INSTANCE_BUSY.contains(&code.as_str()) => Err(self.busy().await),
            Some((code, message)) => Err(self.refused(&format!("{code}: {message}")).into()),
            None => self.settle(outcome).await,
        }
    }

    /// What became of the call: done, nothing to do, busy, or an error.
    async fn settle<O, E>(self, outcome: Result<O, SdkError<E>>) -> Result<Receipt, FixError>
    where
        O: RequestId,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = outcome.as_ref().err().and_then(|error| error.code()).unwrap_or_default().to_owned();
        let settled = self.step.settle(self.aws, outcome, &[]);
        let is_refusal = matches!(&settled, Err(FixError::Aws(error))
            if matches!(error.class, ErrorClass::Other | ErrorClass::NotFound));
        if !is_refusal {
            return settled;
        }
        if self.is_as_asked().await.unwrap_or(false) {
            return Ok(Receipt { request_id: None, nothing_to_do: true });
        }
        if [INSTANCE_BUSY, VOLUME_BUSY].concat().contains(&code.as_str()) { Err(self.busy().await) } else { settled }
    }

    /// Whether what the step asks for is so already, of steps that AWS refuses if it is.
    async fn is_as_asked(self) -> Result<bool, FixError> {
        match self.step.operation {
            volume::MODIFY_VOLUME => self.has_volume(&self.step.read_parameters()?).await,
            access::ASSOCIATE => {
                let Associate { iam_instance_profile, .. } = self.step.read_parameters()?;
                Ok(self.profile().await? == Some(iam_instance_profile.name))
            }
            access::REPLACE => {
                let Replace { iam_instance_profile, .. } = self.step.read_parameters()?;
                Ok(self.profile().await? == Some(iam_instance_profile.name))
            }
            access::DISASSOCIATE => Ok(self.profile().await?.is_none()),
            "ModifyInstanceCpuOptions" => {
                let Cpu { core_count, threads_per_core, .. } = self.step.read_parameters()?;
                let facts = Facts::of(&read_instance(self.aws, self.id).await?);
                Ok(facts.cpu == Some((core_count, threads_per_core)))
            }
            _ => Ok(false),
        }
    }

    /// Whether the volume has everything that is asked for.
    async fn has_volume(self, wanted: &VolumeChange) -> Result<bool, FixError> {
        let answer = self.aws.ec2.describe_volumes().volume_ids(&wanted.volume_id).send().await;
        let answer = answer.map_err(|e| self.aws.fix_error("ec2:DescribeVolumes", "ec2", "DescribeVolumes", &e))?;
        let is_so = |volume: &aws_sdk_ec2::types::Volume| {
            let kind = volume.volume_type().map(aws_sdk_ec2::types::VolumeType::as_str);
            is_met(wanted.size.as_ref(), volume.size.as_ref())
                && is_met(wanted.volume_type.as_deref(), kind)
                && is_met(wanted.iops.as_ref(), volume.iops.as_ref())
                && is_met(wanted.throughput.as_ref(), volume.throughput.as_ref())
        };
        Ok(answer.volumes().iter().any(is_so))
    }

    /// The name of the instance's profile.
    async fn profile(self) -> Result<Option<String>, FixError> {
        let association = read_association(self.aws, self.id).await?;
        let arn = association.and_then(|it| it.iam_instance_profile).and_then(|profile| profile.arn);
        Ok(arn.map(|arn| arn.rsplit('/').next().unwrap_or_default().to_owned()))
    }

    /// The error that names what is busy and with what, as far as AWS tells it now.
    async fn busy(self) -> FixError {
        let operation = self.step.operation;
        if let (volume::MODIFY_VOLUME, Ok(VolumeChange { volume_id, .. })) = (operation, self.step.read_parameters()) {
            let state = "being modified, or was within the last six hours".to_owned();
            return FixError::Busy { resource: volume_id, state, operation };
        }
        let instance = read_instance(self.aws, self.id).await.ok();
        let power = instance.and_then(|it| it.state).and_then(|state| state.name);
        let state = power.map_or_else(|| "in transition".to_owned(), |power| power.as_str().to_owned());
        FixError::Busy { resource: self.id.to_owned(), state, operation }
    }

    fn refused(self, why: &str) -> ReadError {
        ReadError {
            service: self.step.service,
            operation: self.step.operation,
            account_id: self.aws.account_id.clone(),
            region: self.aws.region.clone(),
            class: ErrorClass::Other,
            detail: format!(": {why}").into(),
            missing_action: None,
        }
    }
}

/// Whether what is asked for, if anything, is there.
fn is_met<T: PartialEq + ?Sized>(asked: Option<&T>, found: Option<&T>) -> bool {
    asked.is_none() || asked == found
}

/// Code and message of a refusal within a successful answer.
fn refusal(answer: &ModifyInstanceCreditSpecificationOutput) -> Option<(String, String)> {
    let error = answer.unsuccessful_instance_credit_specifications().first()?.error();
    let code = error.and_then(|error| error.code()).map_or("", |code| code.as_str());
    let message = error.and_then(|error| error.message()).unwrap_or_default();
    Some((code.to_owned(), message.to_owned()))
}

fn flag(value: Valued<bool>) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value.value).build()
}

fn mapping(mapping: Mapping) -> InstanceBlockDeviceMappingSpecification {
    let ebs = EbsInstanceBlockDeviceSpecification::builder();
    let ebs = ebs.delete_on_termination(mapping.ebs.delete_on_termination).build();
    InstanceBlockDeviceMappingSpecification::builder().device_name(mapping.device_name).ebs(ebs).build()
}
