//! Evaluates a set of rules over a session: the view `sigma_matches`, the table `sigma_rules`, and correlations.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;

use super::correlation::{Match, Windows};
use super::{Sigma, SigmaCorrelation, field};
use crate::engine::{Parameters, Session, Value};
use crate::error::{Error, Result};

/// Days whose matches are sorted at once.
const DAYS_AT_ONCE: i64 = 7;
/// Columns of a match that findings are made of.
const COLUMNS: &str = "event_id, event_time, event_date, actor, account_id, aws_region, event_source, event_name, error_code, \
                       source_ip_address";

impl Sigma {
    /// Adds the rules to a session: the table `sigma_rules`, the view `sigma_matches` of events and the rules that they
    /// match, and the table `sigma_correlated`, which [`Sigma::correlate`] fills.
    ///
    /// # Errors
    /// [`Error::Internal`], which is a bug.
    pub async fn add_to(&self, session: &Session) -> Result<()> {
        session.add_rules(&self.engine_rules()).await?;
        let about = self.about_table().map_err(bug)?;
        session.set_table("sigma_rules", about.schema(), vec![about])?;
        let columns = format!("SELECT rule, {COLUMNS} FROM sigma_matches");
        let columns = session.query("sigma_correlated", &columns, &Parameters::new()).await?;
        let columns = correlated(&columns.schema());
        session.set_table("sigma_correlated", columns, vec![])
    }

    /// What the rules say about themselves, one row each.
    fn about_table(&self) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let text = |of: &dyn Fn(&super::About) -> Option<String>| -> ArrayRef {
            Arc::new(self.about().map(of).collect::<StringArray>())
        };
        let level = |about: &super::About| about.level.map(|level| level.as_str().to_owned());
        RecordBatch::try_from_iter([
            ("rule", text(&|about| Some(about.id.clone()))),
            ("name", text(&|about| Some(about.name.clone()))),
            ("title", text(&|about| Some(about.title.clone()))),
            ("level", text(&level)),
            ("tags", text(&|about| Some(about.tags.join(" ")))),
            ("links", text(&|about| Some(about.references.join(" ")).filter(|links| !links.is_empty()))),
            ("file", text(&|about| Some(about.path.display().to_string()))),
            ("is_reported", Arc::new(self.about().map(|about| Some(about.is_reported)).collect::<BooleanArray>())),
        ])
    }

    /// Fills the table `sigma_correlated`: the matches of correlations whose last event is in the period. `completes` is
    /// true for the events at which the condition holds; the others are in their windows.
    ///
    /// # Errors
    /// When the events cannot be read.
    pub async fn correlate(&self, session: &Session, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<()> {
        let mut found: Vec<RecordBatch> = Vec::new();
        let columns = session.columns("sigma_correlated").await?;
        session.set_table("sigma_correlated", Arc::clone(&columns), vec![])?;
        for rule in &self.correlations {
            let mut begin = from;
            while begin < to {
                let end = to.min(begin + TimeDelta::days(DAYS_AT_ONCE));
                found.extend(rule.matches(session, begin, end).await?);
                begin = end;
            }
            // A later correlation may refer to this one.
            session.set_table("sigma_correlated", Arc::clone(&columns), found.clone())?;
        }
        Ok(())
    }
}

/// The columns of `sigma_correlated`: those of a match, and `completes`.
fn correlated(matched: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = matched.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("completes", DataType::Boolean, false)));
    Arc::new(Schema::new(fields))
}

fn bug(e: arrow::error::ArrowError) -> Error {
    Error::Internal(e.to_string())
}

/// A batch whose rows may still be in a window.
struct Pending {
    first: u64,
    batch: RecordBatch,
    is_part: Vec<bool>,
    completes: Vec<bool>,
    left: usize,
}

impl SigmaCorrelation {
    /// The matches of this correlation, as rows of `sigma_correlated`. What a day has does not depend on later days.
    async fn matches(&self, session: &Session, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<RecordBatch>> {
        let begin = from - TimeDelta::microseconds(self.correlation.timespan_us());
        let time = |time: DateTime<Utc>| Value::Time(time.timestamp_micros());
        let period = Parameters::from([("begin".to_owned(), time(begin)), ("to".to_owned(), time(to))]);
        let query = session.query(&self.about.id, &self.sql(), &period).await?;
        let columns = session.columns("sigma_correlated").await?;
        let mut batches = query.stream().await?;
        let mut groups = Groups::new(self);
        let mut found = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            groups.add(batch).map_err(bug)?;
            self.take_settled(&mut groups.pending, &columns, from, &mut found).map_err(bug)?;
        }
        groups.end_group();
        self.take_settled(&mut groups.pending, &columns, from, &mut found).map_err(bug)?;
        Ok(found)
    }

