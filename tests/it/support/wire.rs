//! A wire to the shared PostgreSQL that a test can cut and mend: TCP on our side, its socket on the other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{AbortHandle, JoinSet};

use super::database::TestDatabase;
use super::servers::postgres_url;

/// A wire; it ends with the test.
pub struct Wire {
    address: SocketAddr,
    socket: String,
    running: Option<AbortHandle>,
}

impl Wire {
    /// A wire that is whole.
    pub async fn new() -> Self {
        let url: sqlx::postgres::PgConnectOptions = postgres_url().await.parse().expect("a URL of our own");
        let folder = url.get_socket().expect("a socket").display().to_string();
        let mut wire =
            Self { address: ([127, 0, 0, 1], 0).into(), socket: format!("{folder}/.s.PGSQL.5432"), running: None };
        wire.mend().await;
        wire
    }

    /// The URL of a database by way of it.
    pub fn url(&self, database: &TestDatabase) -> String {
        format!("postgres://driftsentry@{}/{}?sslmode=disable", self.address, database.name())
    }

    /// Ends all connections and refuses new ones.
    pub fn cut(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }

    /// Accepts connections again, at the same address.
    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the address");
        self.address = listener.local_addr().expect("an address");
        #[allow(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        let task = tokio::spawn(serve(listener, self.socket.clone()));
        self.running = Some(task.abort_handle());
    }
}

/// Passes connections on. They are in a set that is dropped, and they with it, when this is aborted.
async fn serve(listener: TcpListener, socket: String) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let socket = socket.clone();
        connections.spawn(async move {
            let mut far = UnixStream::connect(socket).await?;
            copy_bidirectional(&mut near, &mut far).await
        });
    }
}
