//! Chance from a seed: orders, and spellings of one document.

use serde_json::{Map, Value, json};

/// Lists in which order means something, wherever they stand: CORS rules and routing rules, and what is written in
/// Terraform as a list of texts that AWS keeps in order.
const ORDERED: &[&str] = &["CORSRule", "RoutingRule", "cors_rule", "routing_rule"];

/// A source of chance. The seed 0 leaves all as it is.
pub struct Shuffle(u64);

impl Shuffle {
    /// Everything that it does follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    fn coin(&mut self) -> bool {
        self.0 != 0 && self.below(2) == 1
    }

    /// Another order.
    pub fn order<T>(&mut self, items: &mut [T]) {
        if self.0 == 0 {
            return;
        }
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Another order of every list in a tree in which order means nothing; documents in it are written anew.
    pub fn tree(&mut self, tree: &mut Value) {
        match tree {
            Value::Object(children) => {
                for (name, child) in children.iter_mut() {
                    if name.starts_with('%') || is_document(child) || child.get("Statement").is_some() {
                        *child = self.respelled(child).into();
                    } else {
                        if let (Value::Array(items), false) = (&mut *child, ORDERED.contains(&name.as_str())) {
                            self.order(items);
                        }
                        self.tree(child);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.tree(item)),
            _ => {}
        }
    }

    /// The same policy in other words.
    pub fn respelled(&mut self, document: &Value) -> String {
        let parsed = match document {
            Value::String(text) => serde_json::from_str(text).expect("a document is JSON"),
            value => value.clone(),
        };
        let is_policy = parsed.get("Statement").is_some();
        let respelled = if is_policy { self.policy(parsed) } else { parsed };
        let mut text = String::new();
        self.write(&mut text, &respelled);
        text
    }

    fn policy(&mut self, mut policy: Value) -> Value {
        let statements = policy["Statement"].take();
        let mut statements = as_list(statements);
        self.order(&mut statements);
        for statement in &mut statements {
            for field in ["Action", "NotAction", "Resource", "NotResource"] {
                self.values(statement.get_mut(field));
            }
            for field in ["Principal", "NotPrincipal"] {
                let kinds = statement.get_mut(field).and_then(Value::as_object_mut);
                kinds.into_iter().flatten().for_each(|(_, who)| self.values(Some(who)));
            }
            let operators = statement.get_mut("Condition").and_then(Value::as_object_mut);
            for (_, keys) in operators.into_iter().flatten() {
                keys.as_object_mut().into_iter().flatten().for_each(|(_, values)| self.values(Some(values)));
            }
        }
        policy["Statement"] =
            if statements.len() == 1 && self.coin() { statements.remove(0) } else { statements.into() };
        policy
    }

    /// A set of values: in another order; one value is written alone or as a list of one.
    fn values(&mut self, values: Option<&mut Value>) {
        let Some(values) = values else { return };
        let mut items = as_list(values.take());
        self.order(&mut items);
        *values = if items.len() == 1 && self.coin() { items.remove(0) } else { items.into() };
    }

    /// JSON with the keys in another order and white space where it may stand.
    fn write(&mut self, out: &mut String, value: &Value) {
        let gap = |this: &mut Self| if this.coin() { "\n  " } else { "" };
        match value {
            Value::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                self.order(&mut entries);
                out.push('{');
                for (index, (key, value)) in entries.into_iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    out.push_str(gap(self));
                    out.push_str(&json!(key).to_string());
                    out.push(':');
                    out.push_str(gap(self));
                    self.write(out, value);
                }
                out.push_str(gap(self));
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    out.push_str(gap(self));
                    self.write(out, item);
                }
                out.push(']');
            }
            scalar => out.push_str(&scalar.to_string()),
        }
    }
}

/// Whether a text is a JSON document in itself.
fn is_document(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default().trim_start();
    text.starts_with('{') && serde_json::from_str::<Map<String, Value>>(text).is_ok()
}

fn as_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}