    /// The matches of its rules by group and time: the columns of a match, then the groups and the value.
    fn sql(&self) -> String {
        let rules: Vec<_> = self.correlation.rules.iter().map(|id| field::quoted(id)).collect();
        let groups: String = self
            .group_by
            .iter()
            .enumerate()
            .map(|(at, sql)| format!(", CAST({sql} AS VARCHAR) AS group_{at}"))
            .collect();
        let order: String = (0..self.group_by.len()).map(|at| format!("group_{at}, ")).collect();
        let value = self.value.as_deref().unwrap_or("NULL");
        // Correlations of correlations: an event counts when it completes one.
        format!(
            "SELECT rule, {COLUMNS}{groups}, CAST({value} AS VARCHAR) AS value FROM (\
             SELECT * FROM sigma_matches WHERE rule IN ({rules}) AND event_time >= $begin AND event_time < $to \
             UNION ALL \
             SELECT c.rule, {events} FROM sigma_correlated AS c JOIN events AS e ON e.event_id = c.event_id \
             AND e.event_time = c.event_time WHERE c.rule IN ({rules}) AND c.completes AND c.event_time >= $begin \
             AND c.event_time < $to AND e.event_time >= $begin AND e.event_time < $to\
             ) ORDER BY {order}event_time, event_id, rule",
            rules = rules.join(", "),
            events = crate::schema::EVENTS.iter().map(|c| format!("e.{}", c.name)).collect::<Vec<_>>().join(", "),
        )
    }

    /// Moves batches whose rows have all left their windows to `found`.
    fn take_settled(
        &self,
        pending: &mut VecDeque<Pending>,
        columns: &SchemaRef,
        from: DateTime<Utc>,
        found: &mut Vec<RecordBatch>,
    ) -> std::result::Result<(), arrow::error::ArrowError> {
        while pending.front().is_some_and(|front| front.left == 0) {
            let Some(Pending { batch, is_part, completes, .. }) = pending.pop_front() else { break };
            let rows = batch.num_rows();
            let id: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&self.about.id, rows)));
            let mut arrays = vec![id];
            arrays.extend(batch.columns()[1..columns.fields().len() - 1].iter().cloned());
            arrays.push(Arc::new(BooleanArray::from(completes)));
            let typed = arrays.iter().zip(columns.fields()).map(|(array, field)| cast(array, field.data_type()));
            let of_rule = RecordBatch::try_new(Arc::clone(columns), typed.collect::<std::result::Result<_, _>>()?)?;
            let times = of_rule.column(2).as_primitive::<TimestampMicrosecondType>();
            let kept = (0..rows).map(|row| is_part[row] && times.value(row) >= from.timestamp_micros());
            let kept = filter_record_batch(&of_rule, &kept.collect::<Vec<_>>().into())?;
            found.extend(Some(kept).filter(|kept| kept.num_rows() > 0));
        }
        Ok(())
    }
}

/// Rows from this number on are matches of a day that has ended. They are in the windows because later ones need them.
const OF_AN_ENDED_DAY: u64 = 1 << 63;
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Follows the matches through their groups and days.
struct Groups<'a> {
    rule: &'a SigmaCorrelation,
    windows: Windows<'a>,
    pending: VecDeque<Pending>,
    next: u64,
    group: Option<Vec<Option<String>>>,
    day: i64,
    /// Matches of the group within the last timespan: time, rule and value.
    recent: VecDeque<(i64, usize, Option<String>)>,
}

