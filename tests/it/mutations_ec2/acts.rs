//! Things done to an instance through the AWS API.

use aws_sdk_ec2::operation::modify_instance_attribute::builders::ModifyInstanceAttributeFluentBuilder as Modify;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, Filter, HttpTokensState, IamInstanceProfileSpecification,
    InstanceAttributeName, InstanceMetadataEndpointState, InstanceMetadataProtocolState, InstanceMetadataTagsState,
    SecureBlobAttributeValue, Tag,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use driftsentry::resource::Aws;
use serde_json::{Value, json};

use crate::mutation::Act;

pub fn flag(value: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value).build()
}

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::builder().value(value).build()
}

/// One call of `ModifyInstanceAttribute`.
pub fn modify(set: impl Fn(Modify) -> Modify + Send + Sync + 'static) -> Act {
    Box::new(move |aws, id| {
        let call = set(aws.ec2.modify_instance_attribute().instance_id(id));
        Box::pin(async move { drop(call.send().await.expect("modify the instance")) })
    })
}

/// The emulator takes this only in the old form.
pub fn set_shutdown_behavior(behavior: &'static str) -> Act {
    modify(move |call| call.attribute(InstanceAttributeName::InstanceInitiatedShutdownBehavior).value(behavior))
}

/// The emulator decodes what it is sent once more than AWS does.
pub fn set_user_data(data: &'static str) -> Act {
    let data = STANDARD.encode(data);
    modify(move |call| call.user_data(SecureBlobAttributeValue::builder().value(Blob::new(data.as_str())).build()))
}

/// Removes the security group whose id sorts first.
pub fn drop_first_group() -> Act {
    Box::new(|aws, id| {
        Box::pin(async move {
            let described = aws.ec2.describe_instances().instance_ids(id).send().await.expect("describe");
            let groups = described.reservations()[0].instances()[0].security_groups();
            let mut ids: Vec<String> = groups.iter().filter_map(|it| it.group_id().map(str::to_owned)).collect();
            ids.sort();
            let call = aws.ec2.modify_instance_attribute().instance_id(id);
            call.set_groups(Some(ids.split_off(1))).send().await.expect("remove a group");
        })
    })
}

/// Gives it the groups of these names again.
pub fn restore_groups(names: [&'static str; 2]) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            let filter = Filter::builder().name("group-name").set_values(Some(names.map(str::to_owned).into())).build();
            let found = aws.ec2.describe_security_groups().filters(filter).send().await.expect("find the groups");
            let ids = found.security_groups().iter().filter_map(|it| it.group_id().map(str::to_owned)).collect();
            let call = aws.ec2.modify_instance_attribute().instance_id(id).set_groups(Some(ids));
            call.send().await.expect("set the groups");
        })
    })
}

pub async fn create_profile(aws: &Aws, name: &str) {
    aws.iam.create_instance_profile().instance_profile_name(name).path("/team/").send().await.expect("a profile");
}

/// Gives the instance a profile, in place of the one it may have.
pub fn associate_profile(name: &'static str) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            if let Some(association) = association_of(aws, id).await {
                let call = aws.ec2.disassociate_iam_instance_profile().association_id(association);
                call.send().await.expect("take the profile");
            }
            let profile = IamInstanceProfileSpecification::builder().name(name).build();
            let call = aws.ec2.associate_iam_instance_profile().instance_id(id).iam_instance_profile(profile);
            call.send().await.expect("give a profile");
        })
    })
}

pub fn disassociate_profile() -> Act {
    Box::new(|aws, id| {
        Box::pin(async move {
            let association = association_of(aws, id).await.expect("an association");
            let call = aws.ec2.disassociate_iam_instance_profile().association_id(association);
            call.send().await.expect("take the profile");
        })
    })
}

async fn association_of(aws: &Aws, id: &str) -> Option<String> {
    let found = aws.ec2.describe_iam_instance_profile_associations().send().await.expect("list associations");
    let mut all = found.iam_instance_profile_associations().iter();
    all.find(|it| it.instance_id() == Some(id)).and_then(|it| it.association_id().map(str::to_owned))
}

/// Sets one metadata option and, because the emulator forgets those that are not sent, all the others.
pub fn set_metadata(field: &str, value: &Value) -> Act {
    let mut options = json!({
        "HttpTokens": "required", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled",
    });
    options[field] = value.clone();
    Box::new(move |aws, id| {
        let word = |name: &str| options[name].as_str().expect("a word");
        let hops = options["HttpPutResponseHopLimit"].as_i64().expect("a number");
        let call = aws
            .ec2
            .modify_instance_metadata_options()
            .instance_id(id)
            .http_tokens(HttpTokensState::from(word("HttpTokens")))
            .http_put_response_hop_limit(hops.try_into().expect("a small number"))
            .http_endpoint(InstanceMetadataEndpointState::from(word("HttpEndpoint")))
            .http_protocol_ipv6(InstanceMetadataProtocolState::from(word("HttpProtocolIpv6")))
            .instance_metadata_tags(InstanceMetadataTagsState::from(word("InstanceMetadataTags")));
        Box::pin(async move { drop(call.send().await.expect("set metadata options")) })
    })
}

pub fn set_power(on: bool) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            if on {
                aws.ec2.start_instances().instance_ids(id).send().await.expect("start");
            } else {
                aws.ec2.stop_instances().instance_ids(id).send().await.expect("stop");
            }
        })
    })
}

pub fn tag(key: &'static str, value: &'static str) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            let tag = Tag::builder().key(key).value(value).build();
            aws.ec2.create_tags().resources(id).tags(tag).send().await.expect("tag");
        })
    })
}

pub fn untag(key: &'static str) -> Act {
    Box::new(move |aws, id| {
        Box::pin(async move {
            aws.ec2.delete_tags().resources(id).tags(Tag::builder().key(key).build()).send().await.expect("untag");
        })
    })
}
