//! What a change of a policy document means, in lines for people.
//!
//! The lines are for messages: short, never the whole document. They must never be parsed or compared.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::statement::{Document, Item, Selection, Statement};

/// At most so many names are listed one by one.
const MAX_NAMES: usize = 3;

/// What differs in meaning between two documents, one line each; empty if nothing does. JSON `null` stands for "no
/// policy". `allows sts:AssumeRole for arn:aws:iam::999999999999:root (new)`.
#[must_use]
pub fn summary(from: &Value, to: &Value) -> Vec<String> {
    let (Some(from), Some(to)) = (Document::read(from), Document::read(to)) else {
        return if from == to { Vec::new() } else { vec!["one of the two is no readable policy document".to_owned()] };
    };
    let mut lines = Vec::new();
    if let (Some(before), Some(after)) = (from.version(), to.version())
        && before != after
    {
        lines.push(format!("policy language version {after} instead of {before}"));
    }
    let (mut removed, mut added) = (from.statements(), to.statements());
    retain_differing(&mut removed, &mut added);
    while let Some((before, after)) = take_pair(&mut removed, &mut added) {
        describe_change(&before, &after, &mut lines);
    }
    lines.extend(added.iter().map(|statement| format!("{} (new)", sentence(statement))));
    lines.extend(removed.iter().map(|statement| format!("{} (removed)", sentence(statement))));
    lines
}

/// Drops the statements that stand on both sides.
fn retain_differing(removed: &mut Vec<Statement<'_>>, added: &mut Vec<Statement<'_>>) {
    removed.retain(|before| {
        let same = added.iter().position(|after| after == before);
        same.map(|index| added.remove(index)).is_none()
    });
}

/// Takes the next two statements of which one is a changed form of the other: by name, or if only one is left on
/// each side.
fn take_pair<'a>(
    removed: &mut Vec<Statement<'a>>,
    added: &mut Vec<Statement<'a>>,
) -> Option<(Statement<'a>, Statement<'a>)> {
    let named = removed.iter().enumerate().find_map(|(index, before)| {
        let sid = before.sid?;
        let other = added.iter().position(|after| after.sid == Some(sid) && after.allows == before.allows)?;
        Some((index, other))
    });
    let alone = || (removed.len() == 1 && added.len() == 1 && removed[0].allows == added[0].allows).then_some((0, 0));
    let (index, other) = named.or_else(alone)?;
    Some((removed.remove(index), added.remove(other)))
}

fn describe_change(before: &Statement<'_>, after: &Statement<'_>, lines: &mut Vec<String>) {
    let count = lines.len();
    let parts: [(&Selection<'_>, &Selection<'_>, Dimension); 3] = [
        (&before.principals, &after.principals, Dimension::Principal),
        (&before.actions, &after.actions, Dimension::Action),
        (&before.resources, &after.resources, Dimension::Resource),
    ];
    for (old, new, dimension) in parts {
        match (old, new) {
            _ if old == new => {}
            (Selection::Only(old), Selection::Only(new)) => {
                for (names, note) in [(new - old, "new"), (old - new, "removed")] {
                    if !names.is_empty() {
                        lines.push(format!("{} ({note})", sentence(&dimension.narrowed(after, names))));
                    }
                }
            }
            _ => lines.push(format!("{}, before: {}", sentence(after), sentence(before))),
        }
    }
    describe_conditions(before, after, lines);
    if lines.len() == count {
        lines.push(format!("{} (written differently)", sentence(after)));
    }
}

fn describe_conditions(before: &Statement<'_>, after: &Statement<'_>, lines: &mut Vec<String>) {
    let mut questions: BTreeSet<_> = before.conditions.keys().collect();
    questions.extend(after.conditions.keys());
    for question in questions {
        let (old, new) = (before.conditions.get(question), after.conditions.get(question));
        let what = format!("{} {}", question.operator, question.key);
        let line = match (old, new) {
            (Some(old), None) => format!("no longer asks for {what} = {}", list(old.iter().copied())),
            (None, Some(new)) => format!("now asks for {what} = {}", list(new.iter().copied())),
            (Some(old), Some(new)) if old != new => {
                format!("asks for {what} = {} instead of {}", list(new.iter().copied()), list(old.iter().copied()))
            }
            _ => continue,
        };
        lines.push(format!("{}: {line}", sentence_without_conditions(after)));
    }
}

#[derive(Clone, Copy)]
enum Dimension {
    Principal,
    Action,
    Resource,
}

impl Dimension {
    /// The statement as it speaks of `items` alone.
    fn narrowed<'a>(self, statement: &Statement<'a>, items: BTreeSet<Item<'a>>) -> Statement<'a> {
        let mut narrowed = statement.clone();
        let selection = match self {
            Self::Principal => &mut narrowed.principals,
            Self::Action => &mut narrowed.actions,
            Self::Resource => &mut narrowed.resources,
        };
        *selection = Selection::Only(items);
        narrowed
    }
}

