//! Reads what an identity used: the IAM actions of its successful calls, with their resources, and the calls that do not
//! belong into a policy.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::catalogue::{Action, Named};
use super::event_actions::{Needed, needed};
use crate::detect::{Window, rows};
use crate::engine::{self, Session};
use crate::error::{Error, Result};

const USAGE: &str = include_str!("../../../sql/policy_usage.sql");

/// Numbers of calls, by service and API such as `s3:ListBuckets`.
pub type Calls = BTreeMap<String, u64>;

/// What an identity did in a period.
#[derive(Debug, Default)]
pub struct Usage {
    /// Actions of successful calls, and their resources.
    pub used: BTreeMap<Action, Resources>,
    /// Actions of calls that services made for it.
    pub via: BTreeMap<String, BTreeSet<Action>>,
    /// APIs that were given a role, by role.
    pub passed_roles: BTreeMap<String, BTreeSet<String>>,
    /// Successful calls without a known IAM action.
    pub unknown: Calls,
    /// Successful calls that need no permission.
    pub without_policy: Calls,
    /// Denied calls.
    pub denied: Calls,
    /// Calls that failed for other reasons, of APIs that never worked.
    pub failed: Calls,
}

/// The resources of an action.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    /// ARNs as a policy writes them.
    pub arns: BTreeSet<String>,
    /// True if some call was about a resource that its record does not name.
    pub has_unnamed: bool,
}

/// A row of `sql/policy_usage.sql`.
#[derive(Debug, Deserialize)]
struct Row {
    service: String,
    api: String,
    outcome: String,
    is_no_call: bool,
    via: Option<String>,
    resources: Option<String>,
    bucket: Option<String>,
    source_bucket: Option<String>,
    request: Option<String>,
    passed_role: Option<String>,
    account: Option<String>,
    region: Option<String>,
    partition: String,
    calls: u64,
}

/// What `entity`, an ARN or access key, did in the window.
///
/// # Errors
/// When the query fails.
pub async fn usage(entity: &str, session: &Session, window: Window) -> Result<Usage> {
    let mut parameters = window.parameters();
    parameters.insert("entity".into(), engine::Value::Text(entity.into()));
    let query = session.query("policy usage", USAGE, &parameters).await?;
    let failed = |reason: String| Error::query("policy usage", reason);
    let mut usage = Usage::default();
    for row in rows(&query.collect().await?).map_err(failed)? {
        usage.add(&serde_json::from_value(Value::Object(row)).map_err(|e| failed(e.to_string()))?);
    }
    // Of those that failed, only what never worked is news.
    let Usage { failed, used, .. } = &mut usage;
    failed.retain(|name, _| match name.split_once(':').map(|(service, api)| needed(service, api)) {
        Some(Needed::Actions(actions)) => !actions.iter().all(|action| used.contains_key(action)),
        _ => true,
    });
    Ok(usage)
}

impl Usage {
    /// True if it made no call at all.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
            && [&self.unknown, &self.without_policy, &self.denied, &self.failed].iter().all(|calls| calls.is_empty())
    }

    fn add(&mut self, row: &Row) {
        let name = format!("{}:{}", row.service, row.api.split('?').next().unwrap_or_default());
        let needed = if row.is_no_call { Needed::Nothing } else { needed(&row.service, &row.api) };
        let actions = match (row.outcome.as_str(), needed) {
            ("used", Needed::Actions(actions)) => actions,
            ("used", Needed::Unknown) => return *self.unknown.entry(name).or_default() += row.calls,
            ("used", Needed::Nothing) => return *self.without_policy.entry(name).or_default() += row.calls,
            ("denied", _) => return *self.denied.entry(name).or_default() += row.calls,
            _ => return *self.failed.entry(name).or_default() += row.calls,
        };
        if let Some(role) = &row.passed_role {
            self.passed_roles.entry(role.clone()).or_default().insert(name);
        }
        for action in &actions {
            let used = self.used.entry(*action).or_default();
            match row.resources_of(*action) {
                Some(arns) => used.arns.extend(arns),
                None => used.has_unnamed = true,
            }
            if let Some(service) = &row.via {
                self.via.entry(service.clone()).or_default().insert(*action);
            }
        }
    }
}

impl Row {
    fn resources_of(&self, action: Action) -> Option<Vec<String>> {
        let text =
            |text: &Option<String>| text.as_deref().map(serde_json::from_str::<Value>).and_then(|json| json.ok());
        let (resources, request) = (text(&self.resources), text(&self.request));
        let mut named = Named {
            arns: resources.iter().filter_map(Value::as_array).flatten().filter_map(arn).collect(),
            parameters: request.iter().filter_map(Value::as_object).flatten().filter_map(parameter).collect(),
            partition: &self.partition,
            region: self.region.as_deref().unwrap_or_default(),
            account: self.account.as_deref().unwrap_or_default(),
        };
        // A copy reads from another bucket than it writes to.
        let is_source = self.api.contains("Copy") && action.name == "GetObject";
        let bucket = if is_source { &self.source_bucket } else { &self.bucket };
        if is_source {
            named.arns.clear();
        }
        named.parameters.extend(bucket.as_deref().map(|bucket| ("bucketname".to_owned(), bucket)));
        action.resources(&named)
    }
}

/// `ARN` of a resource, in any case.
fn arn(resource: &Value) -> Option<&str> {
    let members = resource.as_object()?;
    members.iter().find(|(name, _)| name.eq_ignore_ascii_case("arn"))?.1.as_str()
}

fn parameter<'a>((name, value): (&String, &'a Value)) -> Option<(String, &'a str)> {
    Some((name.to_ascii_lowercase(), value.as_str()?))
}
