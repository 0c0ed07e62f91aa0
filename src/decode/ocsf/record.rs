//! Converts one OCSF event back to the CloudTrail record it was made from, as JSON text.
//!
//! Follows the mappings that AWS and OCSF publish for versions 1.0.0-rc.2 and 1.1.0 (source versions 1 and 2 of
//! Security Lake). Members that a mapping dropped stay absent; members without a counterpart in a record are kept in a
//! member `ocsf`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, SecondsFormat};
use serde_json::value::RawValue;

use super::super::{json, time};

/// How an OCSF value is converted to its form in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    /// Unchanged.
    Same,
    /// A time in any format.
    Time,
    /// A list or object, or a string that contains one.
    Json,
    /// A boolean, which `userIdentity` has as a string.
    Flag,
    /// The event category. For old events without one, OCSF has a list of all categories, which stays in `ocsf`.
    Category,
    /// A 12-digit account; other values, which some services have here, stay in `ocsf`.
    Account,
    /// The identity's ARN or, in version 1.0, its principal ID.
    User,
    /// The identity provider, at one of two paths depending on the type of the caller.
    Provider,
    /// Whether MFA was used; only for a console sign-in.
    Mfa,
    /// Whether the sign-in succeeded; only for a console sign-in.
    SignIn,
    /// The assumed role; only in version 1.0.
    AssumedRole,
    /// `resources`, element by element.
    Resources,
    /// Members of the record that OCSF does not map, by path.
    Unmapped,
}

/// OCSF member, conversion, and member of the record. If several members map to one target, the first line wins.
const MEMBERS: &[(&str, Conversion, &str)] = &[
    ("metadata.uid", Conversion::Same, "eventID"),
    ("metadata.product.version", Conversion::Same, "eventVersion"),
    ("metadata.product.feature.name", Conversion::Category, "eventCategory"),
    ("metadata.event_code", Conversion::Same, "eventType"),
    ("time", Conversion::Time, "eventTime"),
    ("time_dt", Conversion::Time, "eventTime"),
    ("api.operation", Conversion::Same, "eventName"),
    ("api.service.name", Conversion::Same, "eventSource"),
    ("api.version", Conversion::Same, "apiVersion"),
    ("api.request.uid", Conversion::Same, "requestID"),
    ("api.request.data", Conversion::Json, "requestParameters"),
    ("api.response.data", Conversion::Json, "responseElements"),
    ("api.response.error", Conversion::Same, "errorCode"),
    ("api.response.message", Conversion::Same, "errorMessage"),
    ("cloud.region", Conversion::Same, "awsRegion"),
    ("actor.user.type", Conversion::Same, "userIdentity.type"),
    ("actor.user.uid_alt", Conversion::Same, "userIdentity.principalId"),
    ("actor.user.uuid", Conversion::Same, "userIdentity.arn"),
    ("actor.user.uid", Conversion::User, "userIdentity"),
    ("actor.user.name", Conversion::Same, "userIdentity.userName"),
    ("actor.user.account.uid", Conversion::Same, "userIdentity.accountId"),
    ("actor.user.account_uid", Conversion::Same, "userIdentity.accountId"),
    ("actor.user.credential_uid", Conversion::Same, "userIdentity.accessKeyId"),
    ("actor.invoked_by", Conversion::Same, "userIdentity.invokedBy"),
    ("actor.idp.name", Conversion::Provider, "userIdentity"),
    ("actor.session.issuer", Conversion::Same, "userIdentity.sessionContext.sessionIssuer.arn"),
    ("actor.session.is_mfa", Conversion::Flag, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ("actor.session.mfa", Conversion::Flag, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ("actor.session.created_time", Conversion::Time, "userIdentity.sessionContext.attributes.creationDate"),
    ("actor.session.created_time_dt", Conversion::Time, "userIdentity.sessionContext.attributes.creationDate"),
    ("src_endpoint.ip", Conversion::Same, "sourceIPAddress"),
    ("src_endpoint.domain", Conversion::Same, "sourceIPAddress"),
    ("src_endpoint.uid", Conversion::Same, "vpcEndpointId"),
    ("http_request.user_agent", Conversion::Same, "userAgent"),
    ("tls.version", Conversion::Same, "tlsDetails.tlsVersion"),
    ("tls.cipher", Conversion::Same, "tlsDetails.cipherSuite"),
    ("tls.sni", Conversion::Same, "tlsDetails.clientProvidedHostHeader"),
    ("resources", Conversion::Resources, "resources"),
    ("unmapped", Conversion::Unmapped, ""),
    ("cloud.account.uid", Conversion::Account, "recipientAccountId"),
    ("dst_endpoint.svc_name", Conversion::Same, "additionalEventData.LoginTo"),
    ("is_mfa", Conversion::Mfa, "additionalEventData.MFAUsed"),
    ("mfa", Conversion::Mfa, "additionalEventData.MFAUsed"),
    ("status", Conversion::SignIn, "responseElements.ConsoleLogin"),
    ("user.uuid", Conversion::AssumedRole, "requestParameters.roleArn"),
    ("user.name", Conversion::AssumedRole, "requestParameters.roleSessionName"),
];

/// Maximum number of names in a path; deeper members stay one value.
const PATH_NAMES_MAX: usize = 16;

/// The product in an event's `metadata`, unless it is CloudTrail.
pub fn other_product(metadata: &str) -> Option<String> {
    let product = member(metadata, "product").and_then(|product| member(product, "name")).and_then(json::text)?;
    let other = !product.to_ascii_lowercase().contains("cloudtrail");
    other.then(|| product.chars().filter(|c| !c.is_control()).take(80).collect())
}

/// The member of an object with this name.
pub fn member<'a>(object: &'a str, member_name: &str) -> Option<&'a str> {
    let mut found = None;
    json::members(object, |name, raw| {
        if name == member_name && found.is_none() {
            found = Some(raw);
        }
    })
    .ok()?;
    found
}

