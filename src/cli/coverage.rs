//! The end of a scan in words: how much of what is declared was seen, what is unknown, and what to grant.

use serde_json::{Value, json};

use super::output;
use crate::domain::coverage::{Coverage, MissingAction, Note};
use crate::domain::id::Scope;

/// Notes that are told; the rest is counted.
const NOTES_TOLD: usize = 5;

/// A note and where its resource lives.
pub(super) type Placed = (Scope, Note);

/// The lines of a summary; none where nothing is declared and nothing is known to be undeclared.
pub(super) fn lines(coverage: &Coverage, notes: &[Placed]) -> Vec<String> {
    let mut lines = Vec::new();
    if coverage.resources_declared > 0 || coverage.resources_unmanaged.is_some_and(|count| count > 0) {
        lines.push(format!("coverage: {}", figures(coverage).join(", ")));
    }
    lines.extend(coverage.missing_actions.iter().map(grant));
    for (scope, note) in notes.iter().take(NOTES_TOLD) {
        lines.push(format!("note: {}{}: {}", scope.key(&note.resource_id), note.pointer, note.text));
    }
    if notes.len() > NOTES_TOLD {
        lines.push(format!("and {} (--format json tells them)", output::count(notes.len() - NOTES_TOLD, "more note")));
    }
    lines
}

/// The figures that say something; those of what is declared always do.
fn figures(coverage: &Coverage) -> Vec<String> {
    let attributes = match coverage.attributes_unknown {
        0 => String::new(),
        count => format!(" ({})", output::count(count, "attribute")),
    };
    let mut figures = vec![
        format!("{} declared", coverage.resources_declared),
        format!("{} in sync", coverage.resources_in_sync),
        format!("{} missing", coverage.resources_missing),
        format!("{} unknown{attributes}", coverage.resources_unknown),
    ];
    if coverage.resources_converging > 0 {
        figures.push(format!("{} converging", coverage.resources_converging));
    }
    figures.extend(coverage.resources_unmanaged.map(|count| format!("{count} unmanaged")));
    figures
}

fn grant(missing: &MissingAction) -> String {
    let MissingAction { account_id, action, resources, attributes } = missing;
    let unknown = match (*resources, *attributes) {
        (0, _) => "nothing could be listed without it".to_owned(),
        (resources, attributes) => format!(
            "{} of {} unknown without it",
            output::count(attributes, "attribute"),
            output::count(resources, "resource")
        ),
    };
    format!("grant {action} in {account_id}: {unknown}")
}

/// Notes for programs.
pub(super) fn to_json(notes: &[Placed]) -> Vec<Value> {
    let one = |(scope, note): &Placed| {
        json!({
            "account_id": scope.account_id,
            "region": scope.region,
            "resource_type": scope.resource_type,
            "resource_id": note.resource_id,
            "pointer": note.pointer,
            "kind": note.kind,
            "text": note.text,
        })
    };
    notes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::coverage::NoteKind;

    #[test]
    fn the_summary_tells_what_is_known_what_is_not_and_what_to_grant() {
        let missing = |action: &str, resources, attributes| MissingAction {
            account_id: "123456789012".into(),
            action: action.to_owned(),
            resources,
            attributes,
        };
        let coverage = Coverage {
            resources_declared: 40,
            resources_in_sync: 35,
            resources_missing: 1,
            resources_unknown: 3,
            resources_converging: 1,
            resources_unmanaged: Some(12),
            attributes_unknown: 5,
            changes_ignored: 2,
            missing_actions: vec![missing("ec2:DescribeInstances", 0, 0), missing("s3:GetBucketPolicy", 3, 1)],
        };
        let scope =
            Scope { account_id: "123456789012".into(), region: "us-east-1".into(), resource_type: "RDS".into() };
        let note = Note {
            resource_id: "orders".to_owned(),
            pointer: "/MultiAZ".to_owned(),
            kind: NoteKind::Converging,
            text: "AWS will bring it to what is declared".to_owned(),
        };
        let key = scope.key("orders");
        assert_eq!(
            lines(&coverage, &vec![(scope, note); 6]),
            [
                "coverage: 40 declared, 35 in sync, 1 missing, 3 unknown (5 attributes), 1 converging, 12 unmanaged",
                "grant ec2:DescribeInstances in 123456789012: nothing could be listed without it",
                "grant s3:GetBucketPolicy in 123456789012: 1 attribute of 3 resources unknown without it",
            ]
            .into_iter()
            .map(str::to_owned)
            .chain(vec![format!("note: {key}/MultiAZ: AWS will bring it to what is declared"); 5])
            .chain(["and 1 more note (--format json tells them)".to_owned()])
            .collect::<Vec<_>>()
        );
        assert!(lines(&Coverage { resources_unmanaged: Some(0), ..Coverage::default() }, &[]).is_empty());
    }
}
