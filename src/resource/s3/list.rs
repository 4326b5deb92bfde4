//! Which buckets there are, where each lives, and whether this shard answers for it.

use std::collections::BTreeSet;

use async_stream::try_stream;
use aws_sdk_s3::types::Bucket;
use futures::Stream;

use crate::domain::id::Region;

use super::super::{Aws, ReadError, ReadRequest};

/// Buckets a page. AWS takes up to 10,000; this keeps a page near half a megabyte. It is sent always, because AWS
/// tells a bucket's region only where a parameter is sent.
const PAGE: i32 = 2_000;

/// A bucket as the listing tells it.
pub(super) struct Listed {
    /// Its name.
    pub name: String,
    /// Its region; `None` where the listing does not tell.
    pub region: Option<Region>,
}

/// Whose a bucket is.
pub(super) enum Place {
    /// This shard's, and it lives in the region.
    Here(Region),
    /// Another shard's, but this one is asked whether it exists.
    Elsewhere,
    /// Another shard's or nobody's.
    NotMine,
    /// Declared with its region left open, and the region cannot be told.
    Unlocated(ReadError),
}

/// All buckets of the account, page by page.
pub(super) fn buckets(aws: &Aws) -> impl Stream<Item = Result<Listed, ReadError>> + Send + '_ {
    try_stream! {
        let mut token: Option<String> = None;
        loop {
            let is_first = token.is_none();
            let request = aws.s3.list_buckets().max_buckets(PAGE).set_continuation_token(token.take());
            let page = request.send().await.map_err(|error| aws.read_error_needing("s3:ListAllMyBuckets", "s3", "ListBuckets", &error))?;
            token = page.continuation_token.filter(|token| !token.is_empty());
            let page = page.buckets.unwrap_or_default();
            // Some emulators cut the listing off at the page's size and give no token to go on with.
            let cut_off = is_first && token.is_none() && page.len() >= PAGE.unsigned_abs() as usize;
            let seen = if cut_off { page.iter().filter_map(|bucket| bucket.name.clone()).collect() } else { BTreeSet::new() };
            for bucket in page.into_iter().filter_map(listed) {
                yield bucket;
            }
            if cut_off {
                for bucket in unpaged(aws).await?.into_iter().filter(|bucket| !seen.contains(&bucket.name)) {
                    yield bucket;
                }
            }
            if token.is_none() {
                break;
            }
        }
    }
}

async fn unpaged(aws: &Aws) -> Result<Vec<Listed>, ReadError> {
    let all = aws
        .s3
        .list_buckets()
        .send()
        .await
        .map_err(|error| aws.read_error_needing("s3:ListAllMyBuckets", "s3", "ListBuckets", &error))?;
    Ok(all.buckets.unwrap_or_default().into_iter().filter_map(listed).collect())
}

fn listed(bucket: Bucket) -> Option<Listed> {
    let region = bucket.bucket_region.filter(|region| !region.is_empty()).map(Region::from);
    Some(Listed { name: bucket.name?, region })
}

/// Whether this shard answers for a bucket that `request` wants.
///
/// # Errors
/// If an undeclared bucket cannot be located: it may be any shard's.
pub(super) async fn place(aws: &Aws, request: &ReadRequest, bucket: &Listed) -> Result<Place, ReadError> {
    let is_declared = request.declared.contains_key(&bucket.name);
    let is_open = request.region_open.contains(&bucket.name);
    let here = &request.scope.region;
    if is_declared && !is_open {
        // It is compared here wherever it lives; a wrong guess is put right by AWS's redirect.
        return Ok(Place::Here(bucket.region.clone().unwrap_or_else(|| here.clone())));
    }
    let region = match &bucket.region {
        Some(region) => Ok(region.clone()),
        None => locate(aws, &bucket.name).await,
    };
    Ok(match region {
        Ok(region) if region == *here => Place::Here(region),
        Ok(_) if !(is_open && request.is_home) => Place::NotMine,
        Ok(region) if request.regions.contains(&region) => Place::Elsewhere,
        Ok(region) => Place::Here(region),
        Err(error) if !is_open => return Err(error),
        Err(error) if request.is_home => Place::Unlocated(error),
        Err(_) => Place::NotMine,
    })
}

async fn locate(aws: &Aws, bucket: &str) -> Result<Region, ReadError> {
    let answer = aws.s3.get_bucket_location().bucket(bucket).send().await;
    let answer = answer.map_err(|error| aws.read_error("s3", "GetBucketLocation", &error))?;
    // Names older than regions: none at all is us-east-1, EU is eu-west-1.
    Ok(match answer.location_constraint.as_ref().map_or("", |constraint| constraint.as_str()) {
        "" => Region::from("us-east-1"),
        "EU" => Region::from("eu-west-1"),
        region => Region::from(region),
    })
}
