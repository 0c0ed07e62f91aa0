//! `first_seen(item, event_time, warm_up_days)`: whether an entity has an item for the first time.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::function::{Argument, WindowFunction, constant, texts, times};

const DAY_US: i64 = 86_400_000_000;

/// For rows in order of time: true when no earlier row has the item, false when one has, `None` while the entity's
/// history is shorter than the warm-up, or for a null item.
///
/// Rows of the same time are all compared with the rows strictly before them.
pub fn first_seen<'a>(
    rows: impl Iterator<Item = (Option<&'a str>, Option<i64>)>,
    warm_up_us: i64,
) -> Vec<Option<bool>> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut same_time: Vec<&str> = Vec::new();
    let (mut begin, mut now) = (None, None);
    let mut answers = Vec::new();
    for (item, time) in rows {
        if time != now {
            seen.extend(same_time.drain(..));
            now = time;
        }
        let (Some(item), Some(time)) = (item, time) else {
            answers.push(None);
            continue;
        };
        let begin = *begin.get_or_insert(time);
        answers.push((time - begin >= warm_up_us).then(|| !seen.contains(item)));
        same_time.push(item);
    }
    answers
}

/// Declaration.
pub fn function() -> WindowFunction {
    WindowFunction::new(
        "first_seen",
        "OVER (PARTITION BY entity ORDER BY event_time): true when no earlier row of the entity has this item, false when one has; null while the entity has less than warm_up_days of history, and for a null item.",
        &[Argument::Text("item"), Argument::Time("event_time"), Argument::Integer("warm_up_days")],
        DataType::Boolean,
        |args, _| -> Result<ArrayRef> {
            let warm_up_us = constant("warm_up_days", &args[2])?.saturating_mul(DAY_US);
            let rows = texts(&args[0]).iter().zip(times(&args[1]).iter());
            Ok(Arc::new(BooleanArray::from(first_seen(rows, warm_up_us))))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_the_warm_up_are_null_and_no_row_is_compared_with_itself() {
        let rows = [("a", 0), ("b", 1), ("a", 10), ("c", 10), ("c", 10), ("c", 11)];
        let rows = rows.map(|(item, day)| (Some(item), Some(day * DAY_US)));
        let answers = first_seen(rows.into_iter(), 7 * DAY_US);
        assert_eq!(answers, [None, None, Some(false), Some(true), Some(true), Some(false)]);
    }

    #[test]
    fn later_rows_never_change_a_result() {
        let rows: Vec<_> =
            (0..50i64).map(|n| (Some(["a", "b", "c"][(n * n % 3) as usize]), Some(n * DAY_US))).collect();
        let all = first_seen(rows.iter().copied(), 3 * DAY_US);
        for end in 0..rows.len() {
            assert_eq!(first_seen(rows[..end].iter().copied(), 3 * DAY_US), all[..end]);
        }
    }
}
