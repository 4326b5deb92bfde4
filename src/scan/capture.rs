//! Capture: live state written as expected state, the beginning of a baseline.
//!
//! What could not be read whole is left out and said: a document must never declare less than is there by accident.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, stream};
use serde::Serialize;

use super::Scanner;
use crate::domain::id::{AccountId, Region, ResourceKey, Scope};
use crate::domain::state::ResourceState;
use crate::resource::{ReadRequest, Undeclared};

/// Scopes that are read at a time.
const AT_A_TIME: usize = 8;

/// One resource of the document.
#[derive(Debug, Clone, Serialize)]
pub struct CapturedResource {
    /// Type name.
    pub resource_type: String,
    /// Its id.
    pub resource_id: String,
    /// Its account.
    pub account_id: AccountId,
    /// Its region.
    pub region: Region,
    /// All attributes that were read.
    pub state: ResourceState,
}

impl CapturedResource {
    /// Which resource it is.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        self.scope().key(&self.resource_id)
    }

    fn scope(&self) -> Scope {
        Scope {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            resource_type: self.resource_type.clone(),
        }
    }
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Captured {
    /// Sorted by scope and id.
    pub resources: Vec<CapturedResource>,
    /// What could not be read and is not in `resources`, in words.
    pub errors: Vec<String>,
    /// The scopes of which everything could be read.
    pub complete: Vec<Scope>,
    /// The scopes whose listing was read to its end: what is not in it is gone.
    pub listed: BTreeSet<Scope>,
    /// Resources that are there and could not be captured.
    pub unread: BTreeSet<ResourceKey>,
}

impl Captured {
    /// Forgets the resources that `is_wanted` does not want; what is not asked for is not known to be gone.
    pub fn retain(&mut self, is_wanted: impl Fn(&ResourceKey) -> bool) {
        self.resources.retain(|resource| is_wanted(&resource.key()));
        self.complete.clear();
    }
}

/// Ids of resources by scope, and the names of attributes that are to be read of each even if that is dear.
pub type Wanted = BTreeMap<Scope, BTreeMap<String, Arc<BTreeSet<String>>>>;

/// A place that must not be written to.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// A file that would be lost.
    #[error("{} exists and is no document of expected state: give another name, or --force to overwrite it", .0.display())]
    Exists(PathBuf),
    /// Nobody keeps documents there; a variable that was empty named it.
    #[error("{} is the root of the file system: name a file, or a folder of its own", .0.display())]
    Root(PathBuf),
}

/// Refuses to write over a file that a slip of the keyboard may have named. What holds expected state, or nothing yet,
/// is there to be captured anew.
///
/// # Errors
/// If a file that a capture of the scopes would write exists, holds something else and `force` is not given; always if
/// `out` is the root of the file system.
pub fn refuse_overwriting(out: &Path, scopes: &[Scope], force: bool) -> Result<(), Unwritable> {
    let whole = std::fs::canonicalize(out);
    if whole.as_deref().unwrap_or(out).parent().is_none() {
        return Err(Unwritable::Root(out.to_owned()));
    }
    let files =
        if is_folder(out) { scopes.iter().map(|scope| file_of(out, scope)).collect() } else { vec![out.to_owned()] };
    match files.into_iter().find(|file| !force && file.exists() && !is_document(file)) {
        Some(file) => Err(Unwritable::Exists(file)),
        None => Ok(()),
    }
}

fn is_document(file: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(file) else { return false };
    let document = serde_json::from_str::<serde_json::Value>(&text);
    text.trim().is_empty()
        || document.is_ok_and(|document| document.get("resources").is_some_and(serde_json::Value::is_array))
}

/// Whether a file for each scope is to be written, and not one for all.
fn is_folder(out: &Path) -> bool {
    out.is_dir() || out.as_os_str().to_string_lossy().ends_with('/')
}

fn file_of(folder: &Path, scope: &Scope) -> PathBuf {
    folder.join(format!("{}-{}-{}.json", scope.account_id, scope.region, scope.resource_type))
}

/// Reads every resource of the scopes. `deep`: also what costs a call per resource.
///
/// # Errors
/// If the accounts cannot be told; what else goes wrong is in the result.
pub async fn capture(
    scanner: &Scanner,
    scopes: &[Scope],
    deep: bool,
    on_scope: &(dyn Fn(&Scope, usize) + Sync),
) -> Result<Captured, crate::resource::ReadError> {
    capture_wanted(scanner, scopes, deep, &Wanted::new(), on_scope).await
}

