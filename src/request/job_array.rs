//! The part of a process in an array of processes, as people write it: `2/8`, or `auto` for what the scheduler says.

use crate::error::{Error, Result};
use crate::source::Shard;

/// Variables by which a scheduler tells a process its place in an array of processes.
struct Scheduler {
    name: &'static str,
    index: &'static str,
    /// The index of the first process: a number, or the variable that has it.
    first: First,
    /// `None` if the scheduler does not tell.
    count: Option<&'static str>,
}

enum First {
    Zero,
    Variable(&'static str),
}

/// Sources: the environment of array jobs in the user guide of AWS Batch, of indexed jobs in the documentation of
/// Kubernetes, and of `sbatch --array` in the manual of Slurm.
const SCHEDULERS: [Scheduler; 3] = [
    Scheduler {
        name: "AWS Batch",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::Zero,
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
    },
    Scheduler { name: "Kubernetes", index: "JOB_COMPLETION_INDEX", first: First::Zero, count: None },
    Scheduler {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Variable("SLURM_ARRAY_TASK_MIN"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
    },
];

/// Reads the value of `--shard`: `I/N`, `auto` or `auto/N`. `variable` reads the environment.
///
/// # Errors
/// [`Error::Usage`] with the accepted forms, or with the variable that is missing or not a number.
pub fn shard(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
    let wrong = |reason: String| Error::Usage(format!("--shard {text}: {reason}"));
    let number = |digits: &str| digits.parse::<u32>().ok();
    let (part, count) = match text.split_once('/') {
        Some((part, count)) => (part, Some(number(count).ok_or_else(|| wrong(expected()))?)),
        None => (text, None),
    };
    if part != "auto" {
        let (Some(part), Some(count)) = (number(part), count) else { return Err(wrong(expected())) };
        return Shard::new(part, count).map_err(wrong);
    }
    let is_set = |scheduler: &&Scheduler| variable(scheduler.index).is_some();
    let [scheduler] = SCHEDULERS.iter().filter(is_set).collect::<Vec<_>>()[..] else {
        let names: Vec<_> = SCHEDULERS.iter().map(|known| format!("{} ({})", known.index, known.name)).collect();
        return Err(wrong(format!("exactly one of these variables must be set: {}", names.join(", "))));
    };
    let read = |name: &str| {
        let value = variable(name).ok_or_else(|| wrong(format!("{} did not set {name}", scheduler.name)))?;
        number(&value).ok_or_else(|| wrong(format!("{name} is not a number: {value}")))
    };
    let told = scheduler.count.map(read).transpose()?;
    let count = match (count, told) {
        (Some(given), Some(told)) if given != told => {
            return Err(wrong(format!("{} runs {told} processes; write --shard auto", scheduler.name)));
        }
        (None, None) => {
            let next = "write the number of processes: --shard auto/8";
            return Err(wrong(format!("{} does not say how many processes there are; {next}", scheduler.name)));
        }
        (given, told) => given.or(told).unwrap_or_default(),
    };
    let first = match scheduler.first {
        First::Zero => 0,
        First::Variable(name) => read(name)?,
    };
    let index = read(scheduler.index)?;
    let part = index.checked_sub(first).and_then(|of_first| of_first.checked_add(1));
    let part = part.ok_or_else(|| wrong(format!("{} is {index}, below the first, {first}", scheduler.index)))?;
    Shard::new(part, count).map_err(|reason| wrong(format!("{}={index}: {reason}", scheduler.index)))
}

fn expected() -> String {
    "expected I/N, such as 2/8 for the second of eight processes, or auto in an array of AWS Batch, Kubernetes or Slurm"
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> std::result::Result<String, String> {
        let variable = |name: &str| environment.iter().find(|(of, _)| *of == name).map(|(_, value)| value.to_string());
        shard(text, variable).map(|shard| shard.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_shard_is_typed_or_comes_from_the_scheduler() {
        let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "7"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")];
        let slurm = |id| [("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_COUNT", "8")];
        let kubernetes = [("JOB_COMPLETION_INDEX", "0")];
        for (text, environment, shard) in [
            ("2/8", &batch[..], "2/8"),
            ("1/1", &[], "1/1"),
            ("auto", &batch, "8/8"),
            ("auto/8", &batch, "8/8"),
            ("auto/8", &kubernetes, "1/8"),
            ("auto", &slurm("1"), "1/8"),
            ("auto", &slurm("8"), "8/8"),
        ] {
            assert_eq!(read(text, environment), Ok(shard.into()), "{text} {environment:?}");
        }
    }

    #[test]
    fn what_is_missing_or_contradicts_is_named() {
        let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "7"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")];
        let both = [batch[0], batch[1], ("JOB_COMPLETION_INDEX", "0")];
        // An array of every tenth number.
        let stepped = [("SLURM_ARRAY_TASK_ID", "10"), ("SLURM_ARRAY_TASK_MIN", "0"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        for (text, environment, named) in [
            ("0/8", &[][..], "the shards are 1/8 to 8/8"),
            ("9/8", &[], "the shards are 1/8 to 8/8"),
            ("1/0", &[], "at least one shard"),
            ("2", &[], "expected I/N"),
            ("-1/8", &[], "expected I/N"),
            ("a/b", &[], "expected I/N"),
            ("", &[], "expected I/N"),
            ("auto", &[], "exactly one of these variables must be set: AWS_BATCH_JOB_ARRAY_INDEX (AWS Batch)"),
            ("auto", &both, "exactly one"),
            ("auto/4", &batch, "AWS Batch runs 8 processes"),
            ("auto", &batch[..1], "AWS Batch did not set AWS_BATCH_JOB_ARRAY_SIZE"),
            ("auto", &[("JOB_COMPLETION_INDEX", "0")], "--shard auto/8"),
            ("auto/8", &[("JOB_COMPLETION_INDEX", "x")], "JOB_COMPLETION_INDEX is not a number: x"),
            ("auto/8", &[("JOB_COMPLETION_INDEX", "8")], "JOB_COMPLETION_INDEX=8: shard 9 of 8 does not exist"),
            ("auto", &stepped, "SLURM_ARRAY_TASK_ID=10: shard 11 of 4 does not exist"),
        ] {
            let error = read(text, environment).unwrap_err();
            assert!(error.contains(named) && error.starts_with(&format!("--shard {text}: ")), "{error}");
        }
    }
}
