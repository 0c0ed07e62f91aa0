//! The LookupEvents API of one region: signed, paced, tried again when it says to.
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

use super::generic;
use crate::error::{self, root_cause};

/// Events of a page, the most there are.
const PAGE_EVENTS_MAX: u32 = 50;
/// Bytes of an hour: what decode reads of one object. At two pages a second it would take hours.
const HOUR_BYTES_MAX: usize = 1 << 30;

/// How often the API is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time between two requests.
    pub between: Duration,
    /// Time before the second try; it doubles with every further one.
    pub backoff: Duration,
    /// Tries of one request.
    pub tries_max: u32,
}

impl Default for Pace {
    /// AWS allows two requests a second for each account and region; the last of eight tries comes after a minute.
    fn default() -> Pace {
        Pace { between: Duration::from_millis(500), backoff: Duration::from_millis(500), tries_max: 8 }
    }
}

/// One region's API.
#[derive(Debug)]
pub struct Api {
    http: HttpClient,
    endpoint: Url,
    region: String,
    credentials: AwsCredentialProvider,
    pace: Pace,
    /// When the next request may leave.
    next: Mutex<Instant>,
    /// Why the credentials were refused, once they were: asking on would change nothing.
    refused: OnceLock<String>,
}

/// A request. All pages of an hour are asked for with the same one but for the token.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    /// Seconds since 1970, included.
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

/// What is said in place of a page.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Why a try gave no page.
enum Failure {
    /// Another try may.
    Passing(String),
    /// No request with these credentials will.
    Credentials(String),
    /// This request never will.
    Lasting(String),
}

/// AWS's own endpoint of a region.
pub fn endpoint(region: &str) -> String {
    let partition = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://cloudtrail.{region}.{partition}")
}

impl Api {
    pub fn new(region: &str, endpoint: &str, credentials: AwsCredentialProvider, pace: Pace) -> error::Result<Api> {
        let usage = |reason: String| error::Error::Usage(format!("the endpoint {endpoint}: {reason}"));
        let url = Url::parse(endpoint).map_err(|e| usage(e.to_string()))?;
        let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
        let http = ReqwestConnector::default().connect(&options).map_err(|e| usage(root_cause(&e)))?;
        let (next, refused) = (Mutex::new(Instant::now()), OnceLock::new());
        Ok(Api { http, endpoint: url, region: region.into(), credentials, pace, next, refused })
    }

