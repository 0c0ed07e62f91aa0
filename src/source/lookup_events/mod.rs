//! CloudTrail's event history as a read-only object store: each hour is an object with the pages of the LookupEvents
//! API.
//!
//! The history has the management events of one account and region from the last 90 days. An hour's path is like that
//! of a trail's logs, `<account>/CloudTrail/<region>/YYYY/MM/DD/HH`, so hours are listed, filtered and tracked like
//! objects in a bucket, and the paths of two accounts never collide. An hour's ETag is `partial-<time>` while new
//! events can still be delivered for it, then `complete`: a complete hour is read once, a partial one again in each
//! run.

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
pub use api::RequestPolicy;
use api::{Api, store_error};

/// How far back the history goes.
const HISTORY: TimeDelta = TimeDelta::days(90);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// An hour is complete this long after its end. CloudTrail typically delivers within 15 minutes, without a guarantee.
const DELIVERY_DELAY_MAX: TimeDelta = TimeDelta::hours(1);
/// Reported size of an hour, which is unknown before it is read: large enough that each hour is fetched separately.
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
    /// The history of `region`, with the same credentials as for S3. Sends no request yet.
    ///
    /// # Errors
    /// [`error::Error::Usage`] when `region` or the endpoint is invalid; [`error::Error::Storage`] when the settings of
    /// the environment contradict each other.
    pub fn connect(region: &str, s3: &S3Settings) -> error::Result<LookupEvents> {
        if !is_region(region) {
            let reason = format!("invalid source `cloudtrail://{region}`: expected cloudtrail://REGION");
            return Err(error::Error::Usage(reason));
        }
        // The endpoint for CloudTrail takes precedence over the endpoint for all services.
        let endpoint = std::env::var("AWS_ENDPOINT_URL_CLOUDTRAIL").ok().or_else(|| s3.endpoint());
        let endpoint = endpoint.unwrap_or_else(|| api::endpoint(region));
        let credentials = s3.credentials();
        let credentials =
            credentials.map_err(|e| error::Error::storage(error::Action::Open, format!("cloudtrail://{region}"), e))?;
        LookupEvents::new(region, &endpoint, credentials, RequestPolicy::default())
    }

    /// The history of `region`, read from `endpoint`.
    ///
    /// # Errors
    /// [`error::Error::Usage`] when `endpoint` is not a URL.
    pub fn new(
        region: &str,
        endpoint: &str,
        credentials: AwsCredentialProvider,
        policy: RequestPolicy,
    ) -> error::Result<LookupEvents> {
        let api = Api::new(region, endpoint, credentials, policy)?;
        Ok(LookupEvents { history: Arc::new(History { api, region: region.into(), account_id: OnceCell::new() }) })
    }
}

impl History {
    /// All hours of the history, oldest first.
    async fn hours(&self) -> Result<Vec<ObjectMeta>> {
        let account_id = self.account_id.get_or_try_init(|| self.api.account_id()).await?;
        let now = Utc::now();
        let oldest = (now - HISTORY).duration_trunc(HOUR).map_err(store_error)? + HOUR;
        let hours = (0..).map(|n| oldest + HOUR * n).take_while(|start| *start <= now);
        Ok(hours.map(|start| self.hour(account_id, start, now)).collect())
    }

    fn hour(&self, account_id: &str, start: DateTime<Utc>, now: DateTime<Utc>) -> ObjectMeta {
        let end = start + HOUR;
        let version = if end + DELIVERY_DELAY_MAX <= now {
            "complete".into()
        } else {
            format!("partial-{}", now.format("%FT%T%.3fZ"))
        };
        ObjectMeta {
            location: Path::from(format!("{account_id}/CloudTrail/{}/{}", self.region, start.format("%Y/%m/%d/%H"))),
            last_modified: end.min(now),
            size: HOUR_BYTES,
            e_tag: Some(version),
            version: None,
        }
    }
}

/// The start of the hour at a path.
fn hour_start(path: &Path) -> Option<DateTime<Utc>> {
    let path = path.as_ref();
    let hour = path.get(path.len().checked_sub("YYYY/MM/DD/HH".len())?..)?;
    Some(NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y/%m/%d/%H:%M").ok()?.and_utc())
}

#[async_trait]
impl ObjectStore for LookupEvents {
    /// Reads a whole hour; conditions and ranges are ignored.
    async fn get_opts(&self, location: &Path, _options: GetOptions) -> Result<GetResult> {
        let start = hour_start(location)
            .ok_or_else(|| Error::NotFound { path: location.to_string(), source: "not the path of an hour".into() })?;
        // The API includes both ends of the range, and event times are whole seconds.
        let now = Utc::now();
        let end = (start + HOUR - TimeDelta::seconds(1)).min(now);
        let pages = self.history.api.pages(start, end).await?;
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
            let next_parts: Vec<_> = hour.location.prefix_match(&prefix).into_iter().flatten().take(2).collect();
            match &next_parts[..] {
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
    Error::NotSupported { source: "CloudTrail's event history is read-only".into() }
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
        let store =
            LookupEvents::new("eu-west-1", "http://127.0.0.1:1", credentials, RequestPolicy::default()).unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let version =
            |now: &str| store.history.hour("111122223333", time("2026-11-22T10:00:00Z"), time(now)).e_tag.unwrap();
        assert_eq!(version("2026-11-22T10:00:00Z"), "partial-2026-11-22T10:00:00.000Z");
        assert_eq!(version("2026-11-22T11:59:59.999Z"), "partial-2026-11-22T11:59:59.999Z");
        assert_eq!(version("2026-11-22T12:00:00Z"), "complete");
    }

    #[test]
    fn the_hour_is_parsed_from_its_path() {
        let path = Path::from("111122223333/CloudTrail/eu-west-1/2026/11/22/10");
        assert_eq!(hour_start(&path).unwrap().to_rfc3339(), "2026-11-22T10:00:00+00:00");
        assert_eq!(hour_start(&Path::from("_delta_log/0")), None);
    }
}
