//! CloudTrail's event history as a store: every hour an object, its bytes the LookupEvents API's pages.
//!
//! The history holds the management events of one account and region, of the last 90 days. Hours are laid out as a trail
//! lays out its logs, `<account>/CloudTrail/<region>/YYYY/MM/DD/HH`, so they are walked, chosen and known as objects of a
//! bucket are, and two accounts never share a name. An hour's ETag is `complete` when events no longer come for it, and
//! `partial-<time>` before: a finished hour is read once, the others again. There is nothing to write to.

mod api;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use futures::future::TryFutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::aws::AwsCredentialProvider;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::OnceCell;

use super::S3Settings;
use super::log_key::is_region;
use crate::error;
use api::Api;
pub use api::Pace;

/// How far back the history goes.
const HISTORY: TimeDelta = TimeDelta::days(90);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// An hour is complete when it ended this long ago: CloudTrail delivers within some 15 minutes, and promises nothing.
const DELIVERY: TimeDelta = TimeDelta::hours(1);
/// What an hour is taken to weigh before it is read: enough to be fetched by itself.
const HOUR_BYTES: u64 = 2 << 20;

/// The event history of the credentials' account in one region.
#[derive(Debug)]
pub struct LookupEvents {
    history: Arc<History>,
}

#[derive(Debug)]
struct History {
    api: Api,
    region: String,
    account_id: OnceCell<String>,
}

impl LookupEvents {
    /// The history of `region`, with the credentials S3 would be read with. Asks nothing yet.
    ///
    /// # Errors
    /// [`error::Error::Usage`] when `region` or the endpoint cannot be one; [`error::Error::Storage`] when the
    /// environment's settings contradict each other.
    pub fn connect(region: &str, s3: &S3Settings) -> error::Result<LookupEvents> {
        if !is_region(region) {
            return Err(error::Error::Usage("cloudtrail:// needs a region and no more: cloudtrail://eu-west-1".into()));
        }
        // What is said of CloudTrail alone comes before what is said of every service.
        let endpoint = std::env::var("AWS_ENDPOINT_URL_CLOUDTRAIL").ok().or_else(|| s3.endpoint());
        let endpoint = endpoint.unwrap_or_else(|| api::endpoint(region));
        // The store of no bucket: only its credentials are wanted.
        let store = s3.builder().with_bucket_name("none").with_region(region).build();
        let store =
            store.map_err(|e| error::Error::storage(error::Action::Open, format!("cloudtrail://{region}"), e))?;
        LookupEvents::new(region, &endpoint, Arc::clone(store.credentials()), Pace::default())
    }

    /// The history of `region` as the server at `endpoint` tells it.
    ///
    /// # Errors
    /// [`error::Error::Usage`] when `endpoint` is no URL.
    pub fn new(
        region: &str,
        endpoint: &str,
        credentials: AwsCredentialProvider,
        pace: Pace,
    ) -> error::Result<LookupEvents> {
        let api = Api::new(region, endpoint, credentials, pace)?;
        Ok(LookupEvents { history: Arc::new(History { api, region: region.into(), account_id: OnceCell::new() }) })
    }
}

impl History {
    /// The hours there are now, oldest first.
    async fn hours(&self) -> Result<Vec<ObjectMeta>> {
        let account_id = self.account_id.get_or_try_init(|| self.api.account_id()).await?;
        let now = Utc::now();
        let oldest = (now - HISTORY).duration_trunc(HOUR).map_err(generic)? + HOUR;
        let hours = (0..).map(|n| oldest + HOUR * n).take_while(|begin| *begin <= now);
        Ok(hours.map(|begin| self.hour(account_id, begin, now)).collect())
    }

    fn hour(&self, account_id: &str, begin: DateTime<Utc>, now: DateTime<Utc>) -> ObjectMeta {
        let end = begin + HOUR;
        let version =
            if end + DELIVERY <= now { "complete".into() } else { format!("partial-{}", now.format("%FT%T%.3fZ")) };
        ObjectMeta {
            location: Path::from(format!("{account_id}/CloudTrail/{}/{}", self.region, begin.format("%Y/%m/%d/%H"))),
            last_modified: end.min(now),
            size: HOUR_BYTES,
            e_tag: Some(version),
            version: None,
        }
    }
}

