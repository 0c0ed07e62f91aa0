//! Runs a command on threads of its own and ends it in time: at Ctrl-C, at its time limit, at its memory limit.
//!
//! A query can keep a thread busy for minutes without returning to its runtime, for example while it is planned or while
//! one function computes one long text. So the main thread only watches. It first asks the command to stop, which removes
//! temporary files and locks, and abandons it if it does not react.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::error::{Error, Result};

/// Threads for local files and other blocking work. With tokio's default of 512, a folder of tiny files starts hundreds,
/// each with an allocator cache of its own.
const BLOCKING_THREADS_MAX: usize = 24;

/// Stack of each thread; only the pages that are used take memory. The longest expression that `engine/size` accepts fits,
/// also in a build without optimisation: tests/black_box/hostile_sql.py plans one.
const STACK_BYTES: usize = 64 << 20;

/// How long a command that is asked to stop may take.
const GRACE: Duration = Duration::from_secs(1);

/// How often memory is read. On two busy cores, hostile queries got 70 MB beyond the limit before they were ended.
const MEMORY_INTERVAL: Duration = Duration::from_millis(5);

/// Memory of the program itself: what a refused query takes.
const PROGRAM_BYTES: usize = 32 << 20;

/// When a command is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Time it may take.
    pub time: Option<Duration>,
    /// Its memory limit, in bytes. The engine counts what it sorts, groups and joins, but not the values that a function
    /// makes. The command is ended when the whole process takes half as much again, plus what the program takes by
    /// itself. Only on Linux.
    pub memory_bytes: Option<usize>,
}

/// Runs `work` to its end, or to the limit it reaches first.
///
/// # Errors
/// Those of `work`; [`Error::Interrupted`] after Ctrl-C; [`Error::Stopped`] and [`Error::OutOfMemory`] for a limit.
pub fn supervise<T, F>(limits: Limits, work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    let failed = |e: std::io::Error| Error::Usage(format!("cannot start threads: {e}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let (send, mut outcome) = oneshot::channel();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(failed)?;
    let thread = std::thread::Builder::new().name("command".into()).stack_size(STACK_BYTES);
    thread.spawn(move || run(runtime, work, stopped, send)).map_err(failed)?;

    let watch = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    watch.block_on(async {
        let reason = tokio::select! {
            done = &mut outcome => return done.map_err(|_| Error::Internal("the command's thread ended".into()))?,
            reason = limit_reached(limits) => reason,
        };
        if matches!(reason, Error::OutOfMemory { .. }) {
            // It would take more while it stops.
            return Err(reason);
        }
        // Fails when the command has just ended.
        let _ = stop.send(());
        match timeout(GRACE, outcome).await {
            // It ended by itself at the same moment.
            Ok(Ok(Ok(done))) => Ok(done),
            _ => Err(reason),
        }
    })
}

/// The command's thread.
fn run<T, F: Future<Output = Result<T>>>(
    runtime: Runtime,
    work: impl FnOnce() -> F,
    stopped: oneshot::Receiver<()>,
    send: oneshot::Sender<Result<T>>,
) {
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work() => outcome,
            Ok(()) = stopped => Err(Error::Interrupted),
        }
    });
    if matches!(outcome, Err(Error::Interrupted)) {
        runtime.shutdown_background();
    } else {
        drop(runtime);
    }
    // Nobody receives it after the grace period.
    let _ = send.send(outcome);
}

/// Waits for Ctrl-C or a limit.
async fn limit_reached(limits: Limits) -> Error {
    tokio::select! {
        // Without a handler, Ctrl-C would also end the process, but without a message.
        _ = tokio::signal::ctrl_c() => Error::Interrupted,
        Some(limit) = time_exceeded(limits.time) => Error::Stopped(format!(
            "time limit of {} s exceeded; read fewer days, or raise --timeout",
            limit.as_secs()
        )),
        Some(bytes) = memory_exceeded(limits.memory_bytes) => Error::out_of_memory("stopped", format!(
            "the process uses {} MB, far more than --memory-limit; read fewer rows, create shorter texts and lists, \
             or raise --memory-limit",
            bytes >> 20
        )),
    }
}

/// Waits until the time is over, and returns it; `None` without a limit.
async fn time_exceeded(limit: Option<Duration>) -> Option<Duration> {
    sleep(limit?).await;
    limit
}

/// Waits until the process takes too much memory, and returns how much; `None` without a limit.
async fn memory_exceeded(limit_bytes: Option<usize>) -> Option<usize> {
    let most = limit_bytes?.saturating_mul(3) / 2 + PROGRAM_BYTES;
    let mut ticks = interval(MEMORY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let bytes = resident_bytes()?;
        if bytes > most {
            return Some(bytes);
        }
    }
}

/// Memory of this process; `None` where the system does not report it.
fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok().map(|kilobytes| kilobytes << 10)
}
