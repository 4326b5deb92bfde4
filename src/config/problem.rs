//! Faults in the configuration: the path, the line, what to write instead; and all of them together.

use std::fmt;
use std::path::{Path, PathBuf};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where in the document: `schedules[2].cron`, or the environment variable that set it; empty if the file as a
    /// whole is at fault.
    pub path: String,
    /// Line of the file, from 1; `None` if it came from the environment or is about something absent.
    pub line: Option<usize>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ConfigProblem {
    fn place_and_message(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("{}: {}", self.path, self.message) }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.place_and_message()),
            None => f.write_str(&self.place_and_message()),
        }
    }
}

/// Every fault of a configuration; never empty. It prints one line per fault, each beginning with `file:line:`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    file: Option<PathBuf>,
    problems: Vec<ConfigProblem>,
}

impl ConfigErrors {
    /// The faults of `file`, in the order of its lines; those without a line come last.
    pub(super) fn new(file: Option<&Path>, mut problems: Vec<ConfigProblem>) -> Self {
        problems.sort_by(|a, b| (a.line.is_none(), a.line, &a.path).cmp(&(b.line.is_none(), b.line, &b.path)));
        problems.dedup();
        Self { file: file.map(Path::to_owned), problems }
    }

    /// The faults.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match &self.file {
                Some(file) => write!(f, "{}", file.display())?,
                None => f.write_str("configuration")?,
            }
            match problem.line {
                Some(line) => write!(f, ":{line}: {}", problem.place_and_message())?,
                None => write!(f, ": {}", problem.place_and_message())?,
            }
        }
        Ok(())
    }
}
