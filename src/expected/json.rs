//! Sources of kind `json`: state documents.

use futures::StreamExt;
use futures::future::BoxFuture;

use super::place::{Names, Place};
use super::{Built, Loaded, Parts, Source, SourceKind, Types, document};
use crate::config::options::Options;
use crate::config::problem::ConfigProblem;

/// The kind.
pub(super) const KIND: SourceKind = SourceKind { name: "json", check, build };

const NAMES: Names = Names { endings: &["json"], but: &[] };
const EXAMPLE: &str = "\"expected/\"";

fn check(options: &Options) -> Vec<ConfigProblem> {
    Place::check(options, EXAMPLE)
}

fn build(options: &Options, parts: &Parts) -> Built {
    let place = Place::build(options, EXAMPLE, NAMES, parts)?;
    Ok(Box::new(JsonSource { place, types: parts.types }))
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

    fn is_remote(&self) -> bool {
        self.place.is_remote()
    }

    fn load(&self) -> BoxFuture<'_, Loaded> {
        Box::pin(async move {
            let mut loaded = Loaded::default();
            let mut documents = self.place.documents();
            while let Some(found) = documents.next().await {
                let types = self.types;
                match found {
                    Ok(read) => {
                        loaded.note_document(&read.name, read.modified_at);
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
