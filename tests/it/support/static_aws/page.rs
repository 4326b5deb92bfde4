//! Pages: which resources stand on one, where the next begins, and their text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Stands for a resource's number in templates.
const NUMBER: &str = "NUMBER";

/// `text` with eight digits where it says `NUMBER`.
pub fn numbered(text: &str, number: usize) -> String {
    text.replace(NUMBER, &format!("{number:08}"))
}

/// The number of the resource with this id, as [`numbered`] wrote it.
pub fn number_of(id: &str) -> Option<usize> {
    id.get(id.len().checked_sub(8)?..)?.parse().ok()
}

/// One resource as AWS writes it, without its number.
pub struct Template(Vec<String>);

impl Template {
    /// From XML that is indented for people.
    pub fn new(xml: &str) -> Self {
        let xml: String = xml.lines().map(str::trim_start).collect();
        Self(xml.split(NUMBER).map(str::to_owned).collect())
    }

    /// The resources with these numbers, one behind the other.
    pub fn write(&self, numbers: impl IntoIterator<Item = usize>) -> String {
        let (first, rest) = self.0.split_first().expect("a template has text");
        let mut text = String::new();
        for number in numbers {
            text.push_str(first);
            for part in rest {
                write!(text, "{number:08}{part}").expect("a text takes all");
            }
        }
        text
    }
}

/// What is asked of a listing.
pub struct Asked<'a> {
    /// The parameters of the call.
    pub parameters: &'a BTreeMap<String, String>,
    /// The parameter for the size of a page, the sizes it takes and the one without it.
    pub size: (&'static str, RangeInclusive<usize>, usize),
    /// The parameter for the token.
    pub token: &'static str,
}

/// One page.
pub struct Page {
    /// The resources on it.
    pub numbers: Vec<usize>,
    /// What the next page is asked for with; `None` on the last.
    pub next: Option<String>,
}

impl Asked<'_> {
    /// The page of `all`.
    ///
    /// # Errors
    /// With the parameter that AWS would refuse.
    pub fn page(&self, all: impl ExactSizeIterator<Item = usize>, most: usize) -> Result<Page, &'static str> {
        let (name, sizes, default) = &self.size;
        let size = match self.parameters.get(*name) {
            Some(size) => size.parse().ok().filter(|size| sizes.contains(size)).ok_or(*name)?,
            None => *default,
        };
        let start = match self.parameters.get(self.token) {
            Some(token) => token.strip_prefix("from-").and_then(|from| from.parse().ok()).ok_or(self.token)?,
            None => 0,
        };
        let (size, count) = (size.min(most), all.len());
        let numbers = all.skip(start).take(size).collect();
        Ok(Page { numbers, next: (start + size < count).then(|| format!("from-{}", start + size)) })
    }
}

/// `<name>token</name>`, or nothing on the last page.
pub fn element(name: &str, token: Option<&str>) -> String {
    token.map_or_else(String::new, |token| format!("<{name}>{token}</{name}>"))
}