/// `allows s3:GetObject on arn:aws:s3:::web/* for everyone if IpAddress aws:SourceIp = 203.0.113.0/24`.
fn sentence(statement: &Statement<'_>) -> String {
    let conditions = statement
        .conditions
        .iter()
        .map(|(question, values)| format!("{} {} = {}", question.operator, question.key, list(values.iter().copied())));
    let conditions = conditions.collect::<Vec<_>>().join(" and ");
    let conditional = if conditions.is_empty() { conditions } else { format!(" if {conditions}") };
    sentence_without_conditions(statement) + &conditional
}

fn sentence_without_conditions(statement: &Statement<'_>) -> String {
    let verb = if statement.allows { "allows" } else { "denies" };
    let part = |word: &str, selection| names(selection).map(|names| format!(" {word} {names}")).unwrap_or_default();
    let actions = names(&statement.actions).unwrap_or_default();
    format!("{verb} {actions}{}{}", part("on", &statement.resources), part("for", &statement.principals))
}

fn names(selection: &Selection<'_>) -> Option<String> {
    match selection {
        Selection::Unstated => None,
        Selection::Only(items) => Some(list(items.iter().map(name))),
        Selection::AllBut(items) => Some(format!("all but {}", list(items.iter().map(name)))),
    }
}

/// A principal for people. AWS writes the unique id of a user or role in the place of its ARN once it is deleted; a new
/// one of the same name does not take its place.
fn name<'a>(item: &Item<'a>) -> Cow<'a, str> {
    match item {
        Item { kind: "AWS", name: "*" } => "everyone".into(),
        Item { kind: "AWS", name } if ["AROA", "AIDA"].iter().any(|prefix| name.starts_with(prefix)) => {
            format!("{name} (a deleted principal)").into()
        }
        Item { name, .. } => (*name).into(),
    }
}

fn list<'a, T: Into<Cow<'a, str>>>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<Cow<'a, str>> = names.map(Into::into).collect();
    match names.len().checked_sub(MAX_NAMES) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MAX_NAMES].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trust(principal: &Value, condition: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition}
        ]})
    }

    #[test]
    fn a_new_principal_is_told_in_one_line() {
        let before = trust(&json!({"AWS": "111111111111"}), &json!({}));
        let after = trust(&json!({"AWS": ["111111111111", "999999999999"]}), &json!({}));
        assert_eq!(summary(&before, &after), ["allows sts:AssumeRole for arn:aws:iam::999999999999:root (new)"]);
        assert_eq!(summary(&after, &before), ["allows sts:AssumeRole for arn:aws:iam::999999999999:root (removed)"]);
        assert!(summary(&after, &after).is_empty());
    }

    #[test]
    fn a_deleted_principal_is_called_one() {
        let before = trust(&json!({"AWS": "arn:aws:iam::111111111111:role/deployer"}), &json!({}));
        let after = trust(&json!({"AWS": "AROAEXAMPLEEXAMPLE12"}), &json!({}));
        assert_eq!(
            summary(&before, &after),
            [
                "allows sts:AssumeRole for AROAEXAMPLEEXAMPLE12 (a deleted principal) (new)",
                "allows sts:AssumeRole for arn:aws:iam::111111111111:role/deployer (removed)",
            ]
        );
    }

    #[test]
    fn conditions_versions_and_whole_statements_are_told() {
        let free = trust(&json!("*"), &json!({}));
        let tied = trust(&json!("*"), &json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}));
        assert_eq!(
            summary(&tied, &free),
            ["allows sts:AssumeRole for everyone: no longer asks for StringEquals aws:PrincipalOrgID = o-1"]
        );
        assert_eq!(
            summary(&Value::Null, &tied),
            ["allows sts:AssumeRole for everyone if StringEquals aws:PrincipalOrgID = o-1 (new)"]
        );
        let old =
            json!({"Statement": {"Effect": "Deny", "NotAction": ["a:1", "a:2", "a:3", "a:4", "a:5"], "Resource": "*"}});
        assert_eq!(
            summary(&old, &free),
            [
                "policy language version 2012-10-17 instead of 2008-10-17",
                "allows sts:AssumeRole for everyone (new)",
                "denies all but a:1, a:2, a:3 and 2 more on * (removed)",
            ]
        );
    }

    #[test]
    fn a_renamed_statement_is_told_as_written_differently() {
        let with = |sid: &str| json!({"Statement": {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": "x"}});
        assert_eq!(summary(&with("a"), &with("b")), ["allows s3:GetObject on x (written differently)"]);
    }
}
