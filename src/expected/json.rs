//! Sources of kind `json`: state documents.

use futures::StreamExt;
use futures::future::BoxFuture;

use super::place::Place;
use super::{Built, Loaded, Parts, Source, SourceKind, Types, document};
use crate::config::options::Options;
use crate::config::problem::ConfigProblem;

/// The kind.
pub(super) const KIND: SourceKind = SourceKind { name: "json", check, build };

const ENDING: &str = "json";

fn check(options: &Options) -> Vec<ConfigProblem> {
    read(options).err().unwrap_or_default()
}

fn build(options: &Options, parts: &Parts) -> Built {
    Ok(Box::new(JsonSource { place: read(options)?, types: parts.types }))
}

fn read(options: &Options) -> Result<Place, Vec<ConfigProblem>> {
    let mut reader = options.reader();
    let path = reader.text("path", "\"expected/\"");
    if path.as_deref().is_some_and(|path| path.starts_with("s3://")) {
        reader.fault::<()>("path", "documents in S3 cannot be read yet: write the path of a file or a folder");
    }
    reader.finish()?;
    Ok(Place::new(path.unwrap_or_default(), ENDING))
}

struct JsonSource {
    place: Place,
    types: Types,
}

impl Source for JsonSource {
    fn describe(&self) -> String {
        format!("json {}", self.place.describe())
    }

    fn fingerprint(&self) -> BoxFuture<'_, Option<String>> {
        self.place.fingerprint()
    }

    fn load(&self) -> BoxFuture<'_, Loaded> {
        Box::pin(async move {
            let mut loaded = Loaded::default();
            let mut documents = self.place.documents();
            while let Some(found) = documents.next().await {
                let types = self.types;
                match found {
                    Ok(read) => {
                        let reading = move |loaded: &mut Loaded| document::read(&read.name, &read.bytes, types, loaded);
                        loaded = loaded.extended(reading).await;
                    }
                    Err(fault) => loaded.lose(fault.name, fault.message),
                }
            }
            loaded
        })
    }
}
