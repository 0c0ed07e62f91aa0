//! Threads that decode, one a core, each with a decoder whose buffers it keeps.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{Decoder, Limits};
use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Decoder) + Send>;

/// Decoders at work. They end with the last job when the pool is dropped.
#[derive(Clone)]
pub struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    /// One thread a core.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(limits: Limits) -> Result<Pool> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name("decode".into());
            let spawned = thread.spawn(move || {
                let mut decoder = Decoder::new(limits);
                while let Some(job) = next(&waiting) {
                    job(&mut decoder);
                }
            });
            spawned.map_err(|e| Error::Internal(format!("a thread to decode on: {e}")))?;
        }
        Ok(Pool { jobs })
    }

    /// Does `job` on one of the threads. Jobs are begun in the order in which they are given.
    ///
    /// # Errors
    /// When the job broke off, which is a defect.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&mut Decoder) -> T + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |decoder| {
            // Nobody waits for what an ingest that ended early had begun.
            let _ = answer.send(job(decoder));
        });
        let gone = || Error::Internal("decoding broke off".into());
        self.jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
}

fn next(waiting: &Mutex<Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
