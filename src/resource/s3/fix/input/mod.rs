//! A step's parameters → the SDK's types: the other way round than [`super::super::answers`].
//!
//! Strict, because what AWS puts replaces what was there: a field that is not known here, or of another kind, is an
//! error and never left out in silence. Nothing here decides what is sent.

mod access;
mod delivery;
mod retention;

use std::collections::BTreeMap;

use aws_sdk_s3::types::Tag;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::operation::BuildError;
use serde_json::Value;

pub(super) use access::{acl, encryption, logging, ownership, public_access_block, request_payment, tagging};
pub(super) use delivery::{accelerate, cors, notification, replication, website};
pub(super) use retention::{lifecycle, object_lock, versioning};

/// What was read, or where and why it does not fit.
pub(super) type Read<T> = Result<T, String>;

/// The fields of one object of the parameters that are still to be read.
pub(super) struct Fields<'a> {
    /// Where the object stands: a JSON pointer.
    at: String,
    left: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Fields<'a> {
    /// The fields of the object at `at`; a `null` among them is not there.
    pub(super) fn of(at: String, value: &'a Value) -> Read<Self> {
        let Some(object) = value.as_object() else { return Err(format!("no object at `{at}`")) };
        let present = object.iter().filter(|(_, value)| !value.is_null());
        let left = present.map(|(name, value)| (name.as_str(), value)).collect();
        Ok(Self { at, left })
    }

    /// That nothing is left over.
    pub(super) fn end(self) -> Read<()> {
        match self.left.keys().next() {
            Some(name) => Err(format!("unknown field {}/{name}", self.at)),
            None => Ok(()),
        }
    }

    fn read<T>(&mut self, name: &str, kind: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Read<Option<T>> {
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| format!("no {kind} at {}/{name}", self.at))
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Read<Option<String>> {
        self.read(name, "text", |value| value.as_str().map(str::to_owned))
    }

    /// A word of one of the SDK's enumerations.
    pub(super) fn word<T: for<'b> From<&'b str>>(&mut self, name: &str) -> Read<Option<T>> {
        self.read(name, "word", |value| value.as_str().map(T::from))
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, name: &str) -> Read<Option<T>> {
        self.read(name, "fitting number", |value| value.as_i64().and_then(|number| number.try_into().ok()))
    }

    /// A truth value.
    pub(super) fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A date.
    pub(super) fn date(&mut self, name: &str) -> Read<Option<DateTime>> {
        self.read(name, "date", |value| DateTime::from_str(value.as_str()?, Format::DateTime).ok())
    }

    /// A list of texts or words.
    pub(super) fn texts<T: for<'b> From<&'b str>>(&mut self, name: &str) -> Read<Option<Vec<T>>> {
        let texts = |value: &Value| value.as_array()?.iter().map(|item| item.as_str().map(T::from)).collect();
        self.read(name, "list of texts", texts)
    }

    /// A part made of the fields of an object, all of which `read` must know.
    pub(super) fn part<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        whole(format!("{}/{name}", self.at), value, read).map(Some)
    }

    /// A list of such parts.
    pub(super) fn parts<T>(&mut self, name: &str, read: impl Fn(&mut Fields<'_>) -> Read<T>) -> Read<Option<Vec<T>>> {
        let Some(items) = self.read(name, "list", Value::as_array)? else { return Ok(None) };
        let item = |(index, item)| whole(format!("{}/{name}/{index}", self.at), item, &read);
        items.iter().enumerate().map(item).collect::<Read<Vec<T>>>().map(Some)
    }
}

fn whole<T>(at: String, value: &Value, read: impl FnOnce(&mut Fields<'_>) -> Read<T>) -> Read<T> {
    let mut fields = Fields::of(at, value)?;
    let part = read(&mut fields)?;
    fields.end()?;
    Ok(part)
}

/// What the SDK built of its parts, unless it misses one.
#[allow(clippy::needless_pass_by_value, reason = "stands behind map_err")]
fn missing(error: BuildError) -> String {
    error.to_string()
}

fn tag(fields: &mut Fields<'_>) -> Read<Tag> {
    Tag::builder().set_key(fields.text("Key")?).set_value(fields.text("Value")?).build().map_err(missing)
}
