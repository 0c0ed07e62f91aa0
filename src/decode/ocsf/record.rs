//! One OCSF event to the CloudTrail record it was made from, as JSON text.
//!
//! After the mappings that AWS and OCSF publish for versions 1.0.0-rc.2 and 1.1.0 (source versions 1 and 2 of Security
//! Lake). What a mapping lost stays absent; what has no place in a record is kept, under its own name, in a member `ocsf`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, SecondsFormat};
use serde_json::value::RawValue;

use super::super::{json, time};

/// How a value gets its form in a record back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it stands.
    Same,
    /// A time in any form.
    Time,
    /// A list or object, also when written as a string.
    Json,
    /// A boolean, which `userIdentity` has as a string.
    Flag,
    /// Old events have no category, and are given a list of all there are.
    Category,
    /// An account, if it is one: services put other things here.
    Account,
    /// The identity's ARN or, in version 1.0, its principal.
    User,
    /// A provider of web identities or, for callers who are such, their own.
    Provider,
    /// Of a sign-in alone: whether a second factor was used.
    Factor,
    /// Of a sign-in alone: whether it succeeded.
    SignIn,
    /// Of a role assumed, in version 1.0.
    AssumedRole,
    /// `resources`, element by element.
    Resources,
    /// Members of the record that OCSF has no place for, by path.
    Unmapped,
}

/// Where members of OCSF come from. Of two lines with one target the upper wins.
const MEMBERS: &[(&str, Form, &str)] = &[
    ("metadata.uid", Form::Same, "eventID"),
    ("metadata.product.version", Form::Same, "eventVersion"),
    ("metadata.product.feature.name", Form::Category, "eventCategory"),
    ("metadata.event_code", Form::Same, "eventType"),
    ("time", Form::Time, "eventTime"),
    ("time_dt", Form::Time, "eventTime"),
    ("api.operation", Form::Same, "eventName"),
    ("api.service.name", Form::Same, "eventSource"),
    ("api.version", Form::Same, "apiVersion"),
    ("api.request.uid", Form::Same, "requestID"),
    ("api.request.data", Form::Json, "requestParameters"),
    ("api.response.data", Form::Json, "responseElements"),
    ("api.response.error", Form::Same, "errorCode"),
    ("api.response.message", Form::Same, "errorMessage"),
    ("cloud.region", Form::Same, "awsRegion"),
    ("actor.user.type", Form::Same, "userIdentity.type"),
    ("actor.user.uid_alt", Form::Same, "userIdentity.principalId"),
    ("actor.user.uuid", Form::Same, "userIdentity.arn"),
    ("actor.user.uid", Form::User, "userIdentity"),
    ("actor.user.name", Form::Same, "userIdentity.userName"),
    ("actor.user.account.uid", Form::Same, "userIdentity.accountId"),
    ("actor.user.account_uid", Form::Same, "userIdentity.accountId"),
    ("actor.user.credential_uid", Form::Same, "userIdentity.accessKeyId"),
    ("actor.invoked_by", Form::Same, "userIdentity.invokedBy"),
    ("actor.idp.name", Form::Provider, "userIdentity"),
    ("actor.session.issuer", Form::Same, "userIdentity.sessionContext.sessionIssuer.arn"),
    ("actor.session.is_mfa", Form::Flag, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ("actor.session.mfa", Form::Flag, "userIdentity.sessionContext.attributes.mfaAuthenticated"),
    ("actor.session.created_time", Form::Time, "userIdentity.sessionContext.attributes.creationDate"),
    ("actor.session.created_time_dt", Form::Time, "userIdentity.sessionContext.attributes.creationDate"),
    ("src_endpoint.ip", Form::Same, "sourceIPAddress"),
    ("src_endpoint.domain", Form::Same, "sourceIPAddress"),
    ("src_endpoint.uid", Form::Same, "vpcEndpointId"),
    ("http_request.user_agent", Form::Same, "userAgent"),
    ("tls.version", Form::Same, "tlsDetails.tlsVersion"),
    ("tls.cipher", Form::Same, "tlsDetails.cipherSuite"),
    ("tls.sni", Form::Same, "tlsDetails.clientProvidedHostHeader"),
    ("resources", Form::Resources, "resources"),
    ("unmapped", Form::Unmapped, ""),
    ("cloud.account.uid", Form::Account, "recipientAccountId"),
    ("dst_endpoint.svc_name", Form::Same, "additionalEventData.LoginTo"),
    ("is_mfa", Form::Factor, "additionalEventData.MFAUsed"),
    ("mfa", Form::Factor, "additionalEventData.MFAUsed"),
    ("status", Form::SignIn, "responseElements.ConsoleLogin"),
    ("user.uuid", Form::AssumedRole, "requestParameters.roleArn"),
    ("user.name", Form::AssumedRole, "requestParameters.roleSessionName"),
];

/// Names within names that a path may have; what lies deeper stays one value.
const PATH_NAMES_MAX: usize = 16;

/// The product an event's `metadata` names, unless that is CloudTrail.
pub fn other_product(metadata: &str) -> Option<String> {
    let product = member(metadata, "product").and_then(|product| member(product, "name")).and_then(json::text)?;
    let other = !product.to_ascii_lowercase().contains("cloudtrail");
    other.then(|| product.chars().filter(|c| !c.is_control()).take(80).collect())
}

/// A member of an object.
pub fn member<'a>(object: &'a str, wanted: &str) -> Option<&'a str> {
    let mut found = None;
    json::members(object, |name, raw| {
        if name == wanted && found.is_none() {
            found = Some(raw);
        }
    })
    .ok()?;
    found
}