/// The record that an OCSF event was made from.
///
/// # Errors
/// Why the event cannot be converted.
pub fn record(event: &str) -> Result<String, String> {
    let mut leaves = Vec::new();
    find_leaves(event, "", &mut leaves)?;
    let line = |path: &str| MEMBERS.iter().position(|(member, _, _)| *member == path).unwrap_or(MEMBERS.len());
    leaves.sort_by_cached_key(|(path, _)| line(path));
    let text = |wanted: &str| leaves.iter().find(|(path, _)| path == wanted).and_then(|(_, raw)| json::text(raw));
    let context = Context {
        is_version_1_0: text("metadata.version").is_some_and(|version| version.starts_with("1.0")),
        operation: text("api.operation").unwrap_or_default(),
        caller_type: text("actor.user.type").unwrap_or_default(),
    };
    let (mut record, mut rest) = (Tree::default(), Tree::default());
    for (path, raw) in &leaves {
        if matches!(*raw, "null" | "\"\"") {
            continue;
        }
        match MEMBERS.get(line(path)) {
            Some((_, Conversion::Unmapped, _)) => {
                let object = container(raw);
                put_unmapped(&object, &mut Vec::new(), &mut record, &mut rest)?;
            }
            Some((_, conversion, target)) => match context.convert(*conversion, target, raw) {
                Some((target, value)) if record.put(&names(&target), &value) => {}
                _ => rest.put_or_fail(&names(path), raw)?,
            },
            None => rest.put_or_fail(&names(path), raw)?,
        }
    }
    let mut text = String::new();
    rest.write(&mut text);
    record.put_or_fail(&["ocsf"], &text)?;
    text.clear();
    record.write(&mut text);
    Ok(text)
}

/// Collects paths and raw values. Descends into an object only if [`MEMBERS`] has a line for something inside it.
fn find_leaves<'a>(object: &'a str, parent: &str, leaves: &mut Vec<(String, &'a str)>) -> Result<(), String> {
    let mut outcome = Ok(());
    json::members(object, |name, raw| {
        let path = if parent.is_empty() { name.into_owned() } else { format!("{parent}.{name}") };
        let is_inside = |(member, _, _): &(&str, Conversion, &str)| {
            member.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        if raw.starts_with('{') && MEMBERS.iter().any(is_inside) {
            outcome = std::mem::replace(&mut outcome, Ok(())).and_then(|()| find_leaves(raw, &path, leaves));
        } else {
            leaves.push((path, raw));
        }
    })?;
    outcome
}

/// The members that conversions of other members depend on.
struct Context<'a> {
    is_version_1_0: bool,
    operation: Cow<'a, str>,
    caller_type: Cow<'a, str>,
}

