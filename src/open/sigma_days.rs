//! Prepares a session for Sigma rules: the rules themselves, and on which days they matched whom. Days that the lake has not
//! stored are computed for all rules at once, and stored. A nightly run computes one day.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema};
use chrono::{Days, NaiveDate};

use crate::detect::Window;
use crate::detect::rate::DAYS_MAX;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{DayResult, Lake, Snapshot};
use crate::sigma::{About, Sigma};
use crate::terminal::Progress;

const BY_DAY: &str = include_str!("../../sql/sigma/matches_by_day.sql");

/// Matches of a rule on a day. A rule without matches has one row without an identity and with 0 matches.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Matched {
    /// The rule's id here, its fingerprint in the lake.
    rule: Arc<str>,
    actor: Option<Arc<str>>,
    account_id: Option<Arc<str>>,
    matches: i64,
}

/// Texts that are kept once: a million matches have a few thousand rules and identities.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn keep(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let text: Arc<str> = text.into();
                self.0.insert(Arc::clone(&text));
                text
            }
        }
    }
}

/// Adds the rules to the session, if there are any, with the table `sigma_days`: what they matched on each day of the window
/// and up to 90 days before it. Evaluates correlations over the window.
///
/// # Errors
/// When events or stored days cannot be read.
pub async fn add_sigma(
    sigma: &Sigma,
    lake: &Lake,
    snapshot: &Snapshot,
    session: &Session,
    window: Window,
    progress: Progress,
) -> Result<()> {
    if sigma.is_empty() {
        return Ok(());
    }
    sigma.add_to(session).await?;
    let earliest = window.from.date_naive().checked_sub_days(Days::new(DAYS_MAX)).unwrap_or(window.from.date_naive());
    let is_read = |day: &NaiveDate| (earliest..window.to.date_naive()).contains(day);
    let days: Vec<_> = snapshot.each_day().into_iter().filter(is_read).collect();
    let fingerprints = sigma.fingerprints();
    let mut texts = Texts::default();
    let by_fingerprint: HashMap<&str, Arc<str>> =
        fingerprints.iter().map(|(id, print)| (print.as_str(), texts.keep(id))).collect();

    let mut known: BTreeMap<NaiveDate, Vec<Matched>> = BTreeMap::new();
    for (day, batches) in lake.day_results(DayResult::SigmaMatches, snapshot, &days).await? {
        let rows = known.entry(day).or_default();
        // Two runs may have stored the same rule.
        let mut complete = HashSet::new();
        for batch in &batches {
            let stored = from_rows(batch, &mut texts).map_err(|e| Error::lake(lake.location().to_string(), e))?;
            let of_batch: HashSet<_> = stored.iter().map(|row| row.rule.clone()).collect();
            let is_new = |row: &Matched| !complete.contains(&row.rule);
            rows.extend(
                stored
                    .into_iter()
                    .filter(is_new)
                    .filter_map(|row| Some(Matched { rule: Arc::clone(by_fingerprint.get(&*row.rule)?), ..row })),
            );
            complete.extend(of_batch);
        }
    }
    let is_missing = |day: &NaiveDate| {
        let rules: HashSet<&str> = known.get(day).into_iter().flatten().map(|row| &*row.rule).collect();
        fingerprints.keys().any(|id| !rules.contains(id))
    };
    let missing: Vec<NaiveDate> = days.iter().copied().filter(is_missing).collect();
    let (bar, total) = (progress.steps("Sigma rules", 0), missing.len() as u64);
    let of_window = |day: &&NaiveDate| (window.from.date_naive()..window.to.date_naive()).contains(*day);
    let (mut done, mut is_correlated) = (0, false);
    for (first, last) in ranges(&missing, &days) {
        bar.set(done, total);
        bar.describe(format!("{first} to {last}"));
        let computed = compute(sigma, session, (first, last), &days, &mut texts).await?;
        is_correlated = days.iter().filter(of_window).all(|day| (first..=last).contains(day));
        done += computed.len() as u64;
        let stored = computed.iter().map(|(day, rows)| Ok((*day, to_rows(rows, &fingerprints)?)));
        let stored = stored.collect::<Result<Vec<_>>>()?;
        match lake.keep_day_results(DayResult::SigmaMatches, snapshot, stored).await {
            Err(e) if !e.is_read_only() => return Err(e),
            _ => known.extend(computed),
        }
    }
    drop(bar);
    let table = days_table(&known, &days)?;
    session.set_table("sigma_days", table.schema(), vec![table])?;
    match is_correlated {
        true => Ok(()),
        false => sigma.correlate(session, window.from, window.to).await,
    }
}

