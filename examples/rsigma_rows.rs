//! Evaluates Sigma rules with rsigma-eval on one CloudTrail object, for `tests/black_box/sigma_engines.py`.
//!
//! In: `rsigma_rows RULES OBJECT.json.gz`. Out: one JSON line per match (`rule`, `event_id`) and per rule that cannot
//! run (`rule`, `rejected`).

#[path = "../tests/common/rsigma.rs"]
mod rsigma;

use std::error::Error;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rules, object] = arguments.as_slice() else {
        return Err("usage: rsigma_rows RULES OBJECT.json.gz".into());
    };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(object)?).read_to_string(&mut text)?;
    let mut object: Value = serde_json::from_str(&text)?;
    let records = object["Records"].take();
    let records = records.as_array().ok_or("the object has no list Records")?;

    let outcome = rsigma::evaluate(Path::new(rules), records)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (rule, event_id) in outcome.matches {
        writeln!(out, "{}", json!({ "rule": rule, "event_id": event_id }))?;
    }
    for (rule, reason) in outcome.rejected {
        writeln!(out, "{}", json!({ "rule": rule, "rejected": reason }))?;
    }
    out.flush()?;
    Ok(())
}