/// Begin of the hour a path names.
fn begin_of(path: &Path) -> Option<DateTime<Utc>> {
    let path = path.as_ref();
    let hour = path.get(path.len().checked_sub("YYYY/MM/DD/HH".len())?..)?;
    Some(NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y/%m/%d/%H:%M").ok()?.and_utc())
}

#[async_trait]
impl ObjectStore for LookupEvents {
    /// Reads an hour whole; conditions and ranges are not looked at.
    async fn get_opts(&self, location: &Path, _options: GetOptions) -> Result<GetResult> {
        let begin = begin_of(location)
            .ok_or_else(|| Error::NotFound { path: location.to_string(), source: "it names no hour".into() })?;
        // Both ends are included, and events carry whole seconds.
        let now = Utc::now();
        let end = (begin + HOUR - TimeDelta::seconds(1)).min(now);
        let pages = self.history.api.pages(begin, end).await?;
        let size = pages.len() as u64;
        let meta = ObjectMeta { location: location.clone(), last_modified: now, size, e_tag: None, version: None };
        let payload = GetResultPayload::Stream(stream::once(async { Ok(pages) }).boxed());
        Ok(GetResult { payload, meta, range: 0..size, attributes: Attributes::new() })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (history, prefix) = (Arc::clone(&self.history), prefix.cloned().unwrap_or_default());
        let hours = async move {
            let hours = history.hours().await?.into_iter().filter(move |hour| hour.location.prefix_matches(&prefix));
            Ok(stream::iter(hours.map(Ok)))
        };
        hours.try_flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        let (mut folders, mut objects) = (BTreeSet::new(), Vec::new());
        for hour in self.history.hours().await? {
            let below: Vec<_> = hour.location.prefix_match(&prefix).into_iter().flatten().take(2).collect();
            match &below[..] {
                [] => {}
                [_] => objects.push(hour.clone()),
                [folder, ..] => {
                    folders.insert(prefix.clone().join(folder.clone()));
                }
            }
        }
        Ok(ListResult { common_prefixes: folders.into_iter().collect(), objects })
    }

    async fn put_opts(&self, _location: &Path, _payload: PutPayload, _options: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(&self, _locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(read_only()) }).boxed()
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

impl fmt::Display for LookupEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LookupEvents({})", self.history.region)
    }
}

fn read_only() -> Error {
    Error::NotSupported { source: "CloudTrail's event history can only be read".into() }
}

fn generic(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "CloudTrail", source: reason.into() }
}

#[cfg(test)]
mod tests {
    use object_store::StaticCredentialProvider;
    use object_store::aws::AwsCredential;

    use super::*;

    #[test]
    fn an_hour_is_complete_an_hour_after_its_end() {
        let credential = AwsCredential { key_id: String::new(), secret_key: String::new(), token: None };
        let credentials = Arc::new(StaticCredentialProvider::new(credential));
        let live = LookupEvents::new("eu-west-1", "http://127.0.0.1:1", credentials, Pace::default()).unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let version =
            |now: &str| live.history.hour("111122223333", time("2026-11-22T10:00:00Z"), time(now)).e_tag.unwrap();
        assert_eq!(version("2026-11-22T10:00:00Z"), "partial-2026-11-22T10:00:00.000Z");
        assert_eq!(version("2026-11-22T11:59:59.999Z"), "partial-2026-11-22T11:59:59.999Z");
        assert_eq!(version("2026-11-22T12:00:00Z"), "complete");
    }

    #[test]
    fn the_path_of_an_hour_leads_back_to_it() {
        let path = Path::from("111122223333/CloudTrail/eu-west-1/2026/11/22/10");
        assert_eq!(begin_of(&path).unwrap().to_rfc3339(), "2026-11-22T10:00:00+00:00");
        assert_eq!(begin_of(&Path::from("_delta_log/0")), None);
    }
}
