//! The table of mutations: each single change of each attribute, made through the AWS API, and what a scan must say of it.
//!
//! Each type has a file beside this one that creates one resource and lists its mutations.

use driftsentry::domain::severity::Severity;
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::Aws;
use futures::future::BoxFuture;
use serde_json::Value;

/// One change of one attribute of a resource that a baseline was captured of.
pub struct Mutation {
    /// The top-level attribute, as in the attribute table. The suite fails if an attribute of a type has no mutation.
    pub attribute: &'static str,
    /// How it is brought about and taken back.
    pub how: How,
    /// Where the one change is expected.
    pub pointer: String,
    /// The declared value there; `None` if nothing was there.
    pub from: Option<Value>,
    /// The live value there; `None` if nothing is there any more.
    pub to: Option<Value>,
    /// The drift's severity.
    pub severity: Severity,
    /// The drift's monthly cost in US dollars, two decimals (`"70.08"`); `None` if it must be unknown.
    pub cost: Option<&'static str>,
}

/// How a change is brought about.
pub enum How {
    /// Through the AWS API.
    Api { apply: Act, undo: Act },
    /// The emulator cannot do it: in answers to `operation` (`DescribeInstances`, or `GET ?versioning` for S3) the text
    /// `from` is replaced by `to` on the way, so that the shape stays what AWS sends. See [`Mutation::of`].
    Rewrite { operation: &'static str, from: String, to: String },
}

/// An action on the resource with the given id.
pub type Act = Box<dyn for<'a> Fn(&'a Aws, &'a str) -> BoxFuture<'a, ()> + Send + Sync>;

impl Mutation {
    /// The mutation of the resource `id`, of which `baseline` was captured. In its texts (pointer, values, rewriting)
    /// stand for what only the emulator knows: `{id}` the resource's id, `{/SubnetId}` the baseline's text at a
    /// JSON pointer, `{key /SecurityGroups}` the first key of the baseline's object there.
    #[must_use]
    pub fn of(mut self, id: &str, baseline: &ResourceState) -> Self {
        let fill = |text: &str| filled(text, id, baseline);
        let fill_value = |value: Option<Value>| match value {
            Some(Value::String(text)) => Some(fill(&text).into()),
            other => other,
        };
        self.pointer = fill(&self.pointer);
        self.from = fill_value(self.from);
        self.to = fill_value(self.to);
        if let How::Rewrite { from, to, .. } = &mut self.how {
            (*from, *to) = (fill(from), fill(to));
        }
        self
    }
}

fn filled(text: &str, id: &str, baseline: &ResourceState) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        let known = match name.strip_prefix("key ") {
            Some(at) => baseline.pointer(at).and_then(Value::as_object).and_then(|map| map.keys().next().cloned()),
            None if name == "id" => Some(id.to_owned()),
            None => baseline.pointer(name).and_then(Value::as_str).map(str::to_owned),
        };
        filled.push_str(before);
        filled.push_str(&known.unwrap_or_else(|| panic!("nothing is known for {{{name}}} in {text}")));
        rest = after;
    }
    filled + rest
}
