//! Client of the LookupEvents API of one region: signs, limits the request rate and retries.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, ReqwestConnector};
use object_store::{ClientOptions, HeaderValue, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use url::Url;

use super::super::s3_settings::dns_suffix;
use crate::error::{self, redacted, root_cause};

/// Events per page, the maximum of the API.
const PAGE_EVENTS_MAX: u32 = 50;
/// Bytes of one hour, the limit of decode for one object. At two pages per second it would take hours to read.
const HOUR_BYTES_MAX: usize = 1 << 30;
/// No attempt of a request starts later than this. An attempt takes at most 30 seconds, the default of object_store.
const RETRY_TIME_MAX: Duration = Duration::from_secs(90);

/// Request rate and retries.
#[derive(Debug, Clone, Copy)]
pub struct RequestPolicy {
    /// Minimum time between two requests.
    pub interval: Duration,
    /// Wait before the second attempt; it doubles with each further attempt.
    pub backoff: Duration,
    /// Attempts per request.
    pub attempts_max: u32,
}

impl Default for RequestPolicy {
    /// AWS allows two requests per second for each account and region. The last of eight attempts is made after a
    /// minute.
    fn default() -> RequestPolicy {
        RequestPolicy { interval: Duration::from_millis(500), backoff: Duration::from_millis(500), attempts_max: 8 }
    }
}

/// Client for one region.
#[derive(Debug)]
pub struct Api {
    http: HttpClient,
    endpoint: Url,
    region: String,
    credentials: AwsCredentialProvider,
    policy: RequestPolicy,
    /// Earliest time of the next request.
    next_request_at: Mutex<Instant>,
    /// Set once the credentials were refused; later requests fail with this reason without being sent.
    credentials_error: OnceLock<String>,
}

/// A request. All pages of an hour use the same parameters except the token.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LookupRequest<'a> {
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    /// Seconds since 1970, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    max_results: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    #[serde(borrow)]
    events: &'a RawValue,
    next_token: Option<String>,
}

/// An error response.
#[derive(Deserialize)]
struct ErrorResponse {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Why an attempt failed.
enum Failure {
    /// A retry can succeed.
    Transient(String),
    /// Every request with these credentials will fail.
    Credentials(String),
    /// Retrying this request will fail again.
    Permanent(String),
}

/// The AWS endpoint of a region.
pub fn endpoint(region: &str) -> String {
    format!("https://cloudtrail.{region}.{}", dns_suffix(region))
}

impl Api {
    pub fn new(
        region: &str,
        endpoint: &str,
        credentials: AwsCredentialProvider,
        policy: RequestPolicy,
    ) -> error::Result<Api> {
        let usage = |reason: String| error::Error::Usage(format!("invalid endpoint {}: {reason}", redacted(endpoint)));
        let url = Url::parse(endpoint).map_err(|e| usage(e.to_string()))?;
        let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
        let http = ReqwestConnector::default().connect(&options).map_err(|e| usage(root_cause(&e)))?;
        let (next_request_at, credentials_error) = (Mutex::new(Instant::now()), OnceLock::new());
        Ok(Api { http, endpoint: url, region: region.into(), credentials, policy, next_request_at, credentials_error })
    }

    /// The account of this history: the recipient of the newest events.
    pub async fn account_id(&self) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct LookedUp {
            cloud_trail_event: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Event {
            recipient_account_id: String,
        }
        let request =
            LookupRequest { start_time: None, end_time: None, max_results: PAGE_EVENTS_MAX, next_token: None };
        let response = self.send(&request).await?;
        let looked_up: Vec<LookedUp> = serde_json::from_str(page(&response)?.events.get()).map_err(store_error)?;
        let mut events =
            looked_up.iter().filter_map(|event| serde_json::from_str::<Event>(&event.cloud_trail_event).ok());
        let event = events.next().ok_or_else(|| store_error("no events in 90 days; check the region and --profile"))?;
        Ok(event.recipient_account_id)
    }

    /// All pages of events from `from` to `to`, both inclusive, concatenated as lines.
    pub async fn pages(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Bytes> {
        let mut pages = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let response = self
                .send(&LookupRequest {
                    start_time: Some(from.timestamp()),
                    end_time: Some(to.timestamp()),
                    max_results: PAGE_EVENTS_MAX,
                    next_token: token.as_deref(),
                })
                .await?;
            let next = page(&response)?.next_token;
            if pages.len() + response.len() >= HOUR_BYTES_MAX {
                return Err(store_error("more than 1 GiB in an hour; read it from the trail's bucket"));
            }
            pages.extend_from_slice(&response);
            pages.push(b'\n');
            match next {
                None => return Ok(pages.into()),
                next if next == token => return Err(store_error("the response repeats the NextToken of the request")),
                next => token = next,
            }
        }
    }

