//! Rebuilds the crate when the SQL compiled into it changes, writes one test per shipped detector, and sets the cfg
//! `shared_data` when real archives are available for tests.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sql");
    println!("cargo::rerun-if-changed=queries");
    write_detector_tests()?;

    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    let shared_data = "../shared/data";
    if Path::new(shared_data).exists() {
        println!("cargo::rustc-cfg=shared_data");
        // Not watched while it is missing: cargo would run this script, and rebuild the crate, every time.
        println!("cargo::rerun-if-changed={shared_data}");
    }
    Ok(())
}

/// Writes one `#[test]` per `sql/detectors/*.sql`, named after the file; `tests/detectors.rs` includes them.
fn write_detector_tests() -> io::Result<()> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir("sql/detectors")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            ids.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    let test = |id: &String| format!("#[test]\nfn {id}() {{\n    check(\"{id}\");\n}}\n\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("detector_tests.rs"), ids.iter().map(test).collect::<String>())
}
