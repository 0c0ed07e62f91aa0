//! Real-world formats and damaged files, when the shared data is present: each file alone, against its expected count.

mod common;

use std::path::Path;

use common::{arg, number, query, shared_data, trailhunt};

/// What `EXPECT.tsv` states for a file.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    min: i64,
    max: i64,
    /// A listed reject is accepted instead.
    or_reject: bool,
    /// The events are Insights events.
    insight: bool,
}

impl Expected {
    /// `60`, `0 or 1`, `22 to 28`, `1-2`, `1 insight`, `60 or error`, `error or prefix`.
    fn parse(text: &str) -> Expected {
        let numbers: Vec<i64> =
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
        let prefix = text.contains("prefix");
        Expected {
            min: if prefix { 0 } else { *numbers.first().expect("a count") },
            max: if prefix { i64::MAX } else { *numbers.last().expect("a count") },
            or_reject: text.contains("error"),
            insight: text.contains("insight"),
        }
    }
}

/// The list states 60 events for the files derived from `plain_single_line.json`, but they have 55 events, as counting
/// `eventVersion` shows.
const DERIVED_COUNT: (&str, &str) = ("60", "55");

/// Rejects: six values that are not records, and four records with an invalid time (`yesterday`, null, 1969 and 9999).
/// The two records without an id are duplicates of each other.
const WEIRD: (&str, [i64; 3]) = ("damage/weird_records.json", [17, 1, 10]);

/// Files that may be rejected as a whole.
const MAY_BE_REJECTED: &[&str] = &[".csv", "utf16.json"];

#[test]
fn every_file_has_its_expected_count_or_a_listed_reject() {
    let Some(folder) = shared_data("odd") else { return };
    let list = std::fs::read_to_string(folder.join("EXPECT.tsv")).expect("the list is text");
    let mut wrong = Vec::new();
    println!("{:>6} {:>7}  {:<16} {:<70} reasons", "events", "rejects", "expected", "file");
    for line in list.lines().skip(1) {
        let mut fields = line.split('\t');
        let (file, count) = (fields.next().expect("a file"), fields.next().expect("a count"));
        let read = read(&folder, file);
        let shown = if file.len() > 70 { &file[file.len() - 70..] } else { file };
        println!("{:>6} {:>7}  {count:<16} {shown:<70} {}", read.kept, read.rejects, read.reasons);

        if file == WEIRD.0 {
            assert_eq!([read.kept, read.duplicates, read.rejects], WEIRD.1);
            continue;
        }
        let expected = Expected::parse(&count.replace(DERIVED_COUNT.0, DERIVED_COUNT.1));
        let is_expected = (expected.min..=expected.max).contains(&read.kept);
        let may_be_rejected = expected.or_reject || MAY_BE_REJECTED.iter().any(|ending| file.ends_with(ending));
        // The list counts repeats as duplicates of the first copy, which is not in this lake.
        let is_repeat = line.contains("repeat:");
        if !(is_expected || is_repeat || (may_be_rejected && read.rejects > 0)) {
            wrong.push(format!("{file}: {} events, expected {count}", read.kept));
        }
        if expected.insight && !read.is_insight {
            wrong.push(format!("{file}: not an Insights event"));
        }
        if (read.exit_code == 2) != (read.rejects > 0) || read.unaccounted != 0 {
            wrong.push(format!("{file}: exit code {}, {} records unaccounted for", read.exit_code, read.unaccounted));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_repeated_file_adds_nothing() {
    let Some(folder) = shared_data("odd") else { return };
    let dir = tempfile::tempdir().expect("a folder can be made");
    let lake = dir.path().join("lake");
    for file in ["ndjson_no_final_newline.jsonl.gz", "damage/repeated_file_b.json.gz"] {
        let ran = trailhunt(&["ingest", arg(&folder.join(file)), "--lake", arg(&lake)]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    let kept = number(&lake, "SELECT count(*) FROM events");
    assert_eq!(kept.to_string(), DERIVED_COUNT.1);
    assert_eq!(number(&lake, "SELECT sum(duplicates) FROM objects"), kept);
}

#[derive(Default)]
struct Read {
    exit_code: i32,
    kept: i64,
    duplicates: i64,
    rejects: i64,
    is_insight: bool,
    unaccounted: i64,
    reasons: String,
}

/// Ingests one file, at its relative path and without any other files.
fn read(folder: &Path, file: &str) -> Read {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let (copy, lake) = (dir.path().join("in").join(file), dir.path().join("lake"));
    std::fs::create_dir_all(copy.parent().expect("the file has a folder")).expect("a folder can be made");
    std::fs::copy(folder.join(file), &copy).expect("the file can be copied");
    let ran = trailhunt(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    assert!(ran.err.is_empty(), "{file}: {}", ran.err);
    let kept = printed(&ran.out, "kept");
    let (duplicates, rejects) = (printed(&ran.out, "duplicates"), printed(&ran.out, "rejects"));
    let mut read = Read { exit_code: ran.code, kept, duplicates, rejects, ..Read::default() };
    // A query takes ten times as long as this ingest, and most files need none.
    if ran.code != 0 || kept == 1 {
        let rows = query(
            &lake,
            "SELECT
               (SELECT coalesce(bool_and(event_category = 'Insight' AND insight_details IS NOT NULL), FALSE) FROM events)
                 AS is_insight,
               (SELECT count(*) FROM rejects) AS rejects,
               (SELECT string_agg(DISTINCT reason, '; ') FROM rejects) AS reasons,
               (SELECT sum(records - kept - duplicates - rejects) FROM objects) AS unaccounted",
        );
        assert_eq!(rows[0]["rejects"], read.rejects, "{file}: every reject is listed");
        read.is_insight = rows[0]["is_insight"] == true;
        read.reasons = rows[0]["reasons"].as_str().unwrap_or_default().to_owned();
        read.unaccounted = rows[0]["unaccounted"].as_i64().unwrap_or_default();
    }
    read
}

/// A count in the output of `ingest`: the number before the word.
fn printed(out: &str, word: &str) -> i64 {
    let before = out.split(&format!(" {word}")).next().expect("split gives something");
    before.rsplit(' ').next().and_then(|number| number.replace(',', "").parse().ok()).expect("ingest prints its counts")
}

#[test]
fn expected_counts_are_parsed() {
    let expected = |min, max, or_reject, insight| Expected { min, max, or_reject, insight };
    assert_eq!(Expected::parse("60"), expected(60, 60, false, false));
    assert_eq!(Expected::parse("22 to 28"), expected(22, 28, false, false));
    assert_eq!(Expected::parse("1-2"), expected(1, 2, false, false));
    assert_eq!(Expected::parse("60 or error"), expected(60, 60, true, false));
    assert_eq!(Expected::parse("error or prefix"), expected(0, i64::MAX, true, false));
    assert_eq!(Expected::parse("1 insight"), expected(1, 1, false, true));
}
