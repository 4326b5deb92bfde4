//! Tells sqlx's macros where the descriptions of the queue's queries are: with the main crate, whose sources these are.
//! Set here and not in `.cargo/config.toml`, which is found from the current directory only.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    println!("cargo:rustc-env=SQLX_OFFLINE=true");
    println!("cargo:rustc-env=SQLX_OFFLINE_DIR={}", root.join(".sqlx").display());
    println!("cargo:rerun-if-changed=../../.sqlx");
    println!("cargo:rerun-if-changed=../../migrations");
}
