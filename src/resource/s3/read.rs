//! Reading buckets: listed one by one, each asked for the wanted attributes, a bounded number of calls at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_stream::stream;
use aws_sdk_s3::Client;
use futures::future::join_all;
use futures::{Stream, StreamExt, future};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::domain::id::Region;
use crate::domain::policy;
use crate::domain::schema::{self, Shape};
use crate::domain::state::ResourceState;

use super::super::{Aws, Live, ReadError, ReadRequest, Reason};
use super::attributes::ATTRIBUTES;
use super::gets::{Ask, Failure, GETS, Get};
use super::list::{self, Listed, Place};
use super::region::client_in;

/// Calls under way at once in a shard: S3's limits are per bucket and far above this; one slow bucket must not hold
/// up the others.
const IN_FLIGHT: usize = 16;

/// What the request wants of the account's buckets. An error comes last: what was under way when it happened is good.
pub(super) fn buckets<'a>(
    aws: &'a Aws,
    request: &'a ReadRequest,
) -> impl Stream<Item = Result<Live, ReadError>> + Send + 'a {
    stream! {
        if !request.wants_any() {
            return;
        }
        let reader = Reader::new(aws, request);
        let census = Census::default();
        let mut listing_failed = None;
        let mut read_failed = None;
        {
            let listed = list::buckets(aws).scan((), |(), bucket| {
                future::ready(bucket.map_err(|error| listing_failed = Some(error)).ok())
            });
            let wanted = listed.filter(|bucket| future::ready(census.wants(request, bucket)));
            let mut reads = Box::pin(wanted.map(|bucket| reader.read(bucket)).buffer_unordered(IN_FLIGHT));
            while let Some(read) = reads.next().await {
                match read {
                    Ok(Some(live)) => yield Ok(live),
                    Ok(None) => {}
                    Err(error) => read_failed = Some(error),
                }
            }
        }
        if let Some(count) = census.count().filter(|_| listing_failed.is_none()) {
            aws.bystanders.add(count);
        }
        if let Some(error) = listing_failed.or(read_failed) {
            yield Err(error);
        }
    }
}

/// Counts the buckets of the region that nobody asks for, if the listing tells where each lives.
#[derive(Default)]
struct Census(Mutex<(u64, bool)>);

impl Census {
    /// Whether a bucket is wanted; counted if not.
    fn wants(&self, request: &ReadRequest, bucket: &Listed) -> bool {
        if request.wants(&bucket.name) {
            return true;
        }
        let mut census = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        census.0 += u64::from(bucket.region.as_ref() == Some(&request.scope.region));
        census.1 |= bucket.region.is_none();
        false
    }

    /// The count; `None` if it is not certain.
    fn count(&self) -> Option<u64> {
        let (count, is_uncertain) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!is_uncertain).then_some(count)
    }
}

/// What one attribute's read came to.
enum Outcome {
    /// AWS's form of the value; null if there is none.
    Read(Value),
    /// Could not be read, and why.
    Unknown(Reason),
    /// The bucket was deleted meanwhile.
    Gone,
}

impl Outcome {
    /// What an answer says. A policy is the one answer that nothing has parsed yet: it may be any text.
    fn of(get: &Get, value: Value) -> Self {
        let attribute = schema::find(ATTRIBUTES, get.attribute);
        let is_policy = attribute.is_some_and(|attribute| matches!(attribute.shape, Shape::Policy));
        if !is_policy || value.is_null() {
            return Self::Read(value);
        }
        match policy::parse(&value) {
            Ok(document) => Self::Read(document),
            Err(error) => Self::Unknown(format!("AWS answered with what is no policy document: {error}").into()),
        }
    }
}

struct Reader<'a> {
    aws: &'a Aws,
    request: &'a ReadRequest,
    permits: Semaphore,
    /// Clients for regions other than the scope's.
    clients: Mutex<BTreeMap<Region, Client>>,
}

impl<'a> Reader<'a> {
    fn new(aws: &'a Aws, request: &'a ReadRequest) -> Self {
        Self { aws, request, permits: Semaphore::new(IN_FLIGHT), clients: Mutex::default() }
    }

    /// Reads one bucket; `None` if it is not this shard's, or gone since it was listed.
    async fn read(&self, bucket: Listed) -> Result<Option<Live>, ReadError> {
        Ok(match list::place(self.aws, self.request, &bucket).await? {
            Place::Here(region) => self.attributes(bucket.name, region).await,
            Place::Elsewhere => Some(Live::elsewhere(bucket.name)),
            Place::NotMine => None,
            Place::Unlocated(error) => {
                // Denied or failed, the bucket exists: nothing of it is known.
                let reason = Reason::from(error).told(|why| format!("its region is not known: {why}"));
                let mut live = Live::new(bucket.name, ResourceState::new());
                live.unknown =
                    self.wanted(&live.resource_id).map(|g| (g.attribute.to_owned(), reason.clone())).collect();
                Some(live)
            }
        })
    }

    fn wanted<'b>(&'b self, bucket: &'b str) -> impl Iterator<Item = &'static Get> + 'b {
        GETS.iter().filter(move |get| {
            schema::find(ATTRIBUTES, get.attribute)
                .is_some_and(|attribute| self.request.wants_attribute(bucket, attribute))
        })
    }

    async fn attributes(&self, bucket: String, region: Region) -> Option<Live> {
        let reads = self.wanted(&bucket).map(|get| self.attribute(get, &bucket, &region));
        let outcomes = join_all(reads).await;
        let mut state = ResourceState::new();
        let mut unknown = BTreeMap::new();
        for (get, outcome) in self.wanted(&bucket).zip(outcomes) {
            match outcome {
                Outcome::Read(value) => state.set(get.attribute, value),
                Outcome::Unknown(reason) => drop(unknown.insert(get.attribute.to_owned(), reason)),
                Outcome::Gone => return None,
            }
        }
        super::canonical(&mut state);
        let mut live = Live::new(bucket, state);
        live.unknown = unknown;
        Some(live)
    }

    async fn attribute(&self, get: &Get, bucket: &str, region: &Region) -> Outcome {
        let answer = match self.send(get, bucket, region).await {
            Err(Failure { moved_to: Some(actual), .. }) if actual != *region => self.send(get, bucket, &actual).await,
            answer => answer,
        };
        match answer {
            Ok(value) => Outcome::of(get, value),
            Err(failure) if failure.is(&["NoSuchBucket"]) => Outcome::Gone,
            Err(failure) if failure.is(get.absent) => Outcome::Read(Value::Null),
            Err(Failure { error, .. }) => Outcome::Unknown(error.into()),
        }
    }

    async fn send(&self, get: &Get, bucket: &str, region: &Region) -> Result<Value, Failure> {
        // The semaphore lives as long as the reader and is never closed, so a permit always comes.
        let _permit = self.permits.acquire().await;
        let client = self.client(region);
        (get.send)(Ask { aws: self.aws, client: &client, bucket, plans: false }).await
    }

    /// The client for a bucket's own region, with everything else as in the scope's.
    fn client(&self, region: &Region) -> Client {
        if *region == self.aws.region {
            return self.aws.s3.clone();
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || client_in(self.aws, region);
        clients.entry(region.clone()).or_insert_with(build).clone()
    }
}
