//! DriftSentry finds what in your AWS accounts no longer matches what you declared, says how bad it is and what it
//! costs per month, and tells who must know.
//!
//! # The map
//!
//! Data flows one way:
//!
//! ```text
//! config ─► schedule ─► ⟦ScanShard⟧ ─► resource.read  (live)     ┐
//!                                      expected       (declared) ┴─► assess ─► record
//!                         record = ONE transaction: drifts + audit + alerts + cost metrics + the jobs they cause
//! ⟦DeliverAlert⟧ ─► notify channel                              ⟦ ⟧ = a row in `jobs`
//! command line ─► triage ─► ⟦Remediate⟧ ─► remediate: guards, calls that change AWS, read again until as declared
//! http ─► store (read)
//! ```
//!
//! **Calls go down the layers; the only way back up is a row in `jobs`.**
//!
//! | layer | modules | what it may know |
//! |---|---|---|
//! | 0 | [`domain`] | nothing: pure rules |
//! | 1 | [`clock`], [`config`], [`crypto`], [`outbound`], [`password`], [`shutdown`] | the process |
//! | 2 | [`store`] | all SQL |
//! | 3 | [`queue`] | jobs, not their kinds |
//! | 4 | [`jobs`], [`alerting`] | the messages between replicas, and those to people |
//! | 5 | [`resource`], [`expected`], [`prices`] | AWS types, sources of expected state, list prices |
//! | 6 | [`scan`], [`notify`], [`triage`], [`remediate`] | the work; siblings never call each other |
//! | 7 | [`http`] | translation to HTTP |
//! | 8 | [`app`], [`cli`], [`demo`], [`embedded`], [`telemetry`] | putting it together |
//!
//! # A scan
//!
//! A tick of a schedule ([`scan::schedule`]), or the `scan` command, writes one row in `scans`, one in `scan_shards` per
//! account × region × type, and one [`jobs::ScanShard`] for each ([`scan::plan`]), in one transaction. A worker of any
//! replica claims the job ([`queue`]), asks which drifts stand in the scope, and streams the live resources through
//! ([`scan::survey`]): each is brought to canonical form by its type ([`resource`]), compared with its declaration
//! ([`expected`]), rated and priced ([`scan::assess`]). Only what differs is held. Then one transaction
//! ([`scan::record`]) writes everything that follows from it, and the last shard closes the scan.
//!
//! # An alert
//!
//! The transaction that stores a new drift also stores its alert, finds the channels by the routes
//! ([`domain::route`]), and writes one row in `deliveries` and one [`jobs::DeliverAlert`] for each. A worker claims the
//! delivery, so that nobody else sends meanwhile, lets the channel send ([`notify`]), and writes down what became of
//! it. A job that runs twice finds the delivery done.
//!
//! # Putting back
//!
//! An approval ([`triage`]), by a person or by a rule ([`jobs::AutoApprove`]), and its [`jobs::Remediate`] are written in
//! one transaction. The worker reads the resource again ([`remediate`]), makes sure that it differs in what was approved
//! and in nothing else, asks the guards ([`remediate::guard`]), and makes the type's calls one by one, each written down
//! before it is made. The drift is resolved only when live state is read as declared.
//!
//! # Invariants
//!
//! - `patch(expected_state, difference) = actual_state`, for every row of `drifts`, always.
//! - At most one drift per resource is open (detected, triaged or approved).
//! - **What is absent from a failed or partial listing is unknown, never gone**: no drift is invented, changed or
//!   resolved by what was not read.
//! - Every tick of a schedule makes at most one scan across all replicas; the primary key of `schedule_ticks` decides.
//! - Every job may run twice; no effect may happen twice because of it.
//! - Nothing in AWS is changed but for an approved drift, as it was approved; nothing is made anew, nothing is deleted.
//! - No transaction is open while AWS, a mail server or a webhook is waited for.
//! - A cost is exact or unknown. It is never guessed, and never a float.
//! - No state value, address or secret is logged.

pub mod alerting;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod demo;
pub mod domain;
pub mod embedded;
pub mod expected;
pub mod http;
pub mod jobs;
pub mod notify;
pub mod outbound;
pub mod password;
pub mod prices;
pub mod queue;
pub mod remediate;
pub mod resource;
pub mod scan;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod triage;