/// The record that an OCSF event was made from.
///
/// # Errors
/// Why it cannot be made.
pub fn record(event: &str) -> Result<String, String> {
    let mut leaves = Vec::new();
    find_leaves(event, "", &mut leaves)?;
    let line = |path: &str| MEMBERS.iter().position(|(member, _, _)| *member == path).unwrap_or(MEMBERS.len());
    leaves.sort_by_cached_key(|(path, _)| line(path));
    let fact = |wanted: &str| leaves.iter().find(|(path, _)| path == wanted).and_then(|(_, raw)| json::text(raw));
    let facts = Facts {
        is_version_1_0: fact("metadata.version").is_some_and(|version| version.starts_with("1.0")),
        operation: fact("api.operation").unwrap_or_default(),
        caller: fact("actor.user.type").unwrap_or_default(),
    };
    let (mut record, mut rest) = (Tree::default(), Tree::default());
    for (path, raw) in &leaves {
        if matches!(*raw, "null" | "\"\"") {
            continue;
        }
        match MEMBERS.get(line(path)) {
            Some((_, Form::Unmapped, _)) => {
                let object = container(raw);
                put_unmapped(&object, &mut Vec::new(), &mut record, &mut rest)?;
            }
            Some((_, form, target)) => match facts.value(*form, target, raw) {
                Some((target, value)) if record.put(&names(&target), &value) => {}
                _ => rest.keep(&names(path), raw)?,
            },
            None => rest.keep(&names(path), raw)?,
        }
    }
    let mut text = String::new();
    rest.write(&mut text);
    record.keep(&["ocsf"], &text)?;
    text.clear();
    record.write(&mut text);
    Ok(text)
}

/// Paths and raw values, down to where a line of [`MEMBERS`] ends or none goes on.
fn find_leaves<'a>(object: &'a str, above: &str, leaves: &mut Vec<(String, &'a str)>) -> Result<(), String> {
    let mut deeper = Ok(());
    json::members(object, |name, raw| {
        let path = if above.is_empty() { name.into_owned() } else { format!("{above}.{name}") };
        let goes_on = |(member, _, _): &(&str, Form, &str)| {
            member.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        if raw.starts_with('{') && MEMBERS.iter().any(goes_on) {
            deeper = std::mem::replace(&mut deeper, Ok(())).and_then(|()| find_leaves(raw, &path, leaves));
        } else {
            leaves.push((path, raw));
        }
    })?;
    deeper
}

/// What other members say about a member's meaning.
struct Facts<'a> {
    is_version_1_0: bool,
    operation: Cow<'a, str>,
    caller: Cow<'a, str>,
}

