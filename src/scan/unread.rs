//! What could not be read of single resources, in few words.
//!
//! One missing permission fails the same way for thousands of resources, and AWS names another resource and another
//! request in each answer. So failures are told by kind: one in full, with the resource that it was met at, and how many
//! more there are.

use std::collections::BTreeMap;

/// Kinds that are told; the rest is counted, so that no scan's error grows with the estate.
const KINDS_TOLD: usize = 20;

/// Attributes that could not be read, by what failed.
#[derive(Debug, Default)]
pub(super) struct Unread {
    kinds: BTreeMap<(String, String), Kind>,
    untold: u64,
}

/// Failures that differ at most in the resource and the request.
#[derive(Debug)]
struct Kind {
    resource_id: String,
    reason: String,
    count: u64,
}

impl Unread {
    /// Notes that an attribute of a resource could not be read.
    pub(super) fn note(&mut self, resource_id: &str, attribute: String, reason: String) {
        let key = (attribute, head(&reason).to_owned());
        if self.kinds.len() >= KINDS_TOLD && !self.kinds.contains_key(&key) {
            self.untold += 1;
            return;
        }
        let first = || Kind { resource_id: resource_id.to_owned(), reason, count: 0 };
        self.kinds.entry(key).or_insert_with(first).count += 1;
    }

    /// A sentence for each kind.
    pub(super) fn into_words(self) -> Vec<String> {
        let told = self.kinds.into_iter().map(|((attribute, _), kind)| {
            let Kind { resource_id, reason, count } = kind;
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            format!("{attribute} of {resource_id}{more} could not be read: {reason}")
        });
        let untold = (self.untold > 0).then(|| format!("and {} more attributes could not be read", self.untold));
        told.chain(untold).collect()
    }
}

/// What failed and how, without AWS's own words, in which resource and request are named.
fn head(reason: &str) -> &str {
    reason.split_once(": ").map_or(reason, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_of_many_resources_is_told_once() {
        let mut unread = Unread::default();
        for n in 0..1000 {
            let denied = format!("s3:GetBucketPolicy in 1/r was denied: AccessDenied: on b-{n} (request id {n})");
            unread.note(&format!("b-{n}"), "Policy".to_owned(), denied);
        }
        unread.note("b-7", "Policy".to_owned(), "s3:GetBucketPolicy in 1/r was throttled: SlowDown".to_owned());
        assert_eq!(
            unread.into_words(),
            [
                "Policy of b-0 and 999 more could not be read: s3:GetBucketPolicy in 1/r was denied: AccessDenied: \
                 on b-0 (request id 0)",
                "Policy of b-7 could not be read: s3:GetBucketPolicy in 1/r was throttled: SlowDown",
            ]
        );
    }

    #[test]
    fn of_very_many_failures_the_rest_is_counted() {
        let mut unread = Unread::default();
        for n in 0..100 {
            unread.note("i-1", "BlockDevices".to_owned(), format!("volume vol-{n:03} was attached meanwhile"));
        }
        let words = unread.into_words();
        assert_eq!(words.len(), KINDS_TOLD + 1);
        assert_eq!(words[KINDS_TOLD], "and 80 more attributes could not be read");
    }
}
