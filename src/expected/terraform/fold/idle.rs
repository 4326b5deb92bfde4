//! Parts of resources (rules, attachments) that change nothing, counted so that none is passed over silently.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Heard;
use crate::expected::terraform::mapping::Role;

/// Why a part changes nothing.
const ORPHANED: &str = "of resources that no state declares, so not compared";
const MUTE: &str = "that tell nothing to compare, as in a reduced state";

/// Addresses by Terraform type and why they change nothing.
#[derive(Debug, Default)]
pub(super) struct Idle(BTreeMap<(&'static str, &'static str), Vec<Arc<str>>>);

impl Idle {
    /// Notes what changes nothing of all that speaks of one resource.
    pub(super) fn note(&mut self, subject: &[Heard]) {
        let is_orphaned = subject.iter().all(|heard| heard.kind.role == Role::Part);
        for part in subject.iter().filter(|heard| heard.kind.role == Role::Part) {
            let why = if is_orphaned { ORPHANED } else { MUTE };
            if is_orphaned || part.says_nothing() {
                self.0.entry((part.kind.name, why)).or_default().push(Arc::clone(&part.address));
            }
        }
    }

    /// For people, one line for each type and reason, which names the first.
    pub(super) fn told(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|((kind, why), addresses)| {
            let first = addresses.first().map_or("", |address| address);
            match addresses.len() {
                0 | 1 => format!("{kind} {why}: {first}"),
                count => format!("{kind} {why}: {first} and {} more", count - 1),
            }
        })
    }
}
