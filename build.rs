//! The SQL under `sql/` and `queries/` is compiled in; a change there has to rebuild the crate.

fn main() {
    println!("cargo::rerun-if-changed=sql");
    println!("cargo::rerun-if-changed=queries");
}
