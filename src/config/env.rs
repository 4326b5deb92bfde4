//! The environment: the one place that reads it, and the variables that stand for keys of the configuration.
//!
//! `DRIFTSENTRY__SCHEDULES__0__CRON` is `schedules[0].cron`. Values are TOML where they are TOML, else plain text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::Env;
use super::problem::ConfigProblem;
use super::tree::{Node, Table, Value, parse_env_value};

/// What variables that stand for keys begin with.
const PREFIX: &str = "DRIFTSENTRY__";

/// The process's environment as it is now.
///
/// A variable whose name is not UTF-8 cannot be meant for us. In a value, bytes that are not UTF-8 become U+FFFD, and
/// a key or secret that would take such a value is refused.
#[must_use]
pub fn process_env() -> Env {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    Arc::new(variables.collect())
}

/// The value of a variable that is set to something.
pub(super) fn non_empty<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Which variable set which path, so that a fault names what the user wrote.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    set_by: BTreeMap<String, String>,
}

impl Overlay {
    /// Lays the variables over the tree.
    pub(super) fn apply(env: &Env, root: &mut Table, problems: &mut Vec<ConfigProblem>) -> Self {
        let mut overlay = Self::default();
        for (steps, name, value) in variables(env) {
            let set = if value.contains('\u{fffd}') {
                Err("holds bytes that are not UTF-8".to_owned())
            } else if steps.iter().any(|step| matches!(step, Step::Key(key) if key.is_empty())) {
                Err(format!("is no key: write {PREFIX}SECTION__KEY, such as {PREFIX}API__LISTEN"))
            } else {
                set(root, &steps, parse_env_value(value))
            };
            match set {
                Ok(()) => drop(overlay.set_by.insert(path_of(&steps), name.to_owned())),
                Err(message) => problems.push(ConfigProblem { path: name.to_owned(), line: None, message }),
            }
        }
        overlay
    }

    /// Names the variable, instead of the path, where the fault lies in what a variable set.
    pub(super) fn name_origin(&self, problem: &mut ConfigProblem) {
        let mut path = problem.path.as_str();
        loop {
            if let Some(name) = self.set_by.get(path) {
                let below = &problem.path[path.len()..];
                problem.path = if below.is_empty() { name.clone() } else { format!("{name} ({})", problem.path) };
                problem.line = None;
                return;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => break,
            }
        }
        if problem.line.is_none() {
            self.name_part(problem);
        }
    }

    /// Names the variable that set a part of what is at fault, as when a part makes a table where a text belongs.
    fn name_part(&self, problem: &mut ConfigProblem) {
        let is_below = |path: &str| path.strip_prefix(&problem.path).is_some_and(|rest| rest.starts_with(['.', '[']));
        if let Some((_, name)) = self.set_by.iter().find(|(path, _)| is_below(path)) {
            problem.path = format!("{name} ({})", problem.path);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Key(String),
}

/// The variables in the order of their paths: a whole before its parts, item 2 before item 10.
fn variables(env: &Env) -> Vec<(Vec<Step>, &str, &str)> {
    let mut variables: Vec<_> = env
        .iter()
        .filter_map(|(name, value)| Some((steps_of(name.strip_prefix(PREFIX)?), name.as_str(), value.as_str())))
        .collect();
    variables.sort();
    variables
}

fn steps_of(name: &str) -> Vec<Step> {
    let step = |part: &str| part.parse().map_or_else(|_| Step::Key(part.to_lowercase()), Step::Index);
    name.split("__").map(step).collect()
}

fn path_of(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Index(index) => format!("{path}[{index}]"),
        Step::Key(key) if path.is_empty() => key.clone(),
        Step::Key(key) => format!("{path}.{key}"),
    })
}

/// Sets what `steps` lead to, making tables and lists on the way.
fn set(table: &mut Table, steps: &[Step], node: Node) -> Result<(), String> {
    let (first, rest) = steps.split_first().ok_or("is no key")?;
    let key = match first {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    };
    if rest.is_empty() {
        table.insert(key, node);
        return Ok(());
    }
    set_below(table.entry(key.clone()).or_insert_with(|| empty_for(rest)), &key, rest, node)
}

fn set_below(parent: &mut Node, name: &str, steps: &[Step], node: Node) -> Result<(), String> {
    match (&mut parent.value, steps.split_first()) {
        (Value::List(items), Some((Step::Index(index), rest))) => set_item(items, name, *index, rest, node),
        (Value::List(_), _) => Err(format!("`{name}` is a list: write {}__0 for its first item", name.to_uppercase())),
        (Value::Table(table), _) => set(table, steps, node),
        (other, _) => Err(format!("`{name}` is {}: it has no keys of its own", other.kind())),
    }
}

fn set_item(items: &mut Vec<Node>, name: &str, index: usize, rest: &[Step], node: Node) -> Result<(), String> {
    let free = items.len();
    if index > free {
        return Err(format!("`{name}` has {free} items: the next free index is {free}"));
    }
    if rest.is_empty() {
        if index == free {
            items.push(node);
        } else {
            items[index] = node;
        }
        return Ok(());
    }
    if index == free {
        items.push(empty_for(rest));
    }
    set_below(&mut items[index], &format!("{name}[{index}]"), rest, node)
}

fn empty_for(steps: &[Step]) -> Node {
    let value = match steps.first() {
        Some(Step::Index(_)) => Value::List(Vec::new()),
        _ => Value::Table(Table::new()),
    };
    Node { value, line: None, env_text: None }
}