impl Context<'_> {
    /// The path and value in the record; `None` when the record has no counterpart.
    fn convert<'t>(&self, conversion: Conversion, target: &'t str, raw: &str) -> Option<(Cow<'t, str>, String)> {
        let text = || json::text(raw);
        let inside = |name: &str| Some((Cow::Owned(format!("{target}.{name}")), raw.to_owned()));
        let is_sign_in = self.operation == "ConsoleLogin";
        let value = match conversion {
            Conversion::Same => raw.to_owned(),
            Conversion::Time => {
                let time = DateTime::from_timestamp_micros(time::micros(&text()?)?)?;
                quoted(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Conversion::Json => container(raw).into_owned(),
            Conversion::Flag => quoted(&json::boolean(raw)?.to_string()),
            Conversion::Category => {
                let known = ["Management", "Data", "Insight", "NetworkActivity"];
                known.contains(&text()?.as_ref()).then(|| raw.to_owned())?
            }
            Conversion::Account => {
                let text = text()?;
                (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| quoted(&text))?
            }
            Conversion::User if !self.is_version_1_0 && text()?.starts_with("arn:") => return inside("arn"),
            Conversion::User => return inside("principalId"),
            Conversion::Provider if matches!(self.caller_type.as_ref(), "WebIdentityUser" | "SAMLUser") => {
                return inside("identityProvider");
            }
            Conversion::Provider => return inside("sessionContext.webIdFederationData.federatedProvider"),
            Conversion::Mfa if is_sign_in => quoted(if json::boolean(raw)? { "Yes" } else { "No" }),
            Conversion::SignIn if is_sign_in && matches!(text()?.as_ref(), "Success" | "Failure") => raw.to_owned(),
            Conversion::AssumedRole if self.is_version_1_0 && self.operation.starts_with("AssumeRole") => {
                raw.to_owned()
            }
            Conversion::Resources => resources(raw)?,
            Conversion::Mfa | Conversion::SignIn | Conversion::AssumedRole | Conversion::Unmapped => return None,
        };
        Some((Cow::Borrowed(target), value))
    }
}

/// Converts `[{"uid", "account": {"uid"}, "type"}]` to `[{"ARN", "accountId", "type"}]`; other members are kept.
fn resources(raw: &str) -> Option<String> {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let elements: Option<Vec<String>> = elements.iter().map(|element| resource(element.get())).collect();
    Some(format!("[{}]", elements?.join(",")))
}

fn resource(element: &str) -> Option<String> {
    let mut members = Vec::new();
    json::members(element, |name, raw| {
        let account = || member(raw, "uid").or_else(|| member(member(raw, "account")?, "uid"));
        let (name, raw) = match name.as_ref() {
            "uid" => ("ARN", raw),
            "account_uid" => ("accountId", raw),
            "account" | "owner" => account().map_or((name.as_ref(), raw), |uid| ("accountId", uid)),
            name => (name, raw),
        };
        members.push(format!("{}:{raw}", quoted(name)));
    })
    .ok()?;
    Some(format!("{{{}}}", members.join(",")))
}

/// Restores members by path: `{"userIdentity.invokedBy": "x"}`, or nested objects.
fn put_unmapped(object: &str, path: &mut Vec<String>, record: &mut Tree, rest: &mut Tree) -> Result<(), String> {
    let mut outcome = Ok(());
    let put = |name: Cow<str>, raw: &str| {
        if outcome.is_err() || raw == "null" {
            return;
        }
        let parent_length = path.len();
        path.extend(name.splitn(PATH_NAMES_MAX - parent_length, '.').map(str::to_owned));
        let is_empty = raw[1..].trim_start().starts_with('}');
        outcome = if raw.starts_with('{') && !is_empty && path.len() < PATH_NAMES_MAX {
            put_unmapped(raw, path, record, rest)
        } else {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if record.put(&names, raw) {
                Ok(())
            } else {
                rest.put_or_fail(&[&["unmapped"], names.as_slice()].concat(), raw)
            }
        };
        path.truncate(parent_length);
    };
    if object.starts_with('{') {
        json::members(object, put)?
    } else {
        rest.put_or_fail(&["unmapped"], object)?
    }
    outcome
}

/// A JSON object under construction, with raw JSON at the leaves.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

enum Node {
    Json(String),
    Tree(Tree),
}

impl Tree {
    /// Inserts a value at a path. False when the path already has another value.
    fn put(&mut self, path: &[&str], value: &str) -> bool {
        let Some((name, rest)) = path.split_first() else { return false };
        let node = match self.0.entry((*name).to_owned()) {
            Entry::Occupied(node) => node.into_mut(),
            Entry::Vacant(entry) if rest.is_empty() => {
                entry.insert(Node::Json(value.to_owned()));
                return true;
            }
            Entry::Vacant(entry) => entry.insert(Node::Tree(Tree::default())),
        };
        if !rest.is_empty()
            && let Node::Json(json) = node
            && let Some(tree) = Tree::parse(json)
        {
            *node = Node::Tree(tree);
        }
        match node {
            Node::Json(present) => rest.is_empty() && (present == value || (present.starts_with('{') && value == "{}")),
            Node::Tree(tree) if !rest.is_empty() => tree.put(rest, value),
            Node::Tree(_) => value == "{}",
        }
    }

    /// Inserts a value that must not be lost.
    fn put_or_fail(&mut self, path: &[&str], value: &str) -> Result<(), String> {
        let inserted = self.put(path, value);
        if inserted { Ok(()) } else { Err("OCSF event with repeated members that contradict each other".into()) }
    }

    /// The members of an object; `None` for any other value and for an object with repeated members.
    fn parse(object: &str) -> Option<Tree> {
        let mut tree = Tree::default();
        let mut is_valid = object.starts_with('{');
        json::members(object, |name, raw| {
            is_valid &= tree.0.insert(name.into_owned(), Node::Json(raw.to_owned())).is_none();
        })
        .ok()?;
        is_valid.then_some(tree)
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (at, (name, node)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&quoted(name));
            out.push(':');
            match node {
                Node::Json(json) => out.push_str(json),
                Node::Tree(tree) => tree.write(out),
            }
        }
        out.push('}');
    }
}

fn names(path: &str) -> Vec<&str> {
    path.splitn(PATH_NAMES_MAX, '.').collect()
}

/// The object or list that a string contains; any other value unchanged.
fn container(raw: &str) -> Cow<'_, str> {
    let content =
        json::text(raw).filter(|text| text.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok());
    content.unwrap_or(Cow::Borrowed(raw))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
