//! Finding the configuration file and reading it, with the environment laid over it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::env::{Overlay, non_empty};
use super::lines::Lines;
use super::options::Env;
use super::problem::{ConfigErrors, ConfigProblem};
use super::section::Report;
use super::tree::Table;
use super::{Config, Vocabulary, check, tree};

/// Where a file is looked for if none is named.
const PLACES: [&str; 2] = ["./config/driftsentry.toml", "/etc/driftsentry/driftsentry.toml"];

/// The file to load: `named` (from `--config`), else `DRIFTSENTRY_CONFIG`, else the first of
/// `./config/driftsentry.toml` and `/etc/driftsentry/driftsentry.toml` that exists; `None` means built-in defaults.
#[must_use]
pub fn find_file(named: Option<&Path>, env: &Env) -> Option<PathBuf> {
    find_among(named, env, PLACES.iter().map(Path::new))
}

fn find_among<'a>(named: Option<&Path>, env: &Env, places: impl IntoIterator<Item = &'a Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| non_empty(env, "DRIFTSENTRY_CONFIG").map(PathBuf::from));
    // What exists but cannot be looked at is chosen, so that loading says so: to pass over it would be a silent skip.
    let is_there = |place: &&Path| match std::fs::metadata(place) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    };
    named.or_else(|| places.into_iter().find(is_there).map(Path::to_owned))
}

/// Reads the configuration from exactly `file` (see [`find_file`]; `None` means built-in defaults) with the
/// environment laid over it.
///
/// # Errors
/// With every problem at once, each with its path, its line and what to write instead.
#[allow(clippy::needless_pass_by_value, reason = "the options of kinds keep the environment")]
pub fn load(file: Option<&Path>, env: Env, vocabulary: &Vocabulary) -> Result<Config, ConfigErrors> {
    let text = match file {
        Some(file) => read(file).map_err(|problem| ConfigErrors::new(Some(file), vec![problem]))?,
        None => String::new(),
    };
    parse(&text, &env, vocabulary).map_err(|problems| ConfigErrors::new(file, problems))
}

fn parse(text: &str, env: &Env, vocabulary: &Vocabulary) -> Result<Config, Vec<ConfigProblem>> {
    let mut root: Table = tree::parse(text)?;
    let mut problems = Vec::new();
    let overlay = Overlay::apply(env, &mut root, &mut problems);
    let report = Report::default();
    let config = check::check(&root, env, vocabulary, &report);
    let mut found = report.into_problems();
    for problem in &mut found {
        overlay.name_origin(problem);
    }
    problems.append(&mut found);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn read(file: &Path) -> Result<String, ConfigProblem> {
    let problem = |line, message| ConfigProblem { path: String::new(), line, message };
    let bytes = std::fs::read(file).map_err(|error| {
        let message = match error.kind() {
            ErrorKind::NotFound => {
                "there is no such file: write one with `driftsentry config default > FILE`, or name another".to_owned()
            }
            ErrorKind::IsADirectory => "this is a folder: name the file in it".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        problem(None, message)
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
        problem(Some(Lines::new(&good).line_of(at)), "not UTF-8 text: save the file in UTF-8".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_named_file_comes_first_then_the_variable_then_the_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
        let places = || [first.as_path(), second.as_path()];
        let none = Env::default();
        let env: Env = Arc::new([("DRIFTSENTRY_CONFIG".to_owned(), "/named/by/env.toml".to_owned())].into());
        assert_eq!(find_among(None, &none, places()), None);
        std::fs::write(&second, "").expect("a file");
        assert_eq!(find_among(None, &none, places()), Some(second.clone()));
        std::fs::write(&first, "").expect("a file");
        assert_eq!(find_among(None, &none, places()), Some(first.clone()));
        assert_eq!(find_among(None, &env, places()), Some("/named/by/env.toml".into()));
        assert_eq!(find_among(Some(Path::new("x.toml")), &env, places()), Some("x.toml".into()));
    }
}