impl Facts<'_> {
    /// A value in its form in a record, and its place there; `None` when it has none.
    fn value<'t>(&self, form: Form, target: &'t str, raw: &str) -> Option<(Cow<'t, str>, String)> {
        let text = || json::text(raw);
        let below = |name: &str| Some((Cow::Owned(format!("{target}.{name}")), raw.to_owned()));
        let is_sign_in = self.operation == "ConsoleLogin";
        let value = match form {
            Form::Same => raw.to_owned(),
            Form::Time => {
                let time = DateTime::from_timestamp_micros(time::micros(&text()?)?)?;
                quoted(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Form::Json => container(raw).into_owned(),
            Form::Flag => quoted(&json::boolean(raw)?.to_string()),
            Form::Category => {
                let known = ["Management", "Data", "Insight", "NetworkActivity"];
                known.contains(&text()?.as_ref()).then(|| raw.to_owned())?
            }
            Form::Account => {
                let text = text()?;
                (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| quoted(&text))?
            }
            Form::User if !self.is_version_1_0 && text()?.starts_with("arn:") => return below("arn"),
            Form::User => return below("principalId"),
            Form::Provider if matches!(self.caller.as_ref(), "WebIdentityUser" | "SAMLUser") => {
                return below("identityProvider");
            }
            Form::Provider => return below("sessionContext.webIdFederationData.federatedProvider"),
            Form::Factor if is_sign_in => quoted(if json::boolean(raw)? { "Yes" } else { "No" }),
            Form::SignIn if is_sign_in && matches!(text()?.as_ref(), "Success" | "Failure") => raw.to_owned(),
            Form::AssumedRole if self.is_version_1_0 && self.operation.starts_with("AssumeRole") => raw.to_owned(),
            Form::Resources => resources(raw)?,
            Form::Factor | Form::SignIn | Form::AssumedRole | Form::Unmapped => return None,
        };
        Some((Cow::Borrowed(target), value))
    }
}

/// `[{"uid", "account": {"uid"}, "type"}]` to `[{"ARN", "accountId", "type"}]`; what else an element has stays in it.
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

/// Puts members back at their paths: `{"userIdentity.invokedBy": "x"}`, or objects within objects.
fn put_unmapped(object: &str, path: &mut Vec<String>, record: &mut Tree, rest: &mut Tree) -> Result<(), String> {
    let mut outcome = Ok(());
    let put = |name: Cow<str>, raw: &str| {
        if outcome.is_err() || raw == "null" {
            return;
        }
        let above = path.len();
        path.extend(name.splitn(PATH_NAMES_MAX - above, '.').map(str::to_owned));
        let is_empty = raw[1..].trim_start().starts_with('}');
        outcome = if raw.starts_with('{') && !is_empty && path.len() < PATH_NAMES_MAX {
            put_unmapped(raw, path, record, rest)
        } else {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if record.put(&names, raw) { Ok(()) } else { rest.keep(&[&["unmapped"], names.as_slice()].concat(), raw) }
        };
        path.truncate(above);
    };
    if object.starts_with('{') {
        json::members(object, put)?
    } else {
        rest.keep(&["unmapped"], object)?
    }
    outcome
}

/// Members by name, raw JSON at the leaves.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

enum Node {
    Json(String),
    Tree(Tree),
}

impl Tree {
    /// Puts a value at a path. True when it is there now; false when another is.
    fn put(&mut self, path: &[&str], value: &str) -> bool {
        let Some((name, below)) = path.split_first() else { return false };
        let node = match self.0.entry((*name).to_owned()) {
            Entry::Occupied(node) => node.into_mut(),
            Entry::Vacant(place) if below.is_empty() => {
                place.insert(Node::Json(value.to_owned()));
                return true;
            }
            Entry::Vacant(place) => place.insert(Node::Tree(Tree::default())),
        };
        if !below.is_empty()
            && let Node::Json(json) = node
            && let Some(tree) = Tree::of(json)
        {
            *node = Node::Tree(tree);
        }
        match node {
            Node::Json(known) => below.is_empty() && (known == value || (known.starts_with('{') && value == "{}")),
            Node::Tree(tree) if !below.is_empty() => tree.put(below, value),
            Node::Tree(_) => value == "{}",
        }
    }

    /// Puts a value that must not be lost.
    fn keep(&mut self, path: &[&str], value: &str) -> Result<(), String> {
        let placed = self.put(path, value);
        if placed { Ok(()) } else { Err("OCSF with repeated members; which one holds cannot be told".into()) }
    }

    /// An object's members; `None` for anything else, and where one is repeated.
    fn of(object: &str) -> Option<Tree> {
        let mut tree = Tree::default();
        let mut is_sound = object.starts_with('{');
        json::members(object, |name, raw| {
            is_sound &= tree.0.insert(name.into_owned(), Node::Json(raw.to_owned())).is_none();
        })
        .ok()?;
        is_sound.then_some(tree)
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

/// The object or list that a string holds; the value as it stands when it holds none.
fn container(raw: &str) -> Cow<'_, str> {
    let inside =
        json::text(raw).filter(|text| text.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok());
    inside.unwrap_or(Cow::Borrowed(raw))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
