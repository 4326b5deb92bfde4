//! What people do to the demo's estate by hand, as they do everywhere: through the API, in a hurry, and nobody is told.

use anyhow::Context;
use aws_sdk_ec2::types::{AttributeValue, Tag};
use serde_json::json;

use super::databases::{ORDERS, REPORTING};
use super::estate::Estate;
use super::network::{allow, from_cidr};
use super::storage::{DEPLOY_ROLE, SERVICE_ROLE, attach, pipeline_trust};

/// Makes eight mistakes; returns each in a sentence, in the order in which they were made.
///
/// # Errors
/// If a call to the emulator fails; names the mistake.
pub async fn make_mistakes(estate: &Estate) -> anyhow::Result<Vec<String>> {
    Ok(vec![
        open_ssh(estate).await.context("open SSH")?,
        publish_database(estate).await.context("publish the database")?,
        resize(estate).await.context("resize the web server")?,
        unblock_bucket(estate).await.context("remove the public access block")?,
        make_administrator(estate).await.context("attach the policy")?,
        trust_everybody(estate).await.context("widen the trust policy")?,
        unprotect(estate).await.context("turn deletion protection off")?,
        retag(estate).await.context("edit the tag")?,
    ])
}

async fn open_ssh(estate: &Estate) -> anyhow::Result<String> {
    allow(&estate.shop, &estate.backend_group, from_cidr(22, "0.0.0.0/0", "temporary, for debugging")).await?;
    Ok("Somebody debugs at night and opens SSH of group app-backend to the whole world.".to_owned())
}

async fn publish_database(estate: &Estate) -> anyhow::Result<String> {
    let modify = estate.shop.rds.modify_db_instance().db_instance_identifier(ORDERS);
    modify.publicly_accessible(true).apply_immediately(true).send().await?;
    Ok("Somebody makes database orders publicly accessible, to reach it from home.".to_owned())
}

async fn resize(estate: &Estate) -> anyhow::Result<String> {
    let (ec2, id) = (&estate.shop.ec2, &estate.web_server);
    ec2.stop_instances().instance_ids(id).send().await?;
    let size = AttributeValue::builder().value("m5.xlarge").build();
    ec2.modify_instance_attribute().instance_id(id).instance_type(size).send().await?;
    ec2.start_instances().instance_ids(id).send().await?;
    Ok("Somebody resizes server web-1 from m5.large to m5.xlarge for a sale, and leaves it so.".to_owned())
}

async fn unblock_bucket(estate: &Estate) -> anyhow::Result<String> {
    estate.shop.s3.delete_public_access_block().bucket(&estate.invoices).send().await?;
    Ok(format!("Somebody removes the public access block of bucket {}.", estate.invoices))
}

async fn make_administrator(estate: &Estate) -> anyhow::Result<String> {
    attach(&estate.shop, SERVICE_ROLE, "AdministratorAccess").await?;
    Ok(format!("Somebody attaches AdministratorAccess to role {SERVICE_ROLE}, because a permission was missing."))
}

async fn trust_everybody(estate: &Estate) -> anyhow::Result<String> {
    let request = estate.shop.iam.update_assume_role_policy().role_name(DEPLOY_ROLE);
    request.policy_document(pipeline_trust(&json!("*")).to_string()).send().await?;
    Ok(format!("Somebody lets every AWS account assume role {DEPLOY_ROLE}, while moving the pipeline."))
}

async fn unprotect(estate: &Estate) -> anyhow::Result<String> {
    let modify = estate.reporting.rds.modify_db_instance().db_instance_identifier(REPORTING);
    modify.deletion_protection(false).apply_immediately(true).send().await?;
    Ok(format!("Somebody turns deletion protection of database {REPORTING} off, before a migration."))
}

async fn retag(estate: &Estate) -> anyhow::Result<String> {
    let tag = Tag::builder().key("CostCenter").value("0815").build();
    estate.shop.ec2.create_tags().resources(&estate.worker).tags(tag).send().await?;
    Ok("Somebody books server worker-1 to another cost centre.".to_owned())
}
