//! A pool of threads that decode and encode, one per core. Each has its own decoder, whose buffers are reused.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Decoder, Limits};
use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Decoder) + Send>;

/// The future result of a job.
pub type JobResult<T> = BoxFuture<'static, Result<T>>;

/// The pool. After it is dropped, its threads finish the queued jobs and end.
#[derive(Clone)]
pub struct Pool {
    queue: Arc<QueueHandle>,
    threads: usize,
}

/// Closes the queue when the last clone of the pool is dropped.
struct QueueHandle(Arc<Queue>);

impl Drop for QueueHandle {
    fn drop(&mut self) {
        self.0.update(|state| state.is_closed = true);
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Queue {
    fn update(&self, update: impl FnOnce(&mut QueueState)) {
        update(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for the next job; `None` when the queue is closed and empty.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match state.jobs.pop_front() {
                Some(job) => return Some(job),
                None if state.is_closed => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Pool {
    /// Starts one thread per core.
    ///
    /// # Errors
    /// [`Error::Internal`] when a thread cannot be started.
    pub fn new(limits: Limits) -> Result<Pool> {
        let queue = Arc::new(Queue::default());
        let pool = Pool {
            queue: Arc::new(QueueHandle(Arc::clone(&queue))),
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        };
        for _ in 0..pool.threads {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name("worker".into());
            let spawned = thread.spawn(move || {
                let mut decoder = Decoder::new(limits);
                while let Some(job) = queue.next() {
                    // After a panic, the caller gets an error, and the next job a new decoder without partial state.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut decoder))).is_err() {
                        decoder = Decoder::new(limits);
                    }
                }
            });
            spawned.map_err(|e| Error::Internal(format!("cannot start a thread: {e}")))?;
        }
        Ok(pool)
    }

    /// Number of jobs that run concurrently.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Queues a decode job. Decode jobs start in the order they are queued.
    ///
    /// # Errors
    /// [`Error::Internal`] when the job panicked, which is a defect.
    pub async fn decode<T: Send + 'static>(&self, job: impl FnOnce(&mut Decoder) -> T + Send + 'static) -> Result<T> {
        let (job, result) = with_result(job);
        self.queue.0.update(|state| state.jobs.push_back(job));
        result.await
    }

    /// Queues a job before all others, so that decoded rows are encoded and freed before more are decoded. The job runs
    /// even if the result is never awaited.
    ///
    /// # Errors
    /// [`Error::Internal`] when the job panicked, which is a defect.
    pub fn run_first<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> JobResult<T> {
        let (job, result) = with_result(|_| job());
        self.queue.0.update(|state| state.jobs.push_front(job));
        result
    }
}

/// A job that sends its result, and the future that receives it.
fn with_result<T: Send + 'static>(job: impl FnOnce(&mut Decoder) -> T + Send + 'static) -> (Job, JobResult<T>) {
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move |decoder| {
        // When an ingest ended early, there is no receiver.
        let _ = sender.send(job(decoder));
    });
    (job, receiver.map(|result| result.map_err(|_| Error::Internal("a worker job panicked".into()))).boxed())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// Blocks every thread. One message to the sender releases one thread; dropping it releases all.
    fn block_threads(pool: &Pool) -> std::sync::mpsc::Sender<()> {
        let (release, blocked) = channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let (started, starts) = channel();
        for _ in 0..pool.threads() {
            let (blocked, started) = (Arc::clone(&blocked), started.clone());
            drop(pool.run_first(move || {
                started.send(()).unwrap();
                let _ = blocked.lock().unwrap_or_else(PoisonError::into_inner).recv();
            }));
        }
        (0..pool.threads()).for_each(|_| starts.recv_timeout(Duration::from_secs(10)).unwrap());
        release
    }

    #[tokio::test]
    async fn run_first_jobs_start_before_queued_decode_jobs() {
        let pool = Pool::new(Limits::default()).unwrap();
        let release = block_threads(&pool);
        let done = Arc::new(Mutex::new(Vec::new()));
        let record = |name: &'static str| {
            let done = Arc::clone(&done);
            move || done.lock().unwrap().push(name)
        };
        let (later, first) = (record("decoded"), record("first"));
        let other = pool.clone();
        let decoded = tokio::spawn(async move { other.decode(move |_| later()).await });
        while pool.queue.0.state.lock().unwrap().jobs.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let first = pool.run_first(first);
        // One thread is released and runs both.
        release.send(()).unwrap();
        first.await.unwrap();
        decoded.await.unwrap().unwrap();
        assert_eq!(*done.lock().unwrap(), ["first", "decoded"]);
    }

    #[tokio::test]
    async fn a_job_that_panics_returns_an_error_and_keeps_its_thread() {
        let pool = Pool::new(Limits::default()).unwrap();
        for _ in 0..2 * pool.threads() {
            let panicked: JobResult<()> = pool.run_first(|| panic!("for the test"));
            assert!(matches!(panicked.await, Err(Error::Internal(_))));
        }
        assert_eq!(pool.run_first(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn queued_jobs_finish_after_the_pool_is_dropped() {
        let pool = Pool::new(Limits::default()).unwrap();
        let last = pool.run_first(|| 7);
        drop(pool);
        assert_eq!(last.await.unwrap(), 7);
    }
}
