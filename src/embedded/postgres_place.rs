//! The folders of a private PostgreSQL, and the commands that run it in them.
//!
//! `cluster` and `socket` belong to the user that runs PostgreSQL, and only that user may enter them; locks and log
//! beside them are ours.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::Host;
use super::guard::{Owner, Plan, Stop};
use super::keeper::{Kept, Streams};
use super::postgres::{NAME, PostgresError, PostgresOptions, Site};
use super::postgres_tools::{Binaries, closed_folder, find, owner};
use super::toolbox::make_folder;

/// The longest path of a socket that every system takes.
const SOCKET_PATH_LIMIT: usize = 103;

/// The folders of one server.
pub(super) struct Place {
    base: PathBuf,
    is_temporary: bool,
    owner: Option<(String, Owner)>,
    /// Removes a temporary folder until a guardian has taken that over.
    until_guarded: Option<TempDir>,
}

/// The folder of the socket.
pub(super) struct Socket {
    pub(super) path: PathBuf,
    /// Whether it had to be made outside of the server's own folder.
    is_apart: bool,
}

impl Place {
    pub(super) fn prepare(site: &Site) -> Result<Self, PostgresError> {
        let owner = owner();
        let (base, until_guarded) = match site {
            Site::Temporary => {
                let folder = temporary_folder("driftsentry-pg-", owner.as_ref().map(|(_, owner)| *owner))?;
                (folder.path().to_owned(), Some(folder))
            }
            Site::Kept(data_dir) => {
                let base = std::path::absolute(data_dir.join("postgresql"));
                (base.map_err(|source| fault("find folder", data_dir, source))?, None)
            }
        };
        make_folder(&base)?;
        let place = Self { base, is_temporary: until_guarded.is_some(), owner, until_guarded };
        place.must_be_open(&place.base)?;
        // What is not PostgreSQL's own stays out of its folder, so that its user cannot lead our writing astray.
        make_private(&place.cluster(), place.owner_ids())?;
        Ok(place)
    }

    pub(super) fn users(&self) -> PathBuf {
        self.base.join("users.lock")
    }

    pub(super) fn starting(&self) -> PathBuf {
        self.base.join("start.lock")
    }

