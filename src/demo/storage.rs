//! Buckets and roles of the demo's estate.

use anyhow::Context;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Tag, Tagging, VersioningConfiguration,
};
use serde_json::json;

use crate::domain::id::AccountId;
use crate::resource::Aws;

/// The role of the application servers.
pub(super) const SERVICE_ROLE: &str = "orders-service";
/// The role that the pipeline takes on to deploy.
pub(super) const DEPLOY_ROLE: &str = "ci-deploy";

/// The account that the pipeline runs in.
const PIPELINE_ACCOUNT: &str = "210987654321";

/// Makes the buckets; returns the name of the one with invoices.
pub(super) async fn make_buckets(aws: &Aws, account_id: &AccountId) -> anyhow::Result<String> {
    let invoices = format!("example-shop-invoices-{account_id}");
    for name in [&invoices, &format!("example-shop-assets-{account_id}")] {
        make_bucket(aws, name).await.with_context(|| format!("make bucket {name}"))?;
    }
    Ok(invoices)
}

async fn make_bucket(aws: &Aws, name: &str) -> anyhow::Result<()> {
    aws.s3.create_bucket().bucket(name).send().await?;
    let closed = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    aws.s3.put_public_access_block().bucket(name).public_access_block_configuration(closed).send().await?;
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build()?;
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    aws.s3.put_bucket_encryption().bucket(name).server_side_encryption_configuration(encryption).send().await?;
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build()?;
    let owner = OwnershipControls::builder().rules(rule).build()?;
    aws.s3.put_bucket_ownership_controls().bucket(name).ownership_controls(owner).send().await?;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    aws.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning).send().await?;
    let tags = [("Env", "production"), ("CostCenter", "4711")];
    let tags: Result<Vec<Tag>, _> =
        tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).into_iter().collect();
    let tagging = Tagging::builder().set_tag_set(Some(tags?)).build()?;
    aws.s3.put_bucket_tagging().bucket(name).tagging(tagging).send().await?;
    Ok(())
}

pub(super) async fn make_roles(aws: &Aws, account_id: &AccountId) -> anyhow::Result<()> {
    let servers = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]});
    make_role(aws, SERVICE_ROLE, "What the application servers may do", &servers).await?;
    attach(aws, SERVICE_ROLE, "AmazonSSMManagedInstanceCore").await?;
    let invoices = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": format!("arn:aws:s3:::example-shop-invoices-{account_id}/*"),
    }]});
    let request = aws.iam.put_role_policy().role_name(SERVICE_ROLE).policy_name("invoices");
    request.policy_document(invoices.to_string()).send().await.context("write the invoices policy")?;

    make_role(aws, DEPLOY_ROLE, "What the pipeline may do", &pipeline_trust(&json!(PIPELINE_ACCOUNT))).await?;
    attach(aws, DEPLOY_ROLE, "PowerUserAccess").await
}

/// A trust policy that lets `principal` in, if it knows the external id.
pub(super) fn pipeline_trust(principal: &serde_json::Value) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "shop-pipeline"}},
    }]})
}

async fn make_role(aws: &Aws, name: &str, description: &str, trust: &serde_json::Value) -> anyhow::Result<()> {
    let request = aws.iam.create_role().role_name(name).description(description);
    let tag = aws_sdk_iam::types::Tag::builder().key("Env").value("production").build()?;
    let made = request.assume_role_policy_document(trust.to_string()).tags(tag).send().await;
    made.with_context(|| format!("create role {name}"))?;
    Ok(())
}

/// Attaches one of AWS's own policies to a role.
pub(super) async fn attach(aws: &Aws, role: &str, policy: &str) -> anyhow::Result<()> {
    let request = aws.iam.attach_role_policy().role_name(role).policy_arn(format!("arn:aws:iam::aws:policy/{policy}"));
    request.send().await.with_context(|| format!("attach {policy} to {role}"))?;
    Ok(())
}
