//! `trailhunt detectors`: list, show, write, check, test and explain detectors.

use super::Outcome;
use crate::detect::Library;
use crate::error::Result;
use crate::request::DetectorFilter;
use crate::resolve::DetectorsRequest;
use crate::terminal::{Column, Out, Progress, Table};
use crate::wording::counted;
use crate::workbench;

pub async fn detectors(request: DetectorsRequest, out: &mut Out) -> Result<Outcome> {
    match request {
        DetectorsRequest::List(library, filter) => list(&library, &filter, out),
        DetectorsRequest::Show(library, id) => {
            writeln!(out, "{}", library.get(&id)?.explained().trim_end())?;
            Ok(Outcome::Done)
        }
        DetectorsRequest::New(id, folder) => {
            for path in workbench::new(&id, &folder)? {
                writeln!(out, "wrote     {}", path.display())?;
            }
            let folder = folder.display();
            if Library::fixture(&id).is_some() {
                writeln!(
                    out,
                    "note      {id} replaces the shipped detector {id} when you use --detector-dir {folder}"
                )?;
            }
            writeln!(
                out,
                "next      write the query in {id}.sql and the events that it should find in {id}.events.jsonl, then run"
            )?;
            writeln!(out, "          trailhunt detectors check --detector-dir {folder}")?;
            writeln!(out, "          trailhunt detectors test {id} --detector-dir {folder}")?;
            Ok(Outcome::Done)
        }
        DetectorsRequest::Check(paths, sigma) => {
            let mut is_right = sigma.rejected.is_empty();
            if let Some(paths) = paths {
                let checked = workbench::check(&paths).await?;
                checked.problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
                let detectors = counted(checked.detectors as u64, "detector");
                writeln!(out, "checked   {detectors}, {}", counted(checked.problems.len() as u64, "problem"))?;
                is_right &= checked.problems.is_empty();
            }
            if !sigma.is_empty() {
                workbench::check_sigma(&sigma).await?;
                sigma.rejected.iter().try_for_each(|rejected| writeln!(out, "{rejected}"))?;
                writeln!(out, "checked   {}", sigma.counted())?;
            }
            Ok(Outcome::complete(is_right))
        }
        DetectorsRequest::Import(sigma, folder) => {
            for rule in &sigma.rules {
                for path in workbench::import(rule, &folder)? {
                    writeln!(out, "wrote     {}", path.display())?;
                }
            }
            sigma.rejected.iter().try_for_each(|rejected| writeln!(out, "{rejected}"))?;
            for rule in &sigma.correlations {
                writeln!(out, "{}", rule.about.rejected("a correlation cannot be converted; run it with --sigma"))?;
            }
            writeln!(out, "imported  {}", counted(sigma.rules.len() as u64, "rule"))?;
            writeln!(out, "next      write the events that each should find in its .events.jsonl, then run")?;
            writeln!(out, "          trailhunt detectors test --detector-dir {}", folder.display())?;
            Ok(Outcome::complete(sigma.rejected.is_empty() && sigma.correlations.is_empty()))
        }
        DetectorsRequest::Export(library, id) => {
            write!(out, "{}", workbench::as_sigma_rule(&library, &id)?)?;
            Ok(Outcome::Done)
        }
        DetectorsRequest::Test(library, ids) => {
            let (detectors, mut failed) = (library.select(&ids)?, 0);
            for detector in &detectors {
                let tested = workbench::test(detector).await?;
                out.render(|out| tested.text(out))?;
                failed += usize::from(!tested.result.passed());
            }
            writeln!(out, "tested    {}, {failed} failed", counted(detectors.len() as u64, "detector"))?;
            Ok(Outcome::complete(failed == 0))
        }
        DetectorsRequest::Explain(request) => {
            let explained = workbench::explain(&request, Progress::Shown).await?;
            let detector = request.detection.library.get(&request.id)?;
            out.render(|out| explained.text(detector, request.plan, out))?;
            Ok(Outcome::Done)
        }
    }
}

fn list(library: &Library, filter: &DetectorFilter, out: &mut Out) -> Result<Outcome> {
    let listed = filter.select(library)?;
    let columns = [Column::whole("severity"), Column::whole("detector"), Column::whole("kind"), Column::text("finds")];
    let mut table = Table::new(columns).wrapping_last();
    for detector in listed {
        let finds = format!("{}  ({})", detector.title, detector.attack.join(" "));
        table.push([detector.severity.to_string(), detector.id.clone(), detector.kind.to_string(), finds]);
    }
    let layout = out.layout();
    out.render(|out| table.write(layout, 0, out).map(drop))?;
    for id in &library.replaced {
        writeln!(out, "{id} replaces the shipped detector {id}")?;
    }
    Ok(Outcome::Done)
}
