//! What the tests stand on: one PostgreSQL and a few AWS emulators per test process, and for each test a database and
//! an AWS account of its own, so that tests run side by side.
//!
//! - [`TestApp::start`]: the whole program, with all of the below.
//! - [`TestDatabase::new`]: a migrated database.
//! - [`World::new`]: an AWS account with the product's own clients.
//! - [`Place::of`]: a folder with a configuration in which the real program runs as a process of its own.
//! - [`Wire::new`]: a way to the database that can be cut.
//! - [`Proxy::before`]: counts and spoils what goes to AWS: `world.through(&proxy.url)`.
//! - [`Scene::new`]: the product before a responder that holds any number of resources of each type.
//! - `driftsentry::embedded::smtp::Smtp::start(&host(), ..)` and `embedded::sink::Sink`: receivers of mails and web hooks.

mod app;
mod aws;
mod call;
mod clock;
mod daemon;
mod database;
mod ops;
mod proxy;
mod servers;
mod static_aws;
mod wire;

pub use app::{Setup, TestApp};
pub use aws::{World, anyone, aws};
pub use call::{Call, error_body};
pub use clock::TestClock;
pub use daemon::{Daemon, Output, PATIENCE, Place, config, until};
pub use database::TestDatabase;
pub use ops::{EC2, IAM_ROLE, Ops, RDS, S3, SECURITY_GROUP};
pub use proxy::{Effect, Proxy, Rule};
pub use servers::{host, moto_endpoint, postgres_url};
pub use static_aws::{ACCOUNT, Habits, Logged, Scene, StaticAws, core_attributes, id_of, scope};
pub use wire::Wire;
