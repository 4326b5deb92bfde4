//! The integration tests: one binary, real parts.
#![allow(missing_docs, reason = "tests are their own documentation")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, dead_code, unused_imports, reason = "what tests share has no outside, and not all use all")]

mod api_calls;
mod aws_pool;
mod bench;
mod commands;
mod config;
mod config_mistakes;
mod cost;
mod coverage;
mod daemons;
mod demo;
mod demo_estate;
mod ec2;
mod estate;
mod expected;
mod expected_mistakes;
mod faults;
mod fix;
mod iam_role;
mod laws;
mod layout;
mod leftovers;
mod lifecycle;
mod mutation;
mod mutations;
mod mutations_ec2;
mod mutations_iam_role;
mod mutations_rds;
mod mutations_s3;
mod mutations_security_group;
mod notify;
mod places;
mod queries;
mod queue;
mod rds;
mod record;
mod remediation;
mod s3;
mod s3_answers;
mod schema;
mod security_group;
mod single_changes;
mod store;
mod streaming;
mod support;
mod support_works;
mod terraform;
mod terraform_buckets;
mod terraform_declared;
mod throttling;
