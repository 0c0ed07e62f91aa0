//! What a detector reads, and what that costs on a lake.

use std::io::Write;
use std::time::Instant;

use crate::ask;
use crate::detect::{self, Detector, Kind, Window, attack};
use crate::engine::Plan;
use crate::error::Result;
use crate::hunt;
use crate::lake::Lake;
use crate::request::ExplainRequest;
use crate::terminal::Progress;
use crate::wording::counted;

/// One run of a detector.
#[derive(Debug)]
pub struct Explained {
    /// Parameters as they are set: name, value, range and help.
    parameters: Vec<String>,
    /// Tables and views that it names.
    tables: Vec<String>,
    window: Window,
    plan: Plan,
    /// Data files of the lake.
    data_files: usize,
    seconds: f64,
}

/// Runs a detector once and collects what its plan did.
///
/// # Errors
/// When there is no such detector, its SQL fails, or the lake cannot be read.
pub async fn explain(request: &ExplainRequest, progress: Progress) -> Result<Explained> {
    let detector = request.detection.library.get(&request.id)?;
    let settings = &request.detection.settings;
    let lake = Lake::open(&request.lake.location).await?;
    let context =
        hunt::prepare(&lake, &request.lake, &request.period, &request.detection.library.sigma, progress).await?;
    // A detector's own subqueries are not tables.
    let mut tables: Vec<String> = detector.sql.tables().iter().map(|(name, _)| name.clone()).collect();
    tables.sort_unstable();
    tables.dedup();
    tables.retain(|name| context.session.has_table(name));
    let started = Instant::now();
    let plan = detect::plan(detector, &context.session, context.window, settings).await?.explain().await?;
    Ok(Explained {
        parameters: parameters(detector, settings),
        tables,
        window: context.window,
        data_files: context.snapshot.files.len(),
        seconds: started.elapsed().as_secs_f64(),
        plan,
    })
}

fn parameters(detector: &Detector, settings: &detect::Settings) -> Vec<String> {
    let set = settings.parameters.get(&detector.id);
    let line = |(name, parameter): (&String, &detect::Parameter)| {
        let value = set.and_then(|set| set.get(name)).cloned().unwrap_or_else(|| parameter.default.to_string());
        let bound = |word: &str, bound: Option<f64>| bound.map(|bound| format!(", {word} {bound}")).unwrap_or_default();
        let (min, max) = (bound("at least", parameter.min), bound("at most", parameter.max));
        format!("{name} = {value}{min}{max}: {}", parameter.help)
    };
    detector.params.iter().map(line).collect()
}

impl Explained {
    /// Writes what was read and how long it took, with the engine's plan if `steps`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, detector: &Detector, steps: bool, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "{}: {}", detector.id, detector.title)?;
        let of_kind = match detector.kind {
            Kind::Behaviour => "severity also depends on how common findings like it are",
            Kind::Fact => "severity does not depend on how common findings like it are",
        };
        writeln!(out, "kind      {}: {of_kind}", detector.kind)?;
        for id in &detector.attack {
            let technique = attack::technique(id).unwrap_or_default();
            writeln!(out, "attack    {id} {technique} ({})", attack::tactics_of(id).join(", "))?;
        }
        self.parameters.iter().try_for_each(|parameter| writeln!(out, "param     {parameter}"))?;
        writeln!(out, "tables    {}", self.tables.join(", "))?;
        writeln!(out, "window    {} to {}", self.window.from.date_naive(), self.window.to.date_naive())?;
        ask::reads(&self.plan, self.data_files, out)?;
        writeln!(out, "took      {:.2} s, {}", self.seconds, counted(self.plan.rows as u64, "finding"))?;
        if steps { writeln!(out, "\n{}", self.plan.steps.trim_end()) } else { Ok(()) }
    }
}
