//! `trailhunt hunt`: detectors over a lake, and the report.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use chrono::Days;

use super::query::written;
use super::record::{previous, record};
use super::{Outcome, notify::notify, period, progress};
use crate::cli::{DetectArgs, HuntArgs, HuntSettings, MemoryArgs, PeriodArgs};
use crate::detect::{self, Detector, Hunt, Library, Settings, Suppressions, Window};
use crate::engine::{self, Session};
use crate::error::{Error, Result};
use crate::geo::Geo;
use crate::lake::{Lake, Snapshot};
use crate::report::{self, Coverage, Material, Previous, Report, Summary};

/// Carries out `hunt`.
pub async fn hunt(args: HuntArgs) -> Result<Outcome> {
    let lake = args.lake.open().await?;
    let report = report_on(&lake, &args.period, &args.hunt, Coverage::default()).await?;
    conclude(&lake, &report, &args.hunt).await
}

/// Runs the detectors and puts the report together.
pub async fn report_on(lake: &Lake, period: &PeriodArgs, args: &HuntSettings, coverage: Coverage) -> Result<Report> {
    let suppressions = args.suppressions.as_deref().map(Suppressions::read).transpose()?.unwrap_or_default();
    let library = Library::load(&args.detect.folders)?;
    let detectors = library.select(&args.detect.detectors)?;
    let settings = Settings { parameters: parameters(&args.detect.parameters, &library)? };
    let previous = async {
        Ok(match args.baseline.as_deref() {
            Some(path) if path == Path::new("none") => None,
            Some(path) => Some(Previous::read(path)?),
            None => previous(lake, &detectors).await?,
        })
    };
    let (previous, ground) = tokio::try_join!(previous, ground(lake, period, &args.detect, &args.memory))?;
    let hunt = detect(&detectors, &ground.session, ground.window, &settings).await?;
    let Ground { snapshot, window, geo, session } = &ground;
    report::report(Material {
        snapshot,
        session,
        window: *window,
        detectors: &detectors,
        settings: settings.parameters,
        geo,
        hunt,
        suppressions: &suppressions,
        previous,
        coverage,
    })
    .await
}

/// What a hunt goes over.
pub struct Ground {
    /// The lake's state.
    pub snapshot: Snapshot,
    /// What is judged.
    pub window: Window,
    /// What places the addresses.
    pub geo: Arc<Geo>,
    /// SQL over it.
    pub session: Session,
}

/// The lake as it is now, rolled up, and the part of it that was asked for.
pub async fn ground(lake: &Lake, period: &PeriodArgs, args: &DetectArgs, memory: &MemoryArgs) -> Result<Ground> {
    let placed_by = args.geo.clone();
    let geo = tokio::task::spawn_blocking(move || super::geo(&placed_by));
    let snapshot = lake.snapshot().await?;
    let window = window(&snapshot, period)?;
    let geo = geo.await.map_err(|e| Error::Internal(format!("placing addresses: {e}")))??;
    let session = session(lake, &snapshot, &geo, memory).await?;
    Ok(Ground { snapshot, window, geo, session })
}

/// SQL over what is rolled up, after rolling up what is not. A lake without write permission is read all the same.
pub async fn session(lake: &Lake, snapshot: &Snapshot, geo: &Arc<Geo>, memory: &MemoryArgs) -> Result<Session> {
    let bar = progress::steps("rollups", 0);
    let rolled = engine::roll_up(lake, snapshot, geo, memory.memory_limit, |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    let rolled = match rolled.await {
        Err(e) if e.is_read_only() => lake.rolled(snapshot, &geo.sources()).await?,
        rolled => rolled?,
    };
    bar.finish_and_clear();
    engine::session(snapshot, &rolled, geo, memory.memory_limit).await
}

/// Runs the detectors under a bar.
pub async fn detect(detectors: &[&Detector], session: &Session, window: Window, settings: &Settings) -> Result<Hunt> {
    let bar = progress::steps("hunt", detectors.len() as u64);
    let hunt = detect::run(detectors, session, window, settings, |done, id| {
        bar.set_position(done as u64);
        bar.set_message(id.to_owned());
    })
    .await?;
    bar.finish_and_clear();
    Ok(hunt)
}

/// What was asked for, from the beginning of its first day. Without an end it ends after the lake's last day.
pub fn window(snapshot: &Snapshot, asked: &PeriodArgs) -> Result<Window> {
    let Some((first, last)) = snapshot.days() else {
        return Err(Error::lake(snapshot.location.to_string(), "it holds no events yet; `trailhunt ingest` adds some"));
    };
    let (from, to) = period::bounds(asked)?;
    // Detectors judge whole days and hours; a window that began or ended inside one would split its story between two
    // runs.
    let from = period::midnight(from.map_or(first, |from| from.date_naive()));
    let to = to.map(period::day_after).or(last.checked_add_days(Days::new(1))).map_or(from, period::midnight);
    if from >= to {
        let days = format!("the lake holds {first} to {last}");
        return Err(Error::Usage(format!("nothing to hunt from {from} to {to}; {days}")));
    }
    Ok(Window { from, to })
}

/// `detector.name=value`, checked against the detectors there are.
pub fn parameters(typed: &[String], library: &Library) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let mut parameters: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for text in typed {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((id, name), value)) = parts else {
            return Err(Error::Usage(format!("--set {text}: write DETECTOR.NAME=VALUE")));
        };
        parameters.entry(id.into()).or_default().insert(name.into(), value.into());
        library.get(id)?.parameters(&parameters[id])?;
    }
    Ok(parameters)
}

/// Writes the report, notes the run in the lake, prints the summary, tells whom to tell, and says how the run ended.
pub async fn conclude(lake: &Lake, report: &Report, args: &HuntSettings) -> Result<Outcome> {
    for output in &args.reports {
        output.write(report)?;
    }
    let recorded = record(lake, report, &args.reports).await?;
    let summary = serde_json::to_string(&Summary::of(report)).map_err(|e| Error::Internal(format!("summary: {e}")))?;
    let mut out = std::io::stdout().lock();
    written(match (args.quiet, &recorded) {
        (true, _) => writeln!(out, "{summary}"),
        (false, Some(link)) => report::text(report, &mut out)
            .and_then(|()| writeln!(out, "\nrecorded  {}, sha256 {}", report.run.id, link.sha256)),
        (false, None) => report::text(report, &mut out)
            .and_then(|()| writeln!(out, "\nThe run is not recorded: the lake cannot be written.")),
    })?;
    drop(out);
    let told = args.notify_command.as_deref().map(|command| notify(command, &summary)).transpose()?.unwrap_or(true);
    let unread = !told
        || !report.run.detectors_failed.is_empty()
        || !report.coverage.objects_failed.is_empty()
        || report.coverage.rejects > 0;
    let found = args.fail_on.is_some_and(|least| report.findings.iter().any(|finding| finding.severity >= least));
    Ok(match (unread, found) {
        (true, _) => Outcome::Incomplete,
        (false, true) => Outcome::Found,
        (false, false) => Outcome::Done,
    })
}