    /// The socket's folder of a server that runs on these data, or once did.
    pub(super) fn running_socket(&self) -> Option<PathBuf> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().nth(4).map(PathBuf::from)
    }

    fn cluster(&self) -> PathBuf {
        self.base.join("cluster")
    }

    fn data(&self) -> PathBuf {
        self.cluster().join("data")
    }

    fn log(&self) -> PathBuf {
        self.base.join("server.log")
    }

    fn owner_ids(&self) -> Option<Owner> {
        self.owner.as_ref().map(|(_, owner)| *owner)
    }

    pub(super) async fn binaries(&self, host: &Host) -> Result<Binaries, PostgresError> {
        let path = self.data();
        let written_by = std::fs::read_to_string(path.join("PG_VERSION")).ok();
        let wanted = written_by.and_then(|text| text.trim().parse().ok());
        let found = find(host, wanted, self.owner_ids()).await?;
        let found = found.ok_or_else(|| match wanted {
            Some(found) => PostgresError::OtherVersion { path, found },
            None => PostgresError::NoBinaries,
        })?;
        self.must_be_open(&found.folder)?;
        Ok(found)
    }

    /// Fails if the user that runs PostgreSQL for root cannot get to `path`.
    fn must_be_open(&self, path: &Path) -> Result<(), PostgresError> {
        let closed = self.owner.as_ref().and_then(|(user, owner)| Some((user, closed_folder(path, *owner)?)));
        match closed {
            Some((user, folder)) => Err(PostgresError::Closed { user: user.clone(), folder }),
            None => Ok(()),
        }
    }

    pub(super) fn make_socket_folder(&self) -> Result<Socket, PostgresError> {
        let inside = self.base.join("socket");
        let length = inside.as_os_str().len() + "/.s.PGSQL.5432.lock".len();
        if length > SOCKET_PATH_LIMIT {
            let path = temporary_folder("driftsentry-", self.owner_ids())?.keep();
            make_private(&path, self.owner_ids())?;
            return Ok(Socket { path, is_apart: true });
        }
        std::fs::remove_dir_all(&inside).ok();
        make_private(&inside, self.owner_ids())?;
        Ok(Socket { path: inside, is_apart: false })
    }

    /// Starts the server under a guardian; with it comes its log, to be read.
    pub(super) fn launch(
        &mut self,
        host: &Host,
        binaries: &Binaries,
        socket: &Socket,
        options: &PostgresOptions,
    ) -> Result<(Kept, File), PostgresError> {
        let mut commands = self.init_commands(binaries)?;
        commands.push(self.server_command(binaries, socket, options.max_connections));
        let mut remove = Vec::new();
        remove.extend(self.is_temporary.then(|| self.base.clone()));
        remove.extend(socket.is_apart.then(|| socket.path.clone()));
        let plan = Plan {
            commands,
            stop: if self.is_temporary { Stop::Quit } else { Stop::Interrupt },
            owner: self.owner_ids(),
            users: (!self.is_temporary).then(|| self.users()),
            remove,
        };
        let path = self.log();
        let log = File::create(&path).map_err(|source| fault("create", &path, source))?;
        let copy = log.try_clone().map_err(|source| fault("open", &path, source))?;
        let reading = File::open(&path).map_err(|source| fault("open", &path, source))?;
        let env = vec![("LC_ALL".into(), "C.UTF-8".into()), ("TZ".into(), "UTC".into())];
        let streams = Streams { env, without: Vec::new(), stdout: Stdio::from(copy), stderr: Stdio::from(log) };
        let server = Kept::start(&host.program, &plan, streams);
        let server = server.map_err(|source| fault("run", &host.program, source))?;
        drop(self.until_guarded.take().map(TempDir::keep));
        Ok((server, reading))
    }

    /// What makes the data folder, if there is none. It gets its name when it is complete, so that an interrupted
    /// beginning is begun anew.
    fn init_commands(&self, binaries: &Binaries) -> Result<Vec<Vec<OsString>>, PostgresError> {
        let data = self.data();
        if data.join("PG_VERSION").exists() {
            return Ok(Vec::new());
        }
        let unfinished = self.cluster().join("data.unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(|source| fault("remove", &unfinished, source))?;
        }
        let mut initdb = vec![binaries.program("initdb").into(), "-D".into(), unfinished.clone().into()];
        let settings = ["--username", NAME, "--auth=trust", "--encoding=UTF8", "--no-locale"];
        initdb.extend(settings.map(Into::into));
        initdb.push(if self.is_temporary { "--no-sync" } else { "--data-checksums" }.into());
        Ok(vec![initdb, vec!["mv".into(), unfinished.into(), data.into()]])
    }

    fn server_command(&self, binaries: &Binaries, socket: &Socket, connections: u32) -> Vec<OsString> {
        let mut command = vec![binaries.program("postgres").into(), "-D".into(), self.data().into()];
        let mut socket_setting = OsString::from("unix_socket_directories=");
        socket_setting.push(&socket.path);
        command.extend(["-c".into(), socket_setting]);
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            "port=5432".to_owned(),
            format!("max_connections={connections}"),
            "log_timezone=UTC".to_owned(),
            "timezone=UTC".to_owned(),
        ];
        if self.is_temporary {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        command
    }
}

/// Makes a folder that all may enter under the system's temporary folder, or under `/tmp` where that one is closed to `owner` or too long
/// for a socket.
fn temporary_folder(prefix: &str, owner: Option<Owner>) -> Result<TempDir, PostgresError> {
    let usual = std::env::temp_dir();
    let closed = owner.is_some_and(|owner| closed_folder(&usual, owner).is_some());
    let base = if closed || usual.as_os_str().len() > 60 { PathBuf::from("/tmp") } else { usual };
    let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&base);
    let folder = made.map_err(|source| fault("create a temporary folder in", &base, source))?;
    let open = std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755));
    open.map_err(|source| fault("open folder", folder.path(), source))?;
    Ok(folder)
}

/// Makes a folder that only `owner` may enter.
fn make_private(folder: &Path, owner: Option<Owner>) -> Result<(), PostgresError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| std::fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .and_then(|()| owner.map_or(Ok(()), |owner| chown(folder, Some(owner.uid), Some(owner.gid))))
        .map_err(|source| fault("create folder", folder, source))
}

fn fault(step: &'static str, path: &Path, source: std::io::Error) -> PostgresError {
    PostgresError::Files { step, path: path.to_owned(), source }
}