    async fn send(&self, request: &LookupRequest<'_>) -> Result<Bytes> {
        let body = Bytes::from(serde_json::to_vec(request).map_err(store_error)?);
        let (mut attempts, mut wait) = (0, self.policy.backoff);
        let give_up_at = Instant::now() + RETRY_TIME_MAX;
        loop {
            if let Some(reason) = self.credentials_error.get() {
                return Err(store_error(reason.as_str()));
            }
            self.wait_for_turn().await;
            attempts += 1;
            match self.attempt(body.clone()).await {
                Ok(response) => return Ok(response),
                Err(Failure::Transient(_)) if attempts < self.policy.attempts_max && Instant::now() < give_up_at => {
                    sleep(wait).await;
                }
                Err(Failure::Transient(reason)) => {
                    return Err(store_error(format!("{reason}; gave up after {attempts} attempts")));
                }
                Err(Failure::Credentials(reason)) => {
                    return Err(store_error(self.credentials_error.get_or_init(|| reason).as_str()));
                }
                Err(Failure::Permanent(reason)) => return Err(store_error(reason)),
            }
            wait *= 2;
        }
    }

    /// Waits until the next request is allowed.
    async fn wait_for_turn(&self) {
        let mut next = self.next_request_at.lock().await;
        let at = Instant::now().max(*next);
        *next = at + self.policy.interval;
        drop(next);
        sleep_until(at).await;
    }

    async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|e| Failure::Credentials(root_cause(&e)))?;
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "POST".parse().map_err(|_| Failure::Permanent("invalid method POST".into()))?;
        *request.uri_mut() =
            self.endpoint.as_str().parse().map_err(|_| Failure::Permanent("the endpoint is not a valid URI".into()))?;
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert(
            "x-amz-target",
            HeaderValue::from_static("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
        );
        AwsAuthorizer::new(&credential, "cloudtrail", &self.region).authorize(&mut request, None);

        let response = self.http.execute(request).await.map_err(connection_failure)?;
        let status = response.status();
        let body = response.into_body().bytes().await.map_err(connection_failure)?;
        if status.is_success() { Ok(body) } else { Err(failure(status.as_u16(), &body)) }
    }
}

fn page(body: &[u8]) -> Result<Page<'_>> {
    serde_json::from_slice(body).map_err(|e| store_error(format!("the response is not a page of events: {e}")))
}

/// No response, or an incomplete one.
fn connection_failure(error: HttpError) -> Failure {
    Failure::Transient(root_cause(&store_error(error)))
}

/// Classifies an error response.
fn failure(status: u16, body: &[u8]) -> Failure {
    let Ok(ErrorResponse { code, message }) = serde_json::from_slice(body) else {
        let text: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(200).collect();
        let reason = format!("HTTP status {status}: {text}");
        return if status == 429 || status >= 500 { Failure::Transient(reason) } else { Failure::Permanent(reason) };
    };
    let code = code.rsplit('#').next().unwrap_or_default();
    let is = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let reason = format!("{code}: {message}");
    if status == 429 || status >= 500 || is(&["Throttl", "TooManyRequests", "LimitExceeded"]) {
        Failure::Transient(reason)
    } else if is(&["AccessDenied", "NotAuthorized", "OptInRequired"]) {
        Failure::Credentials(format!("{reason}; allow cloudtrail:LookupEvents, or use another --profile"))
    } else if is(&["Expired", "UnrecognizedClient", "Signature", "AuthenticationToken", "InvalidClientTokenId"]) {
        Failure::Credentials(format!("{reason}; renew the credentials, or use another --profile"))
    } else {
        Failure::Permanent(reason)
    }
}

pub(super) fn store_error(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "CloudTrail", source: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_china_has_its_own_domain() {
        assert_eq!(endpoint("eu-west-1"), "https://cloudtrail.eu-west-1.amazonaws.com");
        assert_eq!(endpoint("us-gov-west-1"), "https://cloudtrail.us-gov-west-1.amazonaws.com");
        assert_eq!(endpoint("cn-north-1"), "https://cloudtrail.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn failures_are_transient_permanent_or_about_credentials() {
        let kind = |status: u16, body: &str| match failure(status, body.as_bytes()) {
            Failure::Transient(_) => "transient",
            Failure::Credentials(_) => "credentials",
            Failure::Permanent(_) => "permanent",
        };
        assert_eq!(kind(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#), "transient");
        assert_eq!(kind(503, "<html>busy</html>"), "transient");
        assert_eq!(kind(400, r#"{"__type":"com.amazonaws#ExpiredTokenException","Message":"late"}"#), "credentials");
        assert_eq!(kind(400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#), "credentials");
        assert_eq!(kind(400, r#"{"__type":"InvalidTimeRangeException","message":"no"}"#), "permanent");
        assert_eq!(kind(403, "<html>a proxy</html>"), "permanent");
    }
}
