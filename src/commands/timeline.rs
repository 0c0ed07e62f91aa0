//! `trailhunt timeline`: what an identity, a credential or an address did, in order of time.

use chrono::TimeDelta;

use super::Outcome;
use crate::detect::{Finding, Window, risk};
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot};
use crate::report::Previous;
use crate::request::{Period, TimelineFormat, TimelineRequest};
use crate::terminal::{Out, note};
use crate::timeline::{self, Subject};
use crate::{ask, hunt, open, runs};

/// Days that are shown, unless a period or a finding is given.
const DAYS: i64 = 7;

/// Exit code 2 if a recorded report with findings cannot be read.
pub async fn timeline(request: TimelineRequest, out: &mut Out) -> Result<Outcome> {
    let lake = Lake::open(&request.lake.location).await?;
    let (snapshot, session) = open::session_of(&lake, &request.lake).await?;
    let subject = subject(&request, &lake, &snapshot, &session).await?;
    let (findings, unread) = match &request.report {
        Some(report) => (report.findings().to_vec(), Vec::new()),
        None => {
            let reported = runs::reported(&lake, subject.window).await?;
            (reported.findings, reported.unread)
        }
    };
    let timelines = timeline::timelines(&session, &[subject], &findings, request.rows_max).await?;
    let layout = out.layout();
    for timeline in &timelines {
        if timeline.calls == 0 {
            let window = &timeline.window;
            let (from, to) = (window.from.format("%Y-%m-%d %H:%M"), window.to.format("%Y-%m-%d %H:%M"));
            let next = "choose another period with --from and --to";
            return Err(Error::Usage(format!("no calls of {} from {from} to {to} UTC; {next}", timeline.entity)));
        }
        match request.format {
            TimelineFormat::Table => out.render(|out| timeline::text(timeline, layout, out))?,
            TimelineFormat::Csv => {
                out.render(|out| timeline::csv(timeline, out))?;
                timeline::missing(timeline).iter().for_each(note);
            }
            TimelineFormat::Json => out.json(timeline)?,
            TimelineFormat::Markdown => out.render(|out| timeline::markdown(timeline, out))?,
        }
    }
    unread.iter().for_each(note);
    Ok(Outcome::complete(unread.is_empty()))
}

/// What was typed: a finding, or an identity, key or address; without either, the riskiest identity of the last run.
async fn subject(request: &TimelineRequest, lake: &Lake, snapshot: &Snapshot, session: &Session) -> Result<Subject> {
    let of_finding = async |finding: &Finding| {
        let window = window(snapshot, &request.period, days_of(finding))?;
        Ok(Subject {
            name: finding.id.clone(),
            entities: who(finding, session).await?,
            window,
            days: Default::default(),
        })
    };
    let Some(typed) = &request.entity else {
        let report = match &request.report {
            Some(report) => Some(report.as_ref().clone()),
            None => runs::previous(lake, &[]).await?,
        };
        let findings = report.as_ref().map(|report| report.findings()).unwrap_or_default();
        let riskiest = risk::entities(findings).into_iter().find(|entity| entity.entity_type == "actor");
        let Some(riskiest) = riskiest else {
            return Err(Error::Usage("the last run has no finding about an identity; give an identity".into()));
        };
        let own: Vec<&Finding> =
            findings.iter().filter(|f| riskiest.reasons.iter().any(|r| r.finding == f.id)).collect();
        let days = own
            .iter()
            .filter_map(|finding| days_of(finding))
            .reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) });
        let window = window(snapshot, &request.period, days)?;
        let (name, entities) = (riskiest.entity.clone(), vec![riskiest.entity]);
        return Ok(Subject { name, entities, window, days: Default::default() });
    };
    let is_finding =
        (4..=16).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if is_finding {
        let has_it =
            |report: &&Previous| report.findings().iter().any(|finding| finding.id.starts_with(typed.as_str()));
        let found = match request.report.as_deref().filter(has_it) {
            Some(report) => report.finding(typed).cloned(),
            None => runs::finding(lake, typed).await,
        };
        match found {
            Ok(finding) => return of_finding(&finding).await,
            // It may be somebody's name.
            Err(error) => match ask::find(typed, session).await {
                Ok(entities) => return of_name(typed, entities, request, snapshot),
                Err(_) => return Err(error),
            },
        }
    }
    of_name(typed, ask::find(typed, session).await?, request, snapshot)
}

fn of_name(typed: &str, entities: Vec<String>, request: &TimelineRequest, snapshot: &Snapshot) -> Result<Subject> {
    let name = if let [one] = entities.as_slice() { one.clone() } else { typed.to_owned() };
    Ok(Subject { name, entities, window: window(snapshot, &request.period, None)?, days: Default::default() })
}

/// The period that was given; else the days of a finding; else the last days of the lake.
fn window(snapshot: &Snapshot, period: &Period, of_finding: Option<Window>) -> Result<Window> {
    match of_finding {
        Some(days) if period.from.is_none() && period.to.is_none() => Ok(days),
        _ => {
            let window = hunt::exact_window(snapshot, period)?;
            let last_days = window.to - TimeDelta::days(DAYS);
            Ok(if period.from.is_none() { Window { from: last_days.max(window.from), ..window } } else { window })
        }
    }
}

/// The whole days of a finding.
fn days_of(finding: &Finding) -> Option<Window> {
    let (first, last) = finding.days()?;
    Window::of_days(first, last)
}

/// Whose calls a finding is about: its entity, its identity, and who is behind it; for a finding about an account or a
/// bucket, whoever made the calls that are its evidence.
async fn who(finding: &Finding, session: &Session) -> Result<Vec<String>> {
    let origin = finding.origin.as_ref().filter(|origin| origin.is_known()).map(|origin| origin.identity.clone());
    let is_caller = ["actor", "ip", "access_key"].contains(&finding.entity_type.as_str());
    let entity = is_caller.then(|| finding.entity.clone());
    let only_one_behind_it = finding.origin.as_ref().is_some_and(|origin| origin.others == 0) && origin.is_some();
    let mut who: Vec<String> = match entity.as_ref().or(finding.actor.as_ref()) {
        // Other sessions of the role are other people's.
        Some(name) if only_one_behind_it && ask::Kind::of(name) == ask::Kind::Actor => origin.into_iter().collect(),
        _ => [entity, finding.actor.clone(), origin].into_iter().flatten().collect(),
    };
    if who.is_empty() {
        who = timeline::callers(session, finding).await?;
    }
    if who.is_empty() {
        return Err(Error::Usage(format!("finding {} is about no identity: {}", finding.id, finding.summary)));
    }
    Ok(who)
}
