//! The same answers read by AWS's SDK alone, and thrown away: what no scan can do without.

use aws_sdk_iam::types::EntityType;
use driftsentry::resource::Aws;
use futures::{StreamExt, stream};

const EC2_PAGE: i32 = 1000;

/// Reads all that a scan of the type reads.
pub async fn read_all(resource_type: &str, aws: &Aws) {
    match resource_type {
        "EC2" => instances(aws).await,
        "SECURITY_GROUP" => {
            let mut pages = aws.ec2.describe_security_groups().max_results(EC2_PAGE).into_paginator().send();
            while let Some(page) = pages.next().await {
                drop(page.expect("a page"));
            }
        }
        "RDS" => {
            let mut pages = aws.rds.describe_db_instances().max_records(100).into_paginator().send();
            while let Some(page) = pages.next().await {
                drop(page.expect("a page"));
            }
        }
        "IAM_ROLE" => roles(aws).await,
        "S3" => buckets(aws).await,
        other => panic!("no type {other}"),
    }
}

async fn instances(aws: &Aws) {
    let mut pages = aws.ec2.describe_volumes().max_results(EC2_PAGE).into_paginator().send();
    while let Some(page) = pages.next().await {
        drop(page.expect("a page"));
    }
    let credits = aws.ec2.describe_instance_credit_specifications().max_results(EC2_PAGE);
    let mut pages = credits.into_paginator().send();
    while let Some(page) = pages.next().await {
        drop(page.expect("a page"));
    }
    let mut pages = aws.ec2.describe_instances().max_results(EC2_PAGE).into_paginator().send();
    while let Some(page) = pages.next().await {
        drop(page.expect("a page"));
    }
}

async fn roles(aws: &Aws) {
    let mut pages = aws.iam.list_roles().max_items(1000).into_paginator().send();
    while let Some(page) = pages.next().await {
        drop(page.expect("a page"));
    }
    let details = aws.iam.get_account_authorization_details().filter(EntityType::Role).max_items(1000);
    let mut pages = details.into_paginator().send();
    while let Some(page) = pages.next().await {
        drop(page.expect("a page"));
    }
}

/// The core attributes of every bucket, as many at a time as the scan has.
async fn buckets(aws: &Aws) {
    let mut pages = aws.s3.list_buckets().max_buckets(2000).into_paginator().send();
    while let Some(page) = pages.next().await {
        let names = page.expect("a page").buckets.unwrap_or_default().into_iter().filter_map(|bucket| bucket.name);
        stream::iter(names).for_each_concurrent(2, |name| bucket(aws, name)).await;
    }
}

async fn bucket(aws: &Aws, name: String) {
    let s3 = &aws.s3;
    let read = tokio::join!(
        s3.get_bucket_encryption().bucket(&name).send(),
        s3.get_bucket_lifecycle_configuration().bucket(&name).send(),
        s3.get_bucket_logging().bucket(&name).send(),
        s3.get_bucket_ownership_controls().bucket(&name).send(),
        s3.get_bucket_policy().bucket(&name).send(),
        s3.get_public_access_block().bucket(&name).send(),
        s3.get_bucket_tagging().bucket(&name).send(),
        s3.get_bucket_versioning().bucket(&name).send(),
    );
    assert!(read.0.is_ok() && read.1.is_ok() && read.2.is_ok() && read.3.is_ok(), "{name}");
    assert!(read.4.is_ok() && read.5.is_ok() && read.6.is_ok() && read.7.is_ok(), "{name}");
}