/// The same; of the resources in `wanted` also the attributes that are wanted, deep or not.
///
/// # Errors
/// As those of [`capture`].
pub async fn capture_wanted(
    scanner: &Scanner,
    scopes: &[Scope],
    deep: bool,
    wanted: &Wanted,
    on_scope: &(dyn Fn(&Scope, usize) + Sync),
) -> Result<Captured, crate::resource::ReadError> {
    scanner.accounts().await?;
    let mut parts: Vec<(usize, Captured)> = stream::iter(scopes.iter().enumerate())
        .map(|(index, scope)| async move {
            let part = capture_scope(scanner, scope, deep, wanted.get(scope).cloned().unwrap_or_default()).await;
            on_scope(scope, part.resources.len());
            (index, part)
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    parts.sort_by_key(|(index, _)| *index);
    let mut all = Captured::default();
    for (_, part) in parts {
        all.resources.extend(part.resources);
        all.errors.extend(part.errors);
        all.complete.extend(part.complete);
        all.listed.extend(part.listed);
        all.unread.extend(part.unread);
    }
    Ok(all)
}

async fn capture_scope(
    scanner: &Scanner,
    scope: &Scope,
    deep: bool,
    declared: BTreeMap<String, Arc<BTreeSet<String>>>,
) -> Captured {
    let mut captured = Captured::default();
    let Some(kind) = super::survey::kind_of(scope) else { return captured };
    let aws = match scanner.aws(scope).await {
        Ok(aws) => aws,
        Err(error) => {
            captured.errors.push(error.to_string());
            return captured;
        }
    };
    let request = ReadRequest {
        scope: scope.clone(),
        declared,
        region_open: BTreeSet::new(),
        is_home: false,
        regions: vec![scope.region.clone()],
        undeclared: if deep { Undeclared::ReadDeep } else { Undeclared::Read },
    };
    captured.listed.insert(scope.clone());
    let mut live = kind.read(&aws, &request);
    while let Some(item) = live.next().await {
        match item {
            Err(error) => {
                captured.listed.remove(scope);
                captured.errors.push(error.to_string());
            }
            Ok(live) if live.elsewhere || kind.is_aws_owned(&live.resource_id, &live.state) => {}
            Ok(live) if live.unsettled.is_some() => {
                let doing = live.unsettled.unwrap_or_default();
                let key = scope.key(&live.resource_id);
                captured.errors.push(format!("{key}: AWS is still at work on it: {doing}"));
                captured.unread.insert(key);
            }
            Ok(live) => {
                for (attribute, reason) in &live.unknown {
                    captured.errors.push(format!("{attribute} of {}: {reason}", scope.key(&live.resource_id)));
                }
                captured.resources.push(CapturedResource {
                    resource_type: scope.resource_type.clone(),
                    resource_id: live.resource_id,
                    account_id: scope.account_id.clone(),
                    region: scope.region.clone(),
                    state: live.state,
                });
            }
        }
    }
    captured.resources.sort_by(|a, b| a.resource_id.cmp(&b.resource_id));
    if captured.errors.is_empty() {
        captured.complete.push(scope.clone());
    }
    captured
}

/// Writes the document: one file, or, if `out` is a folder (or ends in `/`), one file per account, region and type.
///
/// # Errors
/// If a file cannot be written. A file appears whole or not at all.
pub fn write(captured: &Captured, out: &Path) -> std::io::Result<()> {
    if !is_folder(out) {
        return write_file(out, &captured.resources.iter().collect::<Vec<_>>());
    }
    let mut files: BTreeMap<PathBuf, Vec<&CapturedResource>> = BTreeMap::new();
    // The file of an earlier capture must not go on declaring what is gone.
    for file in captured.complete.iter().map(|scope| file_of(out, scope)).filter(|file| file.exists()) {
        files.insert(file, Vec::new());
    }
    for resource in &captured.resources {
        files.entry(file_of(out, &resource.scope())).or_default().push(resource);
    }
    std::fs::create_dir_all(out)?;
    files.iter().try_for_each(|(file, resources)| write_file(file, resources))
}

fn write_file(path: &Path, resources: &[&CapturedResource]) -> std::io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Readable for others as far as the umask lets it: the daemon often runs as another user.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, &serde_json::json!({ "resources": resources }))?;
    std::io::Write::write_all(&mut file, b"\n")?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_the_file_system_is_no_folder_for_documents() {
        for root in ["/", "/tmp/..", "//"] {
            let refused = refuse_overwriting(Path::new(root), &[], true).expect_err(root);
            assert!(refused.to_string().contains("is the root of the file system"), "{refused}");
        }
        assert!(refuse_overwriting(Path::new("documents/"), &[], false).is_ok());
    }
}
