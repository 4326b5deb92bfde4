//! Documents on this machine.

use std::fs;

use super::{declaring, expected, ids, look, only_problem, source_at};

#[tokio::test]
async fn globs_pick_files_at_any_depth() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.json", "x/b.json", "x/y/c.json", "x/y/readme.md", ".hidden/d.json", "x/y/e.state"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let id = path.file_stem().expect("a name").to_string_lossy().into_owned();
        fs::write(path, declaring(&format!("sg-{id}"))).expect("a file");
    }
    for (pattern, found) in [
        ("**/*.json", vec!["sg-a", "sg-b", "sg-c"]),
        ("x/**/*.json", vec!["sg-b", "sg-c"]),
        ("x/*.json", vec!["sg-b"]),
        ("*/*/?.json", vec!["sg-c"]),
        ("x/**", vec!["sg-b", "sg-c"]),
        ("x/y/*.state", vec!["sg-e"]),
        ("", vec!["sg-a", "sg-b", "sg-c"]),
    ] {
        let path = folder.path().join(pattern);
        let estate = look(&expected(&source_at(&path.display().to_string()), None)).await;
        assert!(estate.problems.is_empty(), "{pattern}: {:#?}", estate.problems);
        assert_eq!(ids(&estate), found, "{pattern}");
    }
    let nothing = folder.path().join("z*.json");
    let problem = only_problem(&look(&expected(&source_at(&nothing.display().to_string()), None)).await);
    assert!(problem.contains("z*.json: matches no file"), "{problem}");
}

#[tokio::test]
async fn a_new_file_that_a_glob_matches_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.json"), declaring("sg-a")).expect("a file");
    let expected = expected(&source_at(&folder.path().join("*.json").display().to_string()), None);
    assert_eq!(ids(&look(&expected).await), ["sg-a"]);
    fs::write(folder.path().join("b.json"), declaring("sg-b")).expect("a file");
    assert_eq!(ids(&look(&expected).await), ["sg-a", "sg-b"]);
}

#[tokio::test]
async fn a_compressed_or_gigantic_file_is_refused_and_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.json"), declaring("sg-a")).expect("a file");
    fs::write(folder.path().join("b.json"), b"\x1f\x8b\x08\x00rest").expect("a file");
    let huge = fs::File::create(folder.path().join("c.json")).expect("a file");
    // Sparse: it takes no room.
    huge.set_len(1 << 30).expect("a gigabyte of nothing");
    let estate = look(&expected(&source_at(&folder.path().display().to_string()), None)).await;
    assert_eq!((ids(&estate), estate.problems.len()), (vec!["sg-a".to_owned()], 2));
    let told: Vec<String> = estate.problems.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|problem| problem.contains("b.json: is compressed (gzip)")), "{told:#?}");
    assert!(told.iter().any(|problem| problem.contains("c.json: is larger than 256 MiB")), "{told:#?}");
}
