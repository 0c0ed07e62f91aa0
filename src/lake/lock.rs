//! One nightly run at a time: a lock in the lake that expires if its holder dies.
//!
//! `LAKE/_trailhunt/locks/<n>.json` names the holder and the expiry time. The highest number counts. Once it has expired,
//! the next number may be created; creation fails if the file exists, so only one process gets it. The holder renews the
//! lock while it runs and removes it at the end. The lake stays correct without the lock, because two writers may work at
//! once; the lock avoids double work and double alerts.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::table::Lake;
use crate::error::{Action, Error, Result};

/// A lock expires this long after it was taken or last renewed.
const EXPIRY: Duration = Duration::minutes(10);
/// How often the holder renews it.
const RENEWAL: std::time::Duration = std::time::Duration::from_secs(120);

/// A lock that is held until it is released, or until ten minutes after its holder died.
#[derive(Debug)]
pub struct Lock {
    file: LockFile,
    /// The last renewal: until when the lock is held, or why it is not held any more.
    state: watch::Receiver<State>,
    renewal: tokio::task::JoinHandle<()>,
}

/// Until when the lock is held, and why the last renewal failed; or why the lock was lost.
#[derive(Debug, Clone)]
enum State {
    Held { until: DateTime<Utc>, failure: Option<String> },
    Lost(String),
}

/// Where the lock is stored.
#[derive(Debug, Clone)]
struct LockFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    url: String,
    lake: String,
}

/// The content of a lock file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Holder {
    holder: String,
    until: DateTime<Utc>,
}

impl Holder {
    fn now() -> Holder {
        Holder { holder: this_process(), until: Utc::now() + EXPIRY }
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::Internal(e.to_string()))
    }

    /// True after the expiry time, or when the holder is a dead process on this machine.
    fn has_expired(&self) -> bool {
        let is_dead = self.holder.split_once(" on ").is_some_and(|(process, machine)| {
            machine == machine_name()
                && cfg!(target_os = "linux")
                && !std::path::Path::new("/proc").join(process).exists()
        });
        is_dead || self.until < Utc::now()
    }
}

impl Lake {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`Error::Lake`] when another run holds it, with the holder and the expiry time.
    pub async fn lock(&self) -> Result<Lock> {
        let listed = self.objects_in("_trailhunt/locks").await?;
        let number = |path: &Path| path.filename()?.strip_suffix(".json")?.parse::<u64>().ok();
        let mut locks: Vec<(u64, Path)> =
            listed.into_iter().filter_map(|object| Some((number(&object.location)?, object.location))).collect();
        locks.sort_unstable();
        if let Some((_, last)) = locks.last() {
            // If it cannot be read any more, it was released a moment ago.
            let holder =
                self.location.bytes(last).await.ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
            if let Some(held) = holder.filter(|holder| !holder.has_expired()) {
                return Err(self.failed(busy(&held.holder, &held.until.format("%H:%M:%S UTC").to_string())));
            }
        }
        let next = locks.last().map_or(1, |(number, _)| number + 1);
        let relative = format!("_trailhunt/locks/{next:08}.json");
        let holder = Holder::now();
        if !self.put_new(&relative, holder.bytes()?).await? {
            return Err(self.failed(busy("another run", "it ends")));
        }
        let store = Arc::clone(self.location.store());
        for (_, expired) in &locks {
            let _ = store.delete(expired).await;
        }
        let path = self.location.child(&relative);
        let file = LockFile { store, url: self.location.url_of(&path), path, lake: self.location.to_string() };
        let (sender, state) = watch::channel(State::Held { until: holder.until, failure: None });
        let renewal = tokio::spawn(renew(file.clone(), sender));
        Ok(Lock { file, state, renewal })
    }
}

impl Lock {
    /// Releases the lock. If the file cannot be removed, the lock expires by itself.
    ///
    /// # Errors
    /// [`Error::Lake`] when the lock could not be renewed in time: another run may have worked on the lake meanwhile.
    pub async fn release(self) -> Result<()> {
        self.renewal.abort();
        let lost = match self.state.borrow().clone() {
            State::Held { until, failure } if until < Utc::now() => {
                Some(failure.unwrap_or_else(|| "it expired before it was renewed".into()))
            }
            State::Held { .. } => None,
            State::Lost(reason) => Some(reason),
        };
        let Some(reason) = lost else {
            let _ = self.file.store.delete(&self.file.path).await;
            return Ok(());
        };
        Err(Error::lake(
            self.file.lake,
            format!("the lock was lost ({reason}); another run may have taken over, see `trailhunt runs`"),
        ))
    }
}

impl LockFile {
    /// Renews the lock and returns its next state. A failed renewal is tried again until the lock expires.
    async fn renewed(&self, state: State) -> State {
        let State::Held { until, .. } = state else { return state };
        if until < Utc::now() {
            return State::Lost("it expired before it was renewed".into());
        }
        match self.renew_once().await {
            Ok(Some(until)) => State::Held { until, failure: None },
            Ok(None) => State::Lost("another run replaced it".into()),
            Err(e) => State::Held { until, failure: Some(e.to_string()) },
        }
    }