/// The days from the first to the last that are missing without a known day between them.
fn ranges(missing: &[NaiveDate], days: &[NaiveDate]) -> Vec<(NaiveDate, NaiveDate)> {
    let missing: BTreeSet<_> = missing.iter().collect();
    let mut ranges: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    let mut continues = false;
    for day in days {
        let is_missing = missing.contains(day);
        match ranges.last_mut() {
            Some(last) if is_missing && continues => last.1 = *day,
            _ if is_missing => ranges.push((*day, *day)),
            _ => {}
        }
        continues = is_missing;
    }
    ranges
}

/// What all rules matched on these days.
async fn compute(
    sigma: &Sigma,
    session: &Session,
    (first, last): (NaiveDate, NaiveDate),
    days: &[NaiveDate],
    texts: &mut Texts,
) -> Result<BTreeMap<NaiveDate, Vec<Matched>>> {
    let window = Window::of_days(first, last).ok_or_else(|| Error::Internal(format!("no day after {last}")))?;
    // Leaves the correlations of these days in the session.
    sigma.correlate(session, window.from, window.to).await?;
    let query = session.query("Sigma rules", BY_DAY, &window.parameters()).await?;
    let empty = |about: &About| Matched { rule: texts.keep(&about.id), actor: None, account_id: None, matches: 0 };
    let of_day: Vec<Matched> = sigma.about().map(empty).collect();
    let is_between = |day: &&NaiveDate| (first..=last).contains(*day);
    let mut computed: BTreeMap<NaiveDate, Vec<Matched>> =
        days.iter().filter(is_between).map(|day| (*day, of_day.clone())).collect();
    for batch in query.collect().await? {
        let dates = cast(batch.column(0), &DataType::Date32).map_err(bug)?;
        let dates = dates.as_primitive::<Date32Type>();
        let rows = from_rows(&batch.project(&[1, 2, 3, 4]).map_err(bug)?, texts).map_err(Error::Internal)?;
        for (at, row) in rows.into_iter().enumerate() {
            if let Some(day) = dates.value_as_date(at).and_then(|day| computed.get_mut(&day)) {
                day.push(row);
            }
        }
    }
    Ok(computed)
}

fn bug(e: arrow::error::ArrowError) -> Error {
    Error::Internal(e.to_string())
}

fn from_rows(batch: &RecordBatch, texts: &mut Texts) -> std::result::Result<Vec<Matched>, String> {
    let [rule, actor, account, matches] = batch.columns() else { return Err("matches have four columns".into()) };
    let text = |column: &ArrayRef| cast(column, &DataType::Utf8).map_err(|e| e.to_string());
    let (rule, actor, account) = (text(rule)?, text(actor)?, text(account)?);
    let (rule, actor, account) = (rule.as_string::<i32>(), actor.as_string::<i32>(), account.as_string::<i32>());
    let matches = cast(matches, &DataType::Int64).map_err(|e| e.to_string())?;
    let matches = matches.as_primitive::<Int64Type>();
    let mut text = |column: &StringArray, row: usize| column.is_valid(row).then(|| texts.keep(column.value(row)));
    let mut found = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        found.push(Matched {
            rule: text(rule, row).ok_or("a row has no rule")?,
            actor: text(actor, row),
            account_id: text(account, row),
            matches: matches.value(row),
        });
    }
    Ok(found)
}

