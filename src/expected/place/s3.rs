//! Documents in S3: an object, all below a prefix, or what globs in the key match.
//!
//! A look is one conditional request for an object, and one listing for many. A key that does not exist may be a
//! prefix. What a look brings is kept until it is read; a failed look is told then, and the next one asks again.

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::Mutex;

use super::bucket::{Bucket, Content, Got};
use super::glob::Pattern;
use super::listing::{Listed, Selection, mark_of};
use super::shelf::Shelf;
use super::spec::S3Location;
use super::{Document, Fault, MOST_BYTES, Names};
use crate::expected::Parts;

/// Objects of a prefix that are fetched at once: most states are small, and each takes its time to be found.
const AT_ONCE: usize = 4;

/// Documents in S3.
pub(in crate::expected) struct S3 {
    shown: String,
    bucket: Bucket,
    key: String,
    selection: Selection,
    shelf: Shelf,
    seen: Mutex<Seen>,
}

/// What is known of them.
#[derive(Default)]
struct Seen {
    /// Whether the key turned out to be a prefix.
    is_prefix: bool,
    /// Mark of the object's content that was last read.
    etag: Option<String>,
    /// What the last look brought, until it is read.
    brought: Option<Result<Found, Fault>>,
}

enum Found {
    Unchanged,
    Object(Content),
    Many(Vec<Listed>),
}

impl S3 {
    pub(super) fn new(location: S3Location, pattern: Option<&Pattern>, names: Names, parts: &Parts) -> Self {
        let S3Location { bucket, key } = location;
        Self {
            shown: format!("s3://{bucket}/{key}"),
            bucket: Bucket::new(bucket, parts.aws.clone(), parts.account.clone()),
            selection: Selection::new(&key, pattern, names),
            key,
            shelf: Shelf::new(parts.budget.clone()),
            seen: Mutex::default(),
        }
    }

    pub(super) fn describe(&self) -> String {
        self.shown.clone()
    }

    /// The mark of the content; `None` if it cannot be had.
    pub(super) async fn look(&self) -> Option<String> {
        let mut seen = self.seen.lock().await;
        let known = seen.etag.clone();
        let found = self.find(&mut seen, known.as_deref()).await;
        let mark = match &found {
            Ok(Found::Unchanged) => known.clone(),
            Ok(Found::Object(content)) => Some(content.etag.clone()),
            Ok(Found::Many(listing)) => Some(mark_of(listing)),
            Err(_) => None,
        };
        seen.brought = match found {
            Ok(Found::Unchanged) => None,
            Ok(Found::Object(content)) => {
                self.keep(&self.key, &content);
                let is_news = known.as_ref() != Some(&content.etag);
                seen.etag = Some(content.etag.clone());
                is_news.then_some(Ok(Found::Object(content)))
            }
            other => Some(other),
        };
        mark
    }

    /// Every document, from the last look as far as it brought them.
    pub(super) fn documents(&self) -> BoxStream<'_, Result<Document, Fault>> {
        let documents = async move {
            match self.to_read().await {
                Ok(Found::Object(content)) => stream::iter([Ok(self.document(&self.key, content))]).boxed(),
                Ok(Found::Many(listing)) => {
                    self.shelf.keep_only(|key| listing.iter().any(|object| object.key == key));
                    stream::iter(listing).map(|object| self.fetch(object)).buffered(AT_ONCE).boxed()
                }
                Ok(Found::Unchanged) => {
                    stream::iter([Err(self.fault("is said to be as it was, though unknown"))]).boxed()
                }
                Err(fault) => stream::iter([Err(fault)]).boxed(),
            }
        };
        documents.flatten_stream().boxed()
    }

    async fn to_read(&self) -> Result<Found, Fault> {
        let mut seen = self.seen.lock().await;
        if let Some(brought) = seen.brought.take() {
            return brought;
        }
        if let Some(kept) = seen.etag.as_ref().and_then(|etag| Some((etag, self.shelf.get(&self.key, etag)?))) {
            let (etag, Document { bytes, modified_at, .. }) = kept;
            return Ok(Found::Object(Content { etag: etag.clone(), bytes, modified_at }));
        }
        let found = self.find(&mut seen, None).await?;
        if let Found::Object(content) = &found {
            self.keep(&self.key, content);
            seen.etag = Some(content.etag.clone());
        }
        Ok(found)
    }

    /// Asks S3. `known` is the mark of the content that need not be sent again.
    async fn find(&self, seen: &mut Seen, known: Option<&str>) -> Result<Found, Fault> {
        if !self.is_many() && !seen.is_prefix {
            match self.bucket.get(&self.key, known).await.map_err(|why| self.fault(why))? {
                Got::Unchanged => return Ok(Found::Unchanged),
                Got::Object(content) => return Ok(Found::Object(content)),
                Got::Absent => {}
            }
        }
        let listing = self.bucket.list(&self.selection.prefix, |key| self.selection.takes(key)).await;
        let listing = listing.map_err(|why| self.fault(why))?;
        seen.etag = None;
        seen.is_prefix = !listing.is_empty();
        if listing.is_empty() {
            return Err(self.fault(self.nothing()));
        }
        Ok(Found::Many(listing))
    }

    /// Whether the path cannot be an object.
    fn is_many(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/') || self.selection.pattern.is_some()
    }

    fn nothing(&self) -> String {
        let names = self.selection.names.describe();
        match (&self.selection.pattern, self.is_many()) {
            (Some(_), _) => "matches no object: correct it".to_owned(),
            (None, true) => format!("holds no {names} object: write one, or name another prefix"),
            (None, false) => format!("is no object, and there is no {names} object below it: correct it"),
        }
    }

    async fn fetch(&self, object: Listed) -> Result<Document, Fault> {
        let name = self.name_of(&object.key);
        if object.bytes > MOST_BYTES {
            return Err(Fault::too_large(name));
        }
        if let Some(document) = self.shelf.get(&object.key, &object.etag) {
            return Ok(document);
        }
        match self.bucket.get(&object.key, None).await {
            Ok(Got::Object(content)) => {
                self.keep(&object.key, &content);
                Ok(self.document(&object.key, content))
            }
            Ok(Got::Absent | Got::Unchanged) => Err(Fault::new(name, "went away while it was read")),
            Err(why) => Err(Fault::new(name, why)),
        }
    }

    fn keep(&self, key: &str, content: &Content) {
        let Content { etag, bytes, modified_at } = content;
        let document = || Document { name: self.name_of(key), bytes: bytes.clone(), modified_at: *modified_at };
        self.shelf.put(key, etag, bytes.len(), document);
    }

    fn document(&self, key: &str, content: Content) -> Document {
        Document { name: self.name_of(key), bytes: content.bytes, modified_at: content.modified_at }
    }

    fn name_of(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket.name)
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(&self.shown, message)
    }
}
