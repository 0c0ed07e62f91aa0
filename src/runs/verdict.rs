//! Verdicts of analysts on findings: given, listed, and read for hunts and backtests.

use std::io::Write;

use chrono::{SecondsFormat, Utc};
use serde::Deserialize;

use super::record::previous;
use crate::detect::{Evidence, Finding, Judgement, KnownFinding, Verdicts, find_finding};
use crate::error::{Error, Result};
use crate::lake::{ChainLink, Lake, VerdictRecord};
use crate::request::GivenVerdict;
use crate::terminal::{Column, Layout, Table, printable_line};

/// A verdict that was stored.
#[derive(Debug)]
pub struct Recorded {
    /// The verdict.
    pub judgement: Judgement,
    /// The verdict on the same finding that it replaces.
    pub replaces: Option<Judgement>,
    /// Hash of its record.
    pub sha256: String,
}

/// The verdicts of a lake. Records that cannot be read are in [`Verdicts::unread`].
///
/// # Errors
/// When the chain cannot be listed or read.
pub async fn verdicts(lake: &Lake) -> Result<Verdicts> {
    let (mut judgements, mut unread) = (Vec::new(), Vec::new());
    for ChainLink { path, record, problems, .. } in lake.verdicts().await? {
        let judgement =
            record.filter(|_| problems.is_empty()).map(|of: VerdictRecord| Judgement::deserialize(of.verdict));
        match judgement {
            Some(Ok(judgement)) => judgements.push(judgement),
            Some(Err(e)) => unread.push(format!("{path}: {e}; see `trailhunt verify`")),
            None => unread.push(format!("{path}: {}; see `trailhunt verify`", problems.join(", "))),
        }
    }
    Ok(Verdicts::new(judgements, unread))
}

/// Stores a verdict on a finding of the last recorded run, of a report, or that has a verdict already.
///
/// # Errors
/// [`Error::Usage`] when there is no such finding; [`Error::Lake`] when the lake has no run yet or is read-only.
pub async fn judge(lake: &Lake, given: &GivenVerdict) -> Result<Recorded> {
    let known = verdicts(lake).await?;
    let last = match &given.report {
        Some(_) => None,
        None => previous(lake, &[]).await?,
    };
    let report = given.report.as_deref().or(last.as_ref());
    if report.is_none() && known.iter().next().is_none() {
        let next = "`trailhunt hunt` records one; --report names a report from elsewhere";
        return Err(Error::lake(lake.location().to_string(), format!("no run is recorded yet; {next}")));
    }
    let reported =
        report.into_iter().flat_map(|report| report.findings().iter().map(|finding| (finding, report.run())));
    // A verdict may be changed when the report that had the finding is no longer the last one.
    let judged = known.iter().map(|judgement| (&judgement.finding, judgement.run.as_str()));
    let candidates: Vec<(&Finding, &str)> = reported.chain(judged).collect();
    let known_ids = candidates.iter().map(|(finding, _)| KnownFinding::of(finding));
    let (finding, run) = candidates[find_finding(&given.finding, &known_ids.collect::<Vec<_>>())?];
    let judgement = Judgement {
        verdict: given.verdict,
        by: given.by.clone(),
        at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        note: given.note.clone(),
        run: run.to_owned(),
        finding: Finding {
            evidence: Evidence { total: finding.evidence.total, events: Vec::new() },
            benign: Vec::new(),
            respond: Vec::new(),
            next_steps: Vec::new(),
            verdict: None,
            ..finding.clone()
        },
    };
    let replaces = known.iter().find(|known| known.finding.id == judgement.finding.id).cloned();
    let record = serde_json::to_value(&judgement).map_err(|e| Error::Internal(format!("a verdict: {e}")))?;
    let stored = lake.append_verdict(&record).await.map_err(|e| match e.is_read_only() {
        true => Error::lake(lake.location().to_string(), "the verdict was not stored: the lake is read-only"),
        false => e,
    })?;
    Ok(Recorded { judgement, replaces, sha256: stored.sha256 })
}

impl Recorded {
    /// Writes the verdict, what it replaces, and the hash of its record.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Recorded { judgement: Judgement { verdict, finding, by, .. }, replaces, sha256 } = self;
        let summary = printable_line(&finding.summary);
        writeln!(out, "verdict   {} is {verdict}: {}: {summary}", finding.id, printable_line(&finding.detector))?;
        if let Some(replaced) = replaces {
            let Judgement { verdict, by, .. } = replaced;
            writeln!(out, "replaces  {verdict}, by {} on {}", printable_line(by), replaced.day())?;
        }
        writeln!(out, "recorded  by {}, sha256 {sha256}", printable_line(by))
    }
}