    /// The account whose history this is: the one that received the newest events.
    pub async fn account_id(&self) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            cloud_trail_event: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Event {
            recipient_account_id: String,
        }
        let question = Question { start_time: None, end_time: None, max_results: PAGE_EVENTS_MAX, next_token: None };
        let answer = self.ask(&question).await?;
        let listed: Vec<Listed> = serde_json::from_str(page(&answer)?.events.get()).map_err(generic)?;
        let mut events =
            listed.iter().filter_map(|listed| serde_json::from_str::<Event>(&listed.cloud_trail_event).ok());
        let event = events.next().ok_or_else(|| generic("no event in 90 days; check the region and --profile"))?;
        Ok(event.recipient_account_id)
    }

    /// Every page of the events from `from` to `to`, both included, one after another.
    pub async fn pages(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Bytes> {
        let mut pages = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = self
                .ask(&Question {
                    start_time: Some(from.timestamp()),
                    end_time: Some(to.timestamp()),
                    max_results: PAGE_EVENTS_MAX,
                    next_token: token.as_deref(),
                })
                .await?;
            let next = page(&answer)?.next_token;
            if pages.len() + answer.len() >= HOUR_BYTES_MAX {
                return Err(generic("more than 1 GiB in an hour; read it from the trail's bucket"));
            }
            pages.extend_from_slice(&answer);
            pages.push(b'\n');
            match next {
                None => return Ok(pages.into()),
                next if next == token => return Err(generic("the answer's NextToken is the one that was sent")),
                next => token = next,
            }
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Bytes> {
        let body = Bytes::from(serde_json::to_vec(question).map_err(generic)?);
        let (mut tried, mut wait) = (0, self.pace.backoff);
        loop {
            if let Some(reason) = self.refused.get() {
                return Err(generic(reason.as_str()));
            }
            self.turn().await;
            tried += 1;
            match self.attempt(body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Passing(_)) if tried < self.pace.tries_max => sleep(wait).await,
                Err(Failure::Passing(reason)) => return Err(generic(format!("{reason}; tried {tried} times"))),
                Err(Failure::Credentials(reason)) => return Err(generic(self.refused.get_or_init(|| reason).as_str())),
                Err(Failure::Lasting(reason)) => return Err(generic(reason)),
            }
            wait *= 2;
        }
    }

    /// Waits until the next request may leave.
    async fn turn(&self) {
        let mut next = self.next.lock().await;
        let at = Instant::now().max(*next);
        *next = at + self.pace.between;
        drop(next);
        sleep_until(at).await;
    }

    async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|e| Failure::Credentials(root_cause(&e)))?;
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "POST".parse().map_err(|_| Failure::Lasting("POST is no method".into()))?;
        *request.uri_mut() =
            self.endpoint.as_str().parse().map_err(|_| Failure::Lasting("the endpoint is no URI".into()))?;
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert(
            "x-amz-target",
            HeaderValue::from_static("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
        );
        AwsAuthorizer::new(&credential, "cloudtrail", &self.region).authorize(&mut request, None);

        let response = self.http.execute(request).await.map_err(lost)?;
        let status = response.status();
        let answer = response.into_body().bytes().await.map_err(lost)?;
        if status.is_success() { Ok(answer) } else { Err(failure(status.as_u16(), &answer)) }
    }
}

fn page(answer: &[u8]) -> Result<Page<'_>> {
    serde_json::from_slice(answer).map_err(|e| generic(format!("an answer that is no page of events: {e}")))
}

/// No answer, or half of one.
fn lost(error: HttpError) -> Failure {
    Failure::Passing(root_cause(&generic(error)))
}

/// What the API says, and whether to ask again.
fn failure(status: u16, answer: &[u8]) -> Failure {
    let Ok(Refusal { code, message }) = serde_json::from_slice(answer) else {
        let text: String = String::from_utf8_lossy(answer).chars().filter(|c| !c.is_control()).take(200).collect();
        let reason = format!("HTTP status {status}: {text}");
        return if status == 429 || status >= 500 { Failure::Passing(reason) } else { Failure::Lasting(reason) };
    };
    let code = code.rsplit('#').next().unwrap_or_default();
    let is = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let reason = format!("{code}: {message}");
    if status == 429 || status >= 500 || is(&["Throttl", "TooManyRequests", "LimitExceeded"]) {
        Failure::Passing(reason)
    } else if is(&["AccessDenied", "NotAuthorized", "OptInRequired"]) {
        Failure::Credentials(format!("{reason}; allow cloudtrail:LookupEvents, or name another --profile"))
    } else if is(&["Expired", "UnrecognizedClient", "Signature", "AuthenticationToken", "InvalidClientTokenId"]) {
        Failure::Credentials(format!("{reason}; renew the credentials, or name others with --profile"))
    } else {
        Failure::Lasting(reason)
    }
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
    fn what_will_pass_is_told_from_what_will_not() {
        let kind = |status: u16, answer: &str| match failure(status, answer.as_bytes()) {
            Failure::Passing(_) => "passing",
            Failure::Credentials(_) => "credentials",
            Failure::Lasting(_) => "lasting",
        };
        assert_eq!(kind(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#), "passing");
        assert_eq!(kind(503, "<html>busy</html>"), "passing");
        assert_eq!(kind(400, r#"{"__type":"com.amazonaws#ExpiredTokenException","Message":"late"}"#), "credentials");
        assert_eq!(kind(400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#), "credentials");
        assert_eq!(kind(400, r#"{"__type":"InvalidTimeRangeException","message":"no"}"#), "lasting");
        assert_eq!(kind(403, "<html>a proxy</html>"), "lasting");
    }
}