/// Rows to store: rules by their fingerprints.
fn to_rows(rows: &[Matched], fingerprints: &HashMap<&str, String>) -> Result<RecordBatch> {
    let mut rows: Vec<_> = rows.iter().filter_map(|row| Some((fingerprints.get(&*row.rule)?, row))).collect();
    rows.sort_by(|a, b| (a.0, &a.1.actor, &a.1.account_id).cmp(&(b.0, &b.1.actor, &b.1.account_id)));
    let columns: [(&str, ArrayRef); 4] = [
        ("rule", Arc::new(rows.iter().map(|(print, _)| Some(print.as_str())).collect::<StringArray>())),
        ("actor", Arc::new(rows.iter().map(|(_, row)| row.actor.as_deref()).collect::<StringArray>())),
        ("account_id", Arc::new(rows.iter().map(|(_, row)| row.account_id.as_deref()).collect::<StringArray>())),
        ("matches", Arc::new(rows.iter().map(|(_, row)| Some(row.matches)).collect::<Int64Array>())),
    ];
    RecordBatch::try_from_iter(columns).map_err(bug)
}

/// The table `sigma_days`: a row per rule, identity, account and day with matches, and a row without a rule per day that was
/// evaluated.
fn days_table(known: &BTreeMap<NaiveDate, Vec<Matched>>, days: &[NaiveDate]) -> Result<RecordBatch> {
    let matched = known
        .iter()
        .flat_map(|(day, rows)| rows.iter().filter(|row| row.matches > 0).map(move |row| (*day, Some(row))));
    let rows: Vec<_> = days.iter().map(|day| (*day, None)).chain(matched).collect();
    let text = |of: &dyn Fn(&Matched) -> Option<Arc<str>>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, row)| row.and_then(of)).collect::<StringArray>())
    };
    let date = |day: &NaiveDate| Date32Type::from_naive_date(*day);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|(day, _)| Some(date(day))).collect::<Date32Array>()),
        text(&|row| Some(row.rule.clone())),
        text(&|row| row.actor.clone()),
        text(&|row| row.account_id.clone()),
        Arc::new(rows.iter().map(|(_, row)| row.map(|row| row.matches)).collect::<Int64Array>()),
    ];
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let schema = Schema::new(vec![
        field("event_date", DataType::Date32),
        field("rule", DataType::Utf8),
        field("actor", DataType::Utf8),
        field("account_id", DataType::Utf8),
        field("matches", DataType::Int64),
    ]);
    RecordBatch::try_new(Arc::new(schema), arrays).map_err(bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> NaiveDate {
        NaiveDate::default() + Days::new(n)
    }

    #[test]
    fn missing_days_are_computed_in_as_few_ranges_as_possible() {
        let days: Vec<_> = [1, 2, 3, 5, 6, 9].map(day).into();
        let of = |missing: &[u64]| ranges(&missing.iter().map(|n| day(*n)).collect::<Vec<_>>(), &days);
        assert_eq!(of(&[1, 2, 3, 5, 6, 9]), [(day(1), day(9))]);
        assert_eq!(of(&[1, 3, 5, 9]), [(day(1), day(1)), (day(3), day(5)), (day(9), day(9))]);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn stored_rows_name_rules_by_their_fingerprint() {
        let rows = [
            Matched { rule: "b".into(), actor: None, account_id: None, matches: 0 },
            Matched { rule: "a".into(), actor: Some("x".into()), account_id: Some("1".into()), matches: 3 },
        ];
        let prints = HashMap::from([("a", "print a".to_owned()), ("b", "print b".to_owned())]);
        let read = from_rows(&to_rows(&rows, &prints).unwrap(), &mut Texts::default()).unwrap();
        assert_eq!(read[0], Matched { rule: "print a".into(), ..rows[1].clone() });
        assert_eq!(read[1], Matched { rule: "print b".into(), ..rows[0].clone() });
    }
}