impl<'a> Groups<'a> {
    fn new(rule: &'a SigmaCorrelation) -> Groups<'a> {
        let windows = Windows::new(&rule.correlation);
        Groups { rule, windows, pending: VecDeque::new(), next: 0, group: None, day: 0, recent: VecDeque::new() }
    }

    fn add(&mut self, batch: RecordBatch) -> std::result::Result<(), arrow::error::ArrowError> {
        let (rows, count) = (Rows::of(self.rule, &batch)?, batch.num_rows());
        let flags = || vec![false; count];
        let (is_part, completes) = (flags(), flags());
        self.pending.push_back(Pending { first: self.next, batch, is_part, completes, left: count });
        for row in 0..count {
            let (time_us, day) = (rows.times.value(row), rows.times.value(row).div_euclid(DAY_US));
            if self.group.as_ref().is_none_or(|group| !rows.is_in(row, group)) {
                self.end_group();
                self.recent.clear();
                self.group = Some(rows.group(row));
            } else if day != self.day {
                self.end_day(time_us);
            }
            self.day = day;
            match rows.rule(row) {
                Some(rule) => {
                    let value = rows.value(row);
                    let oldest = time_us.saturating_sub(self.rule.correlation.timespan_us());
                    while self.recent.front().is_some_and(|first| first.0 < oldest) {
                        self.recent.pop_front();
                    }
                    self.recent.push_back((time_us, rule, value.clone()));
                    self.windows.add(Match { row: self.next, time_us, rule, value });
                }
                None => self.pending.back_mut().into_iter().for_each(|last| last.left -= 1),
            }
            self.next += 1;
        }
        self.settle();
        Ok(())
    }

    fn end_group(&mut self) {
        self.windows.end_group();
        self.settle();
    }

    /// Decides what the ended day has, and begins the next one with the matches that its windows reach back to.
    fn end_day(&mut self, time_us: i64) {
        self.end_group();
        let oldest = time_us.saturating_sub(self.rule.correlation.timespan_us());
        self.recent.retain(|(time_us, ..)| *time_us >= oldest);
        for (at, (time_us, rule, value)) in self.recent.iter().enumerate() {
            let row = OF_AN_ENDED_DAY + at as u64;
            self.windows.add(Match { row, time_us: *time_us, rule: *rule, value: value.clone() });
        }
    }

    /// Notes which rows have left the windows.
    fn settle(&mut self) {
        for (row, is_part, completes) in self.windows.take_done().into_iter().filter(|done| done.0 < OF_AN_ENDED_DAY) {
            let at = self.pending.partition_point(|batch| batch.first <= row);
            if let Some(batch) = at.checked_sub(1).and_then(|at| self.pending.get_mut(at)) {
                let row = (row - batch.first) as usize;
                batch.is_part[row] = is_part;
                batch.completes[row] = completes;
                batch.left -= 1;
            }
        }
    }
}

/// The columns that a correlation reads.
struct Rows<'a> {
    ids: &'a [String],
    rules: StringArray,
    times: arrow::array::TimestampMicrosecondArray,
    groups: Vec<StringArray>,
    values: StringArray,
}

impl<'a> Rows<'a> {
    fn of(rule: &'a SigmaCorrelation, batch: &RecordBatch) -> std::result::Result<Rows<'a>, arrow::error::ArrowError> {
        let text = |column: &ArrayRef| {
            Ok::<_, arrow::error::ArrowError>(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
        };
        let columns = batch.columns();
        let first_group = columns.len() - 1 - rule.group_by.len();
        let times =
            cast(&columns[2], &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())))?;
        Ok(Rows {
            ids: &rule.correlation.rules,
            rules: text(&columns[0])?,
            times: times.as_primitive::<TimestampMicrosecondType>().clone(),
            groups: columns[first_group..columns.len() - 1].iter().map(text).collect::<std::result::Result<_, _>>()?,
            values: text(&columns[columns.len() - 1])?,
        })
    }

    fn rule(&self, row: usize) -> Option<usize> {
        self.ids.iter().position(|id| id == self.rules.value(row))
    }

    fn value(&self, row: usize) -> Option<String> {
        self.values.is_valid(row).then(|| self.values.value(row).to_owned())
    }

    fn group(&self, row: usize) -> Vec<Option<String>> {
        self.groups.iter().map(|group| group.is_valid(row).then(|| group.value(row).to_owned())).collect()
    }

    fn is_in(&self, row: usize, group: &[Option<String>]) -> bool {
        self.groups.iter().zip(group).all(|(column, value)| match value {
            Some(value) => column.is_valid(row) && column.value(row) == value,
            None => column.is_null(row),
        })
    }
}
