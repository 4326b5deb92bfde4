//! The house keeps its order: calls go down the layer table, files stay small, no test file is forgotten.
//!
//! In one crate the compiler does not guard layers, so this test does.

use std::path::{Path, PathBuf};

/// Each module of the crate and its layer: code may name `crate::` modules of smaller layers, and its own.
///
/// The only way back up is a row in `jobs`.
const LAYERS: &[(&str, u32)] = &[
    ("build", 0),
    ("domain", 0),
    ("clock", 10),
    ("config", 10),
    ("crypto", 10),
    ("outbound", 12),
    ("password", 12),
    ("shutdown", 10),
    ("store", 20),
    ("queue", 30),
    ("jobs", 40),
    ("alerting", 45),
    ("prices", 50),
    ("resource", 50),
    // A declaration is checked by the table of its type.
    ("expected", 55),
    ("notify", 60),
    ("remediate", 60),
    ("scan", 60),
    ("triage", 60),
    ("http", 70),
    ("embedded", 80),
    ("telemetry", 80),
    // The composition root knows every part; a command knows the composition root.
    ("app", 82),
    ("demo", 82),
    ("cli", 84),
    ("lib", 90),
    ("main", 90),
];

const MOST_LINES: usize = 400;

#[test]
fn calls_go_down_the_layer_table() {
    let mut faults = Vec::new();
    for file in rust_files("src") {
        let module = module_of(&file);
        let Some(layer) = layer_of(&module) else {
            faults.push(format!("{}: module {module} is in no layer: add it to the table", file.display()));
            continue;
        };
        for (number, named) in crate_paths(&read(&file)) {
            let is_below = layer_of(&named).is_some_and(|other| other < layer);
            if named != module && !is_below {
                faults.push(format!("{}:{number}: {module} may not use crate::{named}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "wrong ways:\n{}", faults.join("\n"));
}

#[test]
fn no_source_file_is_too_long() {
    let count = |file: &PathBuf| read(file).lines().count();
    let long: Vec<PathBuf> = rust_files("src").into_iter().filter(|file| count(file) > MOST_LINES).collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines: split {long:?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = read(&root().join("tests/it/main.rs"));
    for entry in std::fs::read_dir(root().join("tests/it")).expect("the tests") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        if is_module && name != "main" {
            assert!(main.lines().any(|line| line == format!("mod {name};")), "tests/it/main.rs lacks `mod {name};`");
        }
    }
}

#[test]
fn the_check_sees_each_way_of_naming_a_module() {
    let text = "use crate::a::X;\nlet x = crate::b::y(); // crate::comment\nuse crate::{c, d::{E, f}, g as h};\n\
                //! [`crate::doc`]\nuse mycrate::no;\nuse crate::{\n    i::J,\n    k,\n};\n";
    let named: Vec<String> = crate_paths(text).into_iter().map(|(_, named)| named).collect();
    assert_eq!(named, ["a", "b", "c", "d", "g", "i", "k"]);
}

/// The modules that code names behind `crate::`, with their lines.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let number = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or_else(|| vec![leading_name(rest)], names_in_braces);
        found.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (number, name)));
    }
    found
}

/// The first name of each member of `a, b::{C, d}, e as f}…`.
fn names_in_braces(text: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (1, Vec::new(), 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {}
            _ => continue,
        }
        if (c == ',' && depth == 1) || depth == 0 {
            names.push(leading_name(text[start..at].trim_start()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn layer_of(module: &str) -> Option<u32> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// `resource` for `src/resource/ec2.rs` and for `src/resource.rs`.
fn module_of(file: &Path) -> String {
    let below = file.strip_prefix(root().join("src")).expect("below src");
    let first = below.components().next().expect("a name").as_os_str();
    Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a readable file")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
