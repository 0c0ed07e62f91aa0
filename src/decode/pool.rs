//! Threads that decode and encode, one a core, each with a decoder whose buffers it keeps.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
                    // Whoever waits for a job that breaks off is told; the next one must not find what it left behind.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut decoder))).is_err() {
                        decoder = Decoder::new(limits);
                    }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// Keeps every thread busy until the sender is gone.
    fn occupied(pool: &Pool) -> std::sync::mpsc::Sender<()> {
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let (begun, waiting) = channel();
        for _ in 0..pool.threads() {
            let (held, begun) = (Arc::clone(&held), begun.clone());
            drop(pool.run_first(move || {
                begun.send(()).unwrap();
                let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
            }));
        }
        (0..pool.threads()).for_each(|_| waiting.recv_timeout(Duration::from_secs(10)).unwrap());
        release
    }

    #[tokio::test]
    async fn what_is_first_is_done_before_what_waits() {
        let pool = Pool::new(Limits::default()).unwrap();
        let busy = occupied(&pool);
        let done = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let done = Arc::clone(&done);
            move || done.lock().unwrap().push(what)
        };
        let (later, first) = (note("decoded"), note("first"));
        let other = pool.clone();
        let decoded = tokio::spawn(async move { other.decode(move |_| later()).await });
        while pool.owner.0.waiting.lock().unwrap().jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let first = pool.run_first(first);
        // One thread is let go and does both.
        busy.send(()).unwrap();
        first.await.unwrap();
        decoded.await.unwrap().unwrap();
        assert_eq!(*done.lock().unwrap(), ["first", "decoded"]);
    }

    #[tokio::test]
    async fn a_job_that_breaks_off_is_told_and_costs_no_thread() {
        let pool = Pool::new(Limits::default()).unwrap();
        for _ in 0..2 * pool.threads() {
            let broken: Answer<()> = pool.run_first(|| panic!("for the test"));
            assert!(matches!(broken.await, Err(Error::Internal(_))));
        }
        assert_eq!(pool.run_first(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_was_given_is_done_when_the_pool_is_gone() {
        let pool = Pool::new(Limits::default()).unwrap();
        let last = pool.run_first(|| 7);
        drop(pool);
        assert_eq!(last.await.unwrap(), 7);
    }
}
