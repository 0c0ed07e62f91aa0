//! One nightly run at a time: a lock in the lake that ends by itself when its holder dies.
//!
//! `LAKE/_trailhunt/locks/<n>.json` says who holds it and until when. The highest number counts; when it is over, the next
//! number is put where none is, so of two that try only one gets it. The holder renews it while it lives and removes it at
//! its end. The lake stays right without the lock (two writers may meet): it spares double work and double alarms.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::Lake;
use crate::error::{Error, Result};

/// How long a holder that was not heard of keeps it.
const EXPIRY: Duration = Duration::minutes(10);
/// How often the holder renews it.
const RENEWAL: std::time::Duration = std::time::Duration::from_secs(120);

/// A lock that is held until it is released, or ten minutes after its holder's end.
#[derive(Debug)]
pub struct Lock {
    store: Arc<dyn ObjectStore>,
    path: Path,
    renewal: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    holder: String,
    until: DateTime<Utc>,
}

impl Held {
    fn now() -> Held {
        Held { holder: holder(), until: Utc::now() + EXPIRY }
    }

    fn payload(&self) -> PutPayload {
        PutPayload::from(serde_json::to_vec(self).unwrap_or_default())
    }

    /// A holder on this machine that is gone holds nothing.
    fn is_over(&self) -> bool {
        let gone = self.holder.split_once(" on ").is_some_and(|(process, machine)| {
            machine == machine_name()
                && cfg!(target_os = "linux")
                && !std::path::Path::new("/proc").join(process).exists()
        });
        gone || self.until < Utc::now()
    }
}

impl Lake {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`Error::Lake`] when another run holds it, with who and until when.
    pub async fn lock(&self) -> Result<Lock> {
        let folder = self.location.child("_trailhunt/locks");
        let store = Arc::clone(self.location.store());
        let failed = |action, path: &Path, e| Error::storage(action, self.location.url_of(path), e);
        let listed = match store.list(Some(&folder)).try_collect::<Vec<_>>().await {
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            listed => listed.map_err(|e| failed("list", &folder, e))?,
        };
        let number = |path: &Path| path.filename()?.strip_suffix(".json")?.parse::<u64>().ok();
        let mut locks: Vec<(u64, Path)> =
            listed.into_iter().filter_map(|object| Some((number(&object.location)?, object.location))).collect();
        locks.sort_unstable();
        if let Some((_, last)) = locks.last() {
            // One that cannot be read any more was released just now.
            let held =
                self.location.bytes(last).await.ok().and_then(|bytes| serde_json::from_slice::<Held>(&bytes).ok());
            if let Some(held) = held.filter(|held| !held.is_over()) {
                return Err(self.failed(busy(&held.holder, &held.until.format("%H:%M:%S UTC").to_string())));
            }
        }
        let next = locks.last().map_or(1, |(number, _)| number + 1);
        let relative = format!("_trailhunt/locks/{next:08}.json");
        let payload = serde_json::to_vec(&Held::now()).map_err(|e| Error::Internal(e.to_string()))?;
        if !self.put_new(&relative, payload).await? {
            return Err(self.failed(busy("another run", "it ends")));
        }
        for (_, over) in &locks {
            let _ = store.delete(over).await;
        }
        let path = self.location.child(&relative);
        let renewal = tokio::spawn(renew(Arc::clone(&store), path.clone()));
        Ok(Lock { store, path, renewal })
    }
}

impl Lock {
    /// Gives it back. A lock that cannot be removed ends by itself.
    pub async fn release(self) {
        self.renewal.abort();
        let _ = self.store.delete(&self.path).await;
    }
}

async fn renew(store: Arc<dyn ObjectStore>, path: Path) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let _ = store.put(&path, Held::now().payload()).await;
    }
}

fn busy(holder: &str, until: &str) -> String {
    format!(
        "a run is under way: {holder} holds the lock until {until}; wait for it, or hunt without reading by `trailhunt hunt`"
    )
}

/// `4711 on backup-host`.
fn holder() -> String {
    format!("{} on {}", std::process::id(), machine_name())
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "an unnamed machine".into() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Location, S3Settings};

    async fn lake(folder: &std::path::Path) -> Lake {
        let location = Location::parse(&folder.display().to_string(), &S3Settings::default()).unwrap();
        Lake::open_or_create(&location).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_holds_it_at_a_time_and_a_dead_holder_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(folder.path()).await;
        let held = lake.lock().await.unwrap();
        assert!(lake.lock().await.unwrap_err().to_string().contains("a run is under way"));
        held.release().await;
        let (a, b) = tokio::join!(lake.lock(), lake.lock());
        assert!(a.is_ok() != b.is_ok(), "of two that try one gets it");
        let held = a.or(b).unwrap();
        let path = folder.path().join("_trailhunt/locks/00000001.json");
        held.renewal.abort();
        let put = |holder: &str, until: DateTime<Utc>| {
            std::fs::write(&path, serde_json::to_vec(&Held { holder: holder.into(), until }).unwrap()).unwrap();
        };
        put("1 on elsewhere", Utc::now() + EXPIRY);
        assert!(lake.lock().await.is_err());
        put("1 on elsewhere", Utc::now() - EXPIRY);
        lake.lock().await.unwrap().release().await;
        put(&format!("{} on {}", u32::MAX, machine_name()), Utc::now() + EXPIRY);
        lake.lock().await.unwrap().release().await;
    }
}
