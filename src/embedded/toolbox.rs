//! Finds or makes the Python tools that demo and tests need: the AWS emulator, a mail server, PostgreSQL's binaries.
//!
//! A tool that the machine's Python already has in the pinned version is used as it is. Otherwise pip puts it, with the
//! user's own pip settings, into a private folder, which is kept and used by later runs. Nothing is ever installed into
//! the machine's Python.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

use super::Host;
use crate::config::options::Env;

const BOOTSTRAP_PIP: &str = include_str!("bootstrap_pip.py");

/// A Python package that is used as a program.
#[derive(Debug)]
pub struct Tool {
    /// The package's name in the index.
    pub package: &'static str,
    /// The pinned version.
    pub version: &'static str,
    /// What pip is to install.
    pub requirements: &'static [&'static str],
    /// Modules that must be there for the tool to work.
    pub modules: &'static [&'static str],
    /// What it is, for people: `the AWS emulator moto`.
    pub description: &'static str,
}

/// Why a tool cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// No Python.
    #[error("{tool} needs Python 3, and `python3` does not run: install it, or put it on PATH")]
    NoPython {
        /// The tool's description.
        tool: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// pip failed, in each way that was tried.
    #[error(
        "install {requirements} by pip: {detail}\nCheck that the package index can be reached; on Debian and Ubuntu \
         `apt-get install python3-pip` gives Python its own pip"
    )]
    Install {
        /// What was to be installed.
        requirements: String,
        /// pip's last words.
        detail: String,
    },
    /// A file or folder could not be made.
    #[error("{step} {}", path.display())]
    Files {
        /// What was tried.
        step: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A Python that has a tool.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    /// The interpreter.
    pub(crate) program: OsString,
    /// Where the tool's packages are; `None` if the interpreter has them itself.
    pub(crate) site: Option<PathBuf>,
}

impl Python {
    /// What must be in the environment for the tool to be found.
    pub(crate) fn env(&self) -> Vec<(OsString, OsString)> {
        let site = self.site.iter().map(|site| ("PYTHONPATH".into(), site.into()));
        site.chain([("PYTHONUNBUFFERED".into(), "1".into())]).collect()
    }
}

/// Where tools are kept unless told otherwise: readable for other users if root puts them there.
pub(crate) fn default_cache(env: &Env) -> PathBuf {
    let uid = nix::unistd::geteuid();
    if uid.is_root() {
        return PathBuf::from("/var/cache/driftsentry");
    }
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    match base {
        Some(base) => base.join("driftsentry"),
        None => std::env::temp_dir().join(format!("driftsentry-cache-{uid}")),
    }
}

/// A Python that has `tool`, installed if need be.
pub(crate) async fn python_with(host: &Host, tool: &Tool) -> Result<Python, ToolError> {
    let program = OsString::from("python3");
    let tag =
        interpreter_tag(&program).await.map_err(|source| ToolError::NoPython { tool: tool.description, source })?;
    if has(&program, tool).await {
        return Ok(Python { program, site: None });
    }
    let site = host.cache.join(format!("{}-{}-{tag}", tool.package, tool.version));
    if !site.is_dir() {
        install(host, &program, tool, &site).await?;
    }
    Ok(Python { program, site: Some(site) })
}

/// What compiled packages depend on: `cpython-311-linux-x86_64`.
async fn interpreter_tag(program: &OsString) -> std::io::Result<String> {
    let code = "import sys, sysconfig; print(f'{sys.implementation.cache_tag}-{sysconfig.get_platform()}')";
    let output = Command::new(program).args(["-c", code]).kill_on_drop(true).output().await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(std::io::Error::other(last_words(&output)))
}

/// Whether the interpreter has the tool in the pinned version, the last figure aside.
async fn has(program: &OsString, tool: &Tool) -> bool {
    let code = "import sys, importlib.util as u, importlib.metadata as m\n\
                package, series, modules = sys.argv[1], sys.argv[2], sys.argv[3:]\n\
                sys.exit(not (all(u.find_spec(n) for n in modules) and m.version(package).startswith(series)))";
    let series = tool.version.rsplit_once('.').map_or(tool.version, |(series, _)| series);
    let output = Command::new(program)
        .args(["-c", code, tool.package, &format!("{series}.")])
        .args(tool.modules)
        .kill_on_drop(true)
        .output()
        .await;
    output.is_ok_and(|output| output.status.success())
}

async fn install(host: &Host, program: &OsString, tool: &Tool, site: &Path) -> Result<(), ToolError> {
    make_folder(&host.cache)?;
    let _lock = lock(&site.with_added_extension("lock"), true).await?;
    if site.is_dir() {
        return Ok(());
    }
    host.tell(&format!("Installing {} into {} (once)", tool.description, host.cache.display()));
    // What a killed installation has left.
    let unfinished = site.with_added_extension("unfinished");
    std::fs::remove_dir_all(&unfinished).ok();
    make_folder(&unfinished)?;
    let result = run_pip(program, tool, &unfinished).await;
    let moved = result.and_then(|()| {
        let target = unfinished.join("site");
        std::fs::rename(&target, site).map_err(|source| ToolError::Files { step: "move", path: target, source })
    });
    std::fs::remove_dir_all(&unfinished).ok();
    moved
}

/// Runs pip: the interpreter's own, else one of a virtual environment, else pip's wheel.
async fn run_pip(program: &OsString, tool: &Tool, folder: &Path) -> Result<(), ToolError> {
    let venv = folder.join("venv");
    let wheel_folder = folder.to_string_lossy().into_owned();
    let with_venv = "python3 -m venv \"$0\" && exec \"$0/bin/python3\" -m pip \"$@\"";
    let ways: [Vec<OsString>; 3] = [
        vec![program.clone(), "-m".into(), "pip".into()],
        vec!["sh".into(), "-c".into(), with_venv.into(), venv.into()],
        vec![program.clone(), "-c".into(), BOOTSTRAP_PIP.into(), wheel_folder.into()],
    ];
    let mut detail = String::new();
    for way in ways {
        let output = Command::new("sh")
            // Other users must be able to read what root installs.
            .args(["-c", "umask 022 && exec \"$@\"", "sh"])
            .args(way)
            .args(["install", "--quiet", "--no-warn-script-location", "--target"])
            .arg(folder.join("site"))
            .args(tool.requirements)
            .envs([("PIP_USER", "0"), ("PIP_REQUIRE_VIRTUALENV", "0")])
            .kill_on_drop(true)
            .output()
            .await;
        match output {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => detail = last_words(&output),
            Err(error) => detail = error.to_string(),
        }
    }
    Err(ToolError::Install { requirements: tool.requirements.join(" "), detail })
}

fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// Makes a folder and its parents, those that are missing open to all whatever the umask of the shell: PostgreSQL runs
/// as another user for root.
pub(crate) fn make_folder(path: &Path) -> Result<(), ToolError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        let made = std::fs::create_dir(folder).or_else(|error| match error.kind() {
            // Another process was faster.
            std::io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        });
        made.and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)))
            .map_err(|source| ToolError::Files { step: "create folder", path: folder.to_owned(), source })?;
    }
    Ok(())
}

/// Waits for a lock on a file, which is made if need be; it is held until the file is dropped.
pub(crate) async fn lock(path: &Path, exclusive: bool) -> Result<File, ToolError> {
    let fault = |source| ToolError::Files { step: "lock", path: path.to_owned(), source };
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(fault)?;
    loop {
        let tried = if exclusive { file.try_lock() } else { file.try_lock_shared() };
        match tried {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(std::fs::TryLockError::Error(source)) => return Err(fault(source)),
        }
    }
}
