//! What the tests stand on: one PostgreSQL and a few AWS emulators per test process, and for each test a database and
//! an AWS account of its own, so that tests run side by side.

mod aws;
mod database;
mod servers;

pub use aws::{World, aws};
pub use database::TestDatabase;
pub use servers::{host, moto_endpoint, postgres_url};
