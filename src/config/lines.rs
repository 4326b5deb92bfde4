//! From byte offsets to lines, for messages that name a place in a text.

/// Where lines begin in a text.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Looks for the line breaks of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line of a byte offset, from 1.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Line and column (in characters) of a byte offset, both from 1.
    #[must_use]
    pub fn place_of(&self, offset: usize) -> (usize, usize) {
        let line = self.line_of(offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let lines = Lines::new("ab\né=1\n");
        assert_eq!(lines.place_of(0), (1, 1));
        assert_eq!(lines.place_of(3), (2, 1));
        assert_eq!(lines.place_of(5), (2, 2));
        assert_eq!(lines.place_of(8), (3, 1));
        assert_eq!(Lines::new("").place_of(99), (1, 1));
    }
}