/// Writes one line per finding with a verdict, newest last.
///
/// # Errors
/// When `out` cannot be written.
pub fn verdict_lines(verdicts: &Verdicts, layout: Layout, out: &mut impl Write) -> std::io::Result<()> {
    if verdicts.iter().next().is_none() {
        writeln!(out, "no verdicts yet; `trailhunt verdict FINDING malicious|benign|expected` stores one")?;
    } else {
        let names = ["given (UTC)", "verdict", "finding", "severity"].map(Column::whole);
        let mut table =
            Table::new(names.into_iter().chain([Column::text("detector, identity, by, note")])).wrapping_last();
        for Judgement { verdict, by, at, note, finding, .. } in verdicts.iter() {
            let at = at.get(..16).unwrap_or_default().replace('T', " ");
            let entity = layout.name(&finding.entity);
            let facts = [Some(finding.detector.clone()), Some(entity), Some(by.clone()), note.clone()];
            let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            table.push([at, verdict.to_string(), finding.id.clone(), finding.severity.to_string(), facts]);
        }
        table.write(layout, 0, out)?;
    }
    verdicts.unread.iter().try_for_each(|reason| writeln!(out, "unread    {}", printable_line(reason)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::detect::Verdict;
    use crate::lake::test_store::Failing;
    use crate::report::{FORMAT_VERSION, Previous};
    use crate::source::Location;

    fn report(ids: &[&str]) -> Previous {
        let finding = |id: &&str| {
            json!({"id": id, "story": "", "detector": "call_rate", "title": "", "severity": "low", "confidence": "low",
                   "score": 1.0, "status": "new", "entity_type": "actor", "entity": "maria", "account_id": null,
                   "region": null, "first_time": "2024-03-01T00:00:00Z", "last_time": "2024-03-01T00:00:00Z",
                   "summary": "", "attack": [], "evidence": {"total": 0, "events": []}, "baseline": {}, "details": {},
                   "benign": [], "respond": []})
        };
        let findings: Vec<_> = ids.iter().map(finding).collect();
        let json = json!({"format_version": FORMAT_VERSION, "run": {"id": "r"}, "findings": findings});
        Previous::parse(json.to_string().as_bytes()).unwrap()
    }

    fn given(finding: &str, report: Option<Previous>) -> GivenVerdict {
        let report = report.map(Box::new);
        GivenVerdict { finding: finding.into(), verdict: Verdict::Benign, note: None, by: "eva".into(), report }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_verdict_that_cannot_be_stored_is_an_error_that_says_why() {
        let store = Failing::new();
        let location =
            Location::in_store("memory://test/lake", Arc::clone(&store) as Arc<dyn object_store::ObjectStore>);
        let lake = Lake::open_or_create(&location.unwrap()).await.unwrap();
        let error = async |given: &GivenVerdict| judge(&lake, given).await.unwrap_err().to_string();
        assert!(error(&given("3f2a91", None)).await.contains("no run is recorded yet; `trailhunt hunt` records one"));
        let (a, b) = ("3f2a91c07d5e6b18", "3f2a91ffffffffff");
        let of = |typed: &str| given(typed, Some(report(&[a, b])));
        assert!(error(&of("3f2a91")).await.contains(&format!("3f2a91 is the beginning of {a} and {b}: type more")));
        assert!(error(&of("3f2a91c07d5e6b19")).await.contains(&format!("did you mean {a}")));
        assert!(error(&of("3f2a91c0000")).await.contains(&format!("did you mean {a}")));
        assert!(error(&of("0123456789ab")).await.contains("no finding 0123456789ab; it is none of 2 findings"));
        store.fail_writes(Failing::denied);
        let read_only = error(&of(a)).await;
        assert!(read_only.ends_with("the verdict was not stored: the lake is read-only"), "{read_only}");
        store.fail_writes(Failing::throttled);
        assert!(error(&of(a)).await.contains("503 SlowDown"));
        store.succeed();
        assert!(judge(&lake, &of(a)).await.unwrap().replaces.is_none());
        // The last report is not needed to change a verdict.
        let changed = judge(&lake, &given("3f2a91c0", None)).await.unwrap();
        assert_eq!((changed.judgement.run.as_str(), changed.replaces.map(|of| of.by)), ("r", Some("eva".to_owned())));
    }
}
