//! What is asked of S3: one object, or a listing, wherever the bucket lives.
//!
//! The account's own credentials ask, in the bucket's own region, which S3 tells whoever asks in another one. Whatever
//! cannot be had is told with the IAM action that it takes.

use std::sync::{Mutex, PoisonError};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::types::Object;
use chrono::{DateTime, Utc};

use super::listing::Listed;
use super::{Fault, MOST_BYTES};
use crate::domain::id::Region;
use crate::resource::Aws;
use crate::resource::aws::{AwsPool, SdkError};

/// A bucket, and who reads it.
pub(super) struct Bucket {
    pub(super) name: String,
    pool: Option<AwsPool>,
    account: Option<String>,
    /// Where it lives, once S3 has told.
    region: Mutex<Option<Region>>,
}

/// What asking for an object brought.
pub(super) enum Got {
    /// It is as it was.
    Unchanged,
    /// Its content and the mark of that.
    Object(Content),
    /// There is none of this key.
    Absent,
}

/// An object's content.
pub(super) struct Content {
    pub(super) etag: String,
    pub(super) bytes: Vec<u8>,
    pub(super) modified_at: Option<DateTime<Utc>>,
}

/// Why a request brought nothing.
enum Refusal {
    /// The bucket lives elsewhere; it is known now where.
    Moved,
    /// In words.
    Because(String),
}

impl Bucket {
    pub(super) fn new(name: String, pool: Option<AwsPool>, account: Option<String>) -> Self {
        Self { name, pool, account, region: Mutex::default() }
    }

    /// The object of this key, unless its content still has the mark `known`.
    pub(super) async fn get(&self, key: &str, known: Option<&str>) -> Result<Got, String> {
        match self.get_once(key, known).await {
            Err(Refusal::Moved) => self.get_once(key, known).await.map_err(Refusal::into_words),
            answer => answer.map_err(Refusal::into_words),
        }
    }

    /// All objects whose keys begin with `prefix` and that `takes` takes, in the order of their keys.
    pub(super) async fn list(&self, prefix: &str, takes: impl Fn(&str) -> bool) -> Result<Vec<Listed>, String> {
        match self.list_once(prefix, &takes).await {
            Err(Refusal::Moved) => self.list_once(prefix, &takes).await.map_err(Refusal::into_words),
            answer => answer.map_err(Refusal::into_words),
        }
    }

    async fn get_once(&self, key: &str, known: Option<&str>) -> Result<Got, Refusal> {
        let aws = self.aws().await?;
        let request = aws.s3.get_object().bucket(&self.name).key(key).set_if_none_match(known.map(str::to_owned));
        // One byte more than may be: so that what is too large is known without being fetched.
        let answer = match request.range(format!("bytes=0-{MOST_BYTES}")).send().await {
            Ok(answer) => answer,
            Err(error) => return self.unanswered(&aws, &error),
        };
        if total_of(&answer).is_some_and(|total| total > MOST_BYTES) {
            return Err(Refusal::Because(Fault::too_large("").message));
        }
        let etag = answer.e_tag.clone().unwrap_or_default();
        let modified_at = answer.last_modified.as_ref().and_then(time);
        let body = answer.body.collect().await;
        let body = body.map_err(|error| Refusal::Because(format!("cannot be read to its end: {error}")))?;
        Ok(Got::Object(Content { etag, bytes: body.into_bytes().into(), modified_at }))
    }

    fn unanswered(&self, aws: &Aws, error: &SdkError<GetObjectError>) -> Result<Got, Refusal> {
        match (error.raw_response().map(|answer| answer.status().as_u16()), error.code()) {
            (Some(304), _) => Ok(Got::Unchanged),
            (_, Some("NoSuchKey")) => Ok(Got::Absent),
            // A range of nothing.
            (Some(416), _) => Ok(Got::Object(Content { etag: String::new(), bytes: Vec::new(), modified_at: None })),
            (_, Some("InvalidObjectState")) => {
                Err(Refusal::Because("is archived: restore it, or keep it in a storage class that can be read".into()))
            }
            _ => Err(self.refusal(aws, "s3:GetObject", "GetObject", error)),
        }
    }

    async fn list_once(&self, prefix: &str, takes: &impl Fn(&str) -> bool) -> Result<Vec<Listed>, Refusal> {
        let aws = self.aws().await?;
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = aws.s3.list_objects_v2().bucket(&self.name).set_continuation_token(token.take());
            let page = request.set_prefix((!prefix.is_empty()).then(|| prefix.to_owned())).send().await;
            let page = page.map_err(|error| self.refusal(&aws, "s3:ListBucket", "ListObjectsV2", &error))?;
            found.extend(
                page.contents.unwrap_or_default().iter().filter_map(listed).filter(|object| takes(&object.key)),
            );
            token = page.next_continuation_token.filter(|token| !token.is_empty());
            match (&token, page.is_truncated) {
                (Some(_), _) => {}
                (None, Some(true)) => return Err(Refusal::Because("is listed in part only: S3 broke off".into())),
                (None, _) => return Ok(found),
            }
        }
    }

    /// Clients for the bucket's region as far as it is known.
    async fn aws(&self) -> Result<Aws, Refusal> {
        let pool = self.pool.as_ref().ok_or_else(|| Refusal::Because("AWS cannot be asked here".to_owned()))?;
        let region = self.region.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let aws = pool.aws_called(self.account.as_deref(), region.as_ref()).await;
        aws.map_err(|error| Refusal::Because(format!("cannot be read: {error}")))
    }

    /// Notes where the bucket lives if S3 tells that it is not where it was asked for.
    fn refusal<E>(&self, aws: &Aws, action: &str, operation: &'static str, error: &SdkError<E>) -> Refusal
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let redirect = error.raw_response().filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400));
        if let Some(region) = redirect.and_then(|answer| answer.headers().get("x-amz-bucket-region"))
            && *region != *aws.region.as_str()
        {
            *self.region.lock().unwrap_or_else(PoisonError::into_inner) = Some(Region::from(region));
            return Refusal::Moved;
        }
        let is_about_key = error.message().is_some_and(|message| message.contains("kms:") || message.contains("KMS"));
        let action = if is_about_key { "kms:Decrypt" } else { action };
        let told = aws.read_error_needing(action, "s3", operation, error);
        Refusal::Because(format!("cannot be read: {told}"))
    }
}

impl Refusal {
    fn into_words(self) -> String {
        match self {
            Self::Because(why) => why,
            Self::Moved => "cannot be read: S3 names one region after the other for its bucket".to_owned(),
        }
    }
}

/// Bytes of the whole object, of which the answer is a part: `bytes 0-99/1234`.
fn total_of(answer: &GetObjectOutput) -> Option<u64> {
    answer.content_range()?.rsplit('/').next()?.parse().ok()
}

fn listed(object: &Object) -> Option<Listed> {
    Some(Listed {
        key: object.key()?.to_owned(),
        etag: object.e_tag().unwrap_or_default().to_owned(),
        bytes: object.size().and_then(|size| size.try_into().ok()).unwrap_or_default(),
        modified_at: object.last_modified().and_then(time),
    })
}

fn time(at: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
