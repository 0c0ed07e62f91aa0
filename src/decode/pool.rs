//! Threads that decode and encode, one a core, each with a decoder whose buffers it keeps.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Decoder, Limits};
use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Decoder) + Send>;

/// What a job will answer.
pub type Answer<T> = BoxFuture<'static, Result<T>>;

/// Threads at work. They end with the last job when the pool is dropped.
#[derive(Clone)]
pub struct Pool {
    owner: Arc<Owner>,
    threads: usize,
}

/// Closes the queue when the last pool of it is gone.
struct Owner(Arc<Queue>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.change(|waiting| waiting.is_closed = true);
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Queue {
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// The next job, when there is one; nothing when there will be none.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match waiting.jobs.pop_front() {
                Some(job) => return Some(job),
                None if waiting.is_closed => return None,
                None => waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Pool {
    /// One thread a core.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(limits: Limits) -> Result<Pool> {
        let queue = Arc::new(Queue::default());
        let pool = Pool {
            owner: Arc::new(Owner(Arc::clone(&queue))),
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        };
        for _ in 0..pool.threads {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name("worker".into());
            let spawned = thread.spawn(move || {
                let mut decoder = Decoder::new(limits);
                while let Some(job) = queue.next() {
                    job(&mut decoder);
                }
            });
            spawned.map_err(|e| Error::Internal(format!("a thread to work on: {e}")))?;
        }
        Ok(pool)
    }

    /// How many jobs are done at once.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Decodes on one of the threads. Such jobs are begun in the order in which they are given.
    ///
    /// # Errors
    /// When the job broke off, which is a defect.
    pub async fn decode<T: Send + 'static>(&self, job: impl FnOnce(&mut Decoder) -> T + Send + 'static) -> Result<T> {
        let (job, answer) = answered(job);
        self.owner.0.change(|waiting| waiting.jobs.push_back(job));
        answer.await
    }

    /// Does `job` before everything that waits: what was decoded is to be gone before more is. It is begun whether or not
    /// anybody waits for it.
    ///
    /// # Errors
    /// When the job broke off, which is a defect.
    pub fn run_first<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        let (job, answer) = answered(|_| job());
        self.owner.0.change(|waiting| waiting.jobs.push_front(job));
        answer
    }
}

/// A job, and what it will answer.
fn answered<T: Send + 'static>(job: impl FnOnce(&mut Decoder) -> T + Send + 'static) -> (Job, Answer<T>) {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |decoder| {
        // Nobody waits for what an ingest that ended early had begun.
        let _ = answer.send(job(decoder));
    });
    (job, answered.map(|answer| answer.map_err(|_| Error::Internal("a job broke off".into()))).boxed())
}
