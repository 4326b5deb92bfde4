//! Where a bucket lives: each is asked in its own region, and followed where AWS says that it lies elsewhere.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;

use crate::domain::id::Region;

use super::super::Aws;

/// The client for a bucket's own region, with everything else as in the region of `aws`.
pub(super) fn client_in(aws: &Aws, region: &Region) -> Client {
    if *region == aws.region {
        return aws.s3.clone();
    }
    let region = aws_sdk_s3::config::Region::new(region.as_str().to_owned());
    Client::from_conf(aws.s3.config().to_builder().region(region).build())
}

/// Where the bucket lives, if AWS says that it is not where it was asked for.
pub(super) fn moved_to<E>(error: &SdkError<E, HttpResponse>) -> Option<Region> {
    let redirect = error.raw_response().filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400));
    redirect.and_then(|answer| answer.headers().get("x-amz-bucket-region")).map(Region::from)
}
