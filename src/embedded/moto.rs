//! The AWS emulator: moto, on a free port, with nothing kept.
//!
//! Accounts (by `sts:AssumeRole` into any role) and regions are separate worlds in it.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use super::Host;
use super::guard::Plan;
use super::keeper::{Kept, Streams, first_line};
use super::toolbox::{Tool, ToolError, python_with};

const SERVER: &str = include_str!("moto_server.py");

/// How long it may take to answer, on a slow and busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

const MOTO: Tool = Tool {
    package: "moto",
    version: "5.2.1",
    // What `moto[server]` pulls in beyond this serves other AWS services and takes three times as long.
    requirements: &["moto==5.2.1", "flask~=3.0", "flask-cors>=5,<7", "PyYAML~=6.0", "py-partiql-parser~=0.6"],
    modules: &["moto", "flask", "flask_cors", "yaml", "py_partiql_parser"],
    description: "the AWS emulator moto 5.2.1",
};

/// A running emulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Moto {
    server: Kept,
    endpoint: String,
}

/// Why the emulator is not there.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// It could not be had.
    #[error("get the AWS emulator")]
    Tool(#[from] ToolError),
    /// It could not be started.
    #[error("start the AWS emulator")]
    Start(#[source] std::io::Error),
    /// It was started and did not begin to answer.
    #[error("the AWS emulator does not answer; run `python3 -c 'import moto.server'` to see whether it is broken")]
    Silent,
}

impl Moto {
    /// Starts an emulator and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be had, started or reached.
    pub async fn start(host: &Host) -> Result<Self, MotoError> {
        let python = python_with(host, &MOTO).await?;
        let command = vec![python.program.clone(), "-c".into(), SERVER.into()];
        let plan = Plan { commands: vec![command], ..Plan::default() };
        let mut env = python.env();
        // Off in moto by default, and too low by default.
        env.push(("MOTO_IAM_LOAD_MANAGED_POLICIES".into(), "true".into()));
        env.push(("MOTO_RDS_SNAPSHOT_LIMIT".into(), "1000000".into()));
        // The emulator uses AWS's library for Python, which would look for the user's own profile.
        let without = host.env.keys().filter(|name| name.starts_with("AWS_")).cloned().collect();
        let streams = Streams { env, without, stdout: Stdio::piped(), stderr: Stdio::null() };
        let mut server = Kept::start(&host.program, &plan, streams).map_err(MotoError::Start)?;
        let port = timeout(START_TIMEOUT, first_line(&mut server)).await.ok().flatten().ok_or(MotoError::Silent)?;
        Ok(Self { server, endpoint: format!("http://127.0.0.1:{port}") })
    }

    /// Where it answers: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
