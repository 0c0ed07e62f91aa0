//! Why a run without findings may prove nothing: expected events are missing.

use chrono::{DateTime, TimeDelta, Utc};

use super::coverage::Coverage;
use super::sections::Judged;
use super::text::gap_sentence;
use crate::wording::counted;

/// A day, the unit of a window. Shorter silences are evaluated against the history of their account and region: see
/// `sql/report/gaps.sql`.
const SILENCE_MAX: TimeDelta = TimeDelta::days(1);
/// Gaps listed; the rest is counted.
const GAPS_MAX: usize = 3;

/// One sentence for each reason. `ingested` says that the run read sources before it hunted.
pub fn stale_reasons(coverage: &Coverage, judged: &Judged, events_in_window: u64, ingested: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    let last = coverage.lake.get("last_event").and_then(|time| time.as_str()?.parse::<DateTime<Utc>>().ok());
    if events_in_window == 0 {
        let last = last.map_or("the lake is empty".into(), |last| format!("the last event is from {}", shown(last)));
        reasons.push(format!("no events in the window; {last}"));
    } else if let (Some(last), Some(until)) = (last, judged.expected_until)
        && until - last >= SILENCE_MAX
    {
        let days = counted((until - last).num_days() as u64, "day");
        reasons.push(format!("the last event is from {}, {days} before {}", shown(last), shown(until)));
    }
    if ingested && coverage.objects_read == 0 {
        reasons.push("the sources had no new objects".into());
    }
    reasons.extend(coverage.gaps.iter().take(GAPS_MAX).map(gap_sentence));
    if let Some(more) = coverage.gaps.len().checked_sub(GAPS_MAX).filter(|more| *more > 0) {
        reasons.push(format!("{} in other accounts, regions and hours", counted(more as u64, "more gap")));
    }
    reasons
}

fn shown(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::detect::Window;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn judged(until: Option<&str>) -> Judged {
        let window = Window { from: time("2024-03-01T00:00:00Z"), to: time("2024-03-08T00:00:00Z") };
        Judged { window, expected_until: until.map(time), days: None }
    }

    fn coverage(last: &str) -> Coverage {
        let lake = json!({"last_event": last});
        Coverage { lake: lake.as_object().unwrap().clone(), objects_read: 1, ..Coverage::default() }
    }

    #[test]
    fn an_archive_ends_with_its_last_event_but_a_nightly_run_expects_more() {
        let coverage = coverage("2024-03-04T23:10:00Z");
        assert_eq!(stale_reasons(&coverage, &judged(None), 5, true), [""; 0]);
        let nightly = stale_reasons(&coverage, &judged(Some("2024-03-08T00:00:00Z")), 5, true);
        assert_eq!(nightly, ["the last event is from 2024-03-04 23:10, 3 days before 2024-03-08 00:00"]);
    }

    #[test]
    fn an_empty_window_and_a_run_that_read_nothing_are_reasons() {
        let mut coverage = coverage("2024-02-04T23:10:00Z");
        coverage.objects_read = 0;
        assert_eq!(
            stale_reasons(&coverage, &judged(None), 0, true),
            ["no events in the window; the last event is from 2024-02-04 23:10", "the sources had no new objects"]
        );
        assert_eq!(stale_reasons(&coverage, &judged(None), 3, false), [""; 0], "a hunt reads no sources");
    }
}
