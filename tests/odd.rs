//! Shapes and damage from the wild, when they lie beside the project: every file by itself, against its promised count.

mod common;

use std::path::Path;

use common::{arg, number, query, shared_data, trailhunt};

/// What `EXPECT.tsv` promises of a file.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    least: i64,
    most: i64,
    /// A listed reject is an answer too.
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
            least: if prefix { 0 } else { *numbers.first().expect("a count") },
            most: if prefix { i64::MAX } else { *numbers.last().expect("a count") },
            or_reject: text.contains("error"),
            insight: text.contains("insight"),
        }
    }
}

/// The list promises 60 events of the files that are made from the records of `plain_single_line.json`; they all hold its
/// 55, as counting `eventVersion` in them shows.
const MADE_FROM: (&str, &str) = ("60", "55");

/// Six values that are no records and four records that no day can be given (`yesterday`, null, 1969 and 9999) are
/// listed rejects; the two records without an id are one event met twice.
const WEIRD: (&str, [i64; 3]) = ("damage/weird_records.json", [17, 1, 10]);

/// Files that may be refused as a whole, as long as the reject says so.
const MAY_BE_REFUSED: &[&str] = &[".csv", "utf16.json"];

#[test]
fn every_odd_file_gives_its_count_or_a_listed_reject() {
    let Some(folder) = shared_data("odd") else { return };
    let list = std::fs::read_to_string(folder.join("EXPECT.tsv")).expect("the list is text");
    let mut wrong = Vec::new();
    println!("{:>6} {:>7}  {:<16} {:<70} reasons", "events", "rejects", "expected", "file");
    for line in list.lines().skip(1) {
        let mut fields = line.split('\t');
        let (file, promise) = (fields.next().expect("a file"), fields.next().expect("a count"));
        let read = read(&folder, file);
        let shown = if file.len() > 70 { &file[file.len() - 70..] } else { file };
        println!("{:>6} {:>7}  {promise:<16} {shown:<70} {}", read.kept, read.rejects, read.reasons);

        if file == WEIRD.0 {
            assert_eq!([read.kept, read.duplicates, read.rejects], WEIRD.1);
            continue;
        }
        let expected = Expected::parse(&promise.replace(MADE_FROM.0, MADE_FROM.1));
        let counted = (expected.least..=expected.most).contains(&read.kept);
        let may_be_refused = expected.or_reject || MAY_BE_REFUSED.iter().any(|ending| file.ends_with(ending));
        // Repeats are removed against the first copy, which is not in this lake.
        let is_repeat = line.contains("repeat:");
        if !(counted || is_repeat || (may_be_refused && read.rejects > 0)) {
            wrong.push(format!("{file}: {} events, {promise} promised", read.kept));
        }
        if expected.insight && !read.is_insight {
            wrong.push(format!("{file}: the event is no Insights event"));
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
    assert_eq!(kept.to_string(), MADE_FROM.1);
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

/// Ingests one file, in the folders it lies in and with nothing beside it.
fn read(folder: &Path, file: &str) -> Read {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let (copy, lake) = (dir.path().join("in").join(file), dir.path().join("lake"));
    std::fs::create_dir_all(copy.parent().expect("it lies in a folder")).expect("a folder can be made");
    std::fs::copy(folder.join(file), &copy).expect("the file can be copied");
    let ran = trailhunt(&["ingest", arg(&dir.path().join("in")), "--lake", arg(&lake)]);
    assert!(ran.err.is_empty(), "{file}: {}", ran.err);
    let kept = printed(&ran.out, "kept");
    let (duplicates, rejects) = (printed(&ran.out, "duplicates"), printed(&ran.out, "rejects"));
    let mut read = Read { exit_code: ran.code, kept, duplicates, rejects, ..Read::default() };
    // A query costs ten times an ingest of so little; most files need none.
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

/// A count as `ingest` prints it: the number before the word.
fn printed(out: &str, word: &str) -> i64 {
    let before = out.split(&format!(" {word}")).next().expect("split gives something");
    before.rsplit(' ').next().and_then(|number| number.replace(',', "").parse().ok()).expect("ingest prints its counts")
}

#[test]
fn promises_are_read_as_they_are_written() {
    let expected = |least, most, or_reject, insight| Expected { least, most, or_reject, insight };
    assert_eq!(Expected::parse("60"), expected(60, 60, false, false));
    assert_eq!(Expected::parse("22 to 28"), expected(22, 28, false, false));
    assert_eq!(Expected::parse("1-2"), expected(1, 2, false, false));
    assert_eq!(Expected::parse("60 or error"), expected(60, 60, true, false));
    assert_eq!(Expected::parse("error or prefix"), expected(0, i64::MAX, true, false));
    assert_eq!(Expected::parse("1 insight"), expected(1, 1, false, true));
}