    /// Writes a new expiry time and returns it; `None` when the file belongs to another run.
    async fn renew_once(&self) -> Result<Option<DateTime<Utc>>> {
        let failed = |action, e| Error::storage(action, &self.url, e);
        let stored = async { self.store.get(&self.path).await?.bytes().await };
        let stored = match stored.await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            stored => stored.map_err(|e| failed(Action::Read, e))?,
        };
        let is_ours = serde_json::from_slice::<Holder>(&stored).is_ok_and(|stored| stored.holder == this_process());
        if !is_ours {
            return Ok(None);
        }
        let holder = Holder::now();
        let put = self.store.put(&self.path, PutPayload::from(holder.bytes()?)).await;
        put.map_err(|e| failed(Action::Write, e))?;
        Ok(Some(holder.until))
    }
}

async fn renew(file: LockFile, state: watch::Sender<State>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let current = state.borrow().clone();
        let next = file.renewed(current).await;
        let is_lost = matches!(next, State::Lost(_));
        state.send_replace(next);
        if is_lost {
            return;
        }
    }
}

fn busy(holder: &str, until: &str) -> String {
    format!(
        "another run is in progress: {holder} holds the lock until {until}; wait for it, or use `trailhunt hunt`, which \
         does not ingest"
    )
}

/// `4711 on backup-host`.
fn this_process() -> String {
    format!("{} on {}", std::process::id(), machine_name())
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "an unnamed machine".into() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::test_store::Failing;
    use crate::source::{Location, S3Settings};

    async fn lake(folder: &std::path::Path) -> Lake {
        let location = Location::parse(&folder.display().to_string(), &S3Settings::default()).unwrap();
        Lake::open_or_create(&location).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_process_holds_the_lock_at_a_time_and_a_dead_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let held = lake.lock().await.unwrap();
        assert!(lake.lock().await.unwrap_err().to_string().contains("another run is in progress"));
        held.release().await.unwrap();
        let (a, b) = tokio::join!(lake.lock(), lake.lock());
        assert!(a.is_ok() != b.is_ok(), "only one of two gets it");
        let held = a.or(b).unwrap();
        let path = folder.path().join("_trailhunt/locks/00000001.json");
        held.renewal.abort();
        let put = |holder: &str, until: DateTime<Utc>| {
            std::fs::write(&path, serde_json::to_vec(&Holder { holder: holder.into(), until }).unwrap()).unwrap();
        };
        put("1 on elsewhere", Utc::now() + EXPIRY);
        assert!(lake.lock().await.is_err());
        put("1 on elsewhere", Utc::now() - EXPIRY);
        lake.lock().await.unwrap().release().await.unwrap();
        put(&format!("{} on {}", u32::MAX, machine_name()), Utc::now() + EXPIRY);
        lake.lock().await.unwrap().release().await.unwrap();
    }

    /// A lock whose next renewals are made by the test.
    async fn held(store: &Arc<Failing>) -> Lock {
        let location = Location::in_store("memory://test/lake", Arc::clone(store) as Arc<dyn ObjectStore>).unwrap();
        let lock = Lake::open_or_create(&location).await.unwrap().lock().await.unwrap();
        lock.renewal.abort();
        lock
    }

    async fn renew_now(lock: &mut Lock, expires_in: Duration) {
        let State::Held { failure, .. } = lock.state.borrow().clone() else { panic!("not held") };
        let next = lock.file.renewed(State::Held { until: Utc::now() + expires_in, failure }).await;
        let (_, state) = watch::channel(next);
        lock.state = state;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_renewal_that_fails_until_the_lock_expires_is_reported() {
        let store = Failing::new();
        let mut lock = held(&store).await;
        store.fail_writes(Failing::disk_full);
        renew_now(&mut lock, Duration::milliseconds(20)).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        let error = lock.release().await.unwrap_err().to_string();
        assert!(error.contains("the lock was lost (cannot write "), "{error}");
        assert!(error.contains("another run may have taken over"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_renewal_that_succeeds_again_in_time_is_no_error() {
        let store = Failing::new();
        let mut lock = held(&store).await;
        store.fail_writes(Failing::disk_full);
        renew_now(&mut lock, EXPIRY).await;
        store.succeed();
        renew_now(&mut lock, EXPIRY).await;
        lock.release().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lock_that_another_run_took_over_is_reported_and_left_alone() {
        let store = Failing::new();
        let mut lock = held(&store).await;
        let other = Holder { holder: "1 on elsewhere".into(), until: Utc::now() + EXPIRY };
        store.put(&lock.file.path, other.bytes().unwrap().into()).await.unwrap();
        renew_now(&mut lock, EXPIRY).await;
        let path = lock.file.path.clone();
        let error = lock.release().await.unwrap_err().to_string();
        assert!(error.contains("the lock was lost (another run replaced it)"), "{error}");
        assert!(store.get(&path).await.is_ok());
    }
}
