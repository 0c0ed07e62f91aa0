//! STIX 2.1 bundles: indicators with STIX patterns, and observables such as `ipv4-addr` objects.
//!
//! <https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html>

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::feed::Feed;
use super::indicator::Mention;
use super::pattern::{Comparison, comparisons};
use super::recognise::{Recognised, recognise, recognise_as};

/// Observables that are values by themselves, and the property that holds the value.
const OBSERVABLES: &[(&str, &str)] = &[
    ("ipv4-addr", "value"),
    ("ipv6-addr", "value"),
    ("autonomous-system", "number"),
    ("user-account", "user_id"),
    ("domain-name", "value"),
    ("url", "value"),
    ("email-addr", "value"),
    ("mac-addr", "value"),
    ("file", "name"),
    ("mutex", "name"),
    ("windows-registry-key", "key"),
    ("x509-certificate", "serial_number"),
];

/// True for a bundle, or a list of its objects.
pub fn is_stix(json: &Value) -> bool {
    let id = |object: &Value| object["id"].as_str().is_some_and(|id| id.contains("--"));
    let is_list = |json: &Value| json.as_array().is_some_and(|list| list.first().is_some_and(id));
    json["type"] == "bundle" || json["type"].is_string() && id(json) || is_list(&json["objects"]) || is_list(json)
}

/// Reads a bundle, a list of objects, or one object.
pub fn stix(json: &Value, feed: &mut Feed) {
    let objects = json["objects"].as_array().or(json.as_array());
    let objects: Vec<&Value> = objects.map_or_else(|| vec![json], |objects| objects.iter().collect());
    let name = |object: &&Value| Some((object["id"].as_str()?.to_owned(), object["name"].as_str()?.to_owned()));
    let identities = objects.iter().copied().filter(|object| object["type"] == "identity");
    let sources: HashMap<String, String> = identities.filter_map(|object| name(&object)).collect();
    for (number, object) in objects.into_iter().enumerate() {
        if object["type"] == "bundle" {
            continue;
        }
        let at = object["id"].as_str().map_or_else(|| format!("object {}", number + 1), str::to_owned);
        let source = object["created_by_ref"].as_str().map(|id| sources.get(id).map_or(id, String::as_str).to_owned());
        match object["type"].as_str() {
            Some("indicator") => indicator(&at, object, source, feed),
            Some("observed-data") => {
                let inner = object["objects"].as_object().into_iter().flatten();
                inner.for_each(|(_, object)| observable(&at, object, source.clone(), feed));
            }
            Some(_) => observable(&at, object, source, feed),
            None => feed.problem(&at, "an object without a type"),
        }
    }
}

fn indicator(at: &str, object: &Value, source: Option<String>, feed: &mut Feed) {
    if object["revoked"] == true {
        return feed.leave_out("revoked");
    }
    let text = |name: &str| object[name].as_str();
    if let Some(language) = text("pattern_type").filter(|language| *language != "stix") {
        return feed.add(at, Ok(Recognised::NotRecorded(format!("{language} pattern"))), Mention::default());
    }
    let Some(pattern) = text("pattern") else { return feed.problem(at, "an indicator without a pattern") };
    let mut time = |name: &str| match text(name).map(utc).transpose() {
        Ok(time) => time,
        Err(reason) => {
            feed.problem(at, format!("{name}: {reason}"));
            None
        }
    };
    let about = Mention {
        description: text("name").or(text("description")).map(str::to_owned),
        source,
        valid_from: time("valid_from"),
        valid_until: time("valid_until"),
        confidence: confidence(object),
        ..Mention::default()
    };
    let comparisons = match comparisons(pattern) {
        Ok(comparisons) => comparisons,
        Err(reason) => return feed.problem(at, reason),
    };
    for Comparison { path, values, is_partial } in comparisons {
        let caveat = is_partial.then(|| format!("one of several conditions: {pattern}"));
        match values {
            Ok(values) => {
                let about = Mention { caveat, ..about.clone() };
                values.iter().for_each(|value| feed.add(at, of_path(&path, value), about.clone()));
            }
            Err(reason) => feed.problem(at, reason),
        }
    }
}

/// The value that a pattern compares a property with.
fn of_path(path: &str, value: &str) -> Result<Recognised, String> {
    let (object, property) = path.split_once(':').unwrap_or((path, ""));
    let is_address = ["ipv4-addr", "ipv6-addr"].contains(&object) && property == "value"
        || object == "network-traffic" && ["src_ref.value", "dst_ref.value"].contains(&property);
    // The references of a connection may also be domains.
    if is_address && object == "network-traffic" {
        return recognise(value);
    }
    match (object, property) {
        _ if is_address => recognise_as("ip", value),
        ("autonomous-system", "number") => recognise_as("asn", value),
        _ if property.to_lowercase().ends_with("request_header.'user-agent'") => recognise_as("user-agent", value),
        // Accounts and objects of the source's own types: only what is unmistakable.
        ("user-account", _) => Ok(recognised_or(value, "user-account")),
        _ if object.starts_with("x-") => Ok(recognised_or(value, object)),
        _ => Ok(Recognised::NotRecorded(match property {
            "value" => object.to_owned(),
            _ => path.to_owned(),
        })),
    }
}

fn recognised_or(value: &str, type_name: &str) -> Recognised {
    match recognise(value) {
        Ok(found @ Recognised::Indicator(..)) => found,
        _ => Recognised::NotRecorded(type_name.to_owned()),
    }
}

/// An object that is a value. Others, such as malware and relationships, are about values.
fn observable(at: &str, object: &Value, source: Option<String>, feed: &mut Feed) {
    let type_name = object["type"].as_str().unwrap_or_default();
    let Some((_, property)) = OBSERVABLES.iter().find(|(known, _)| *known == type_name) else { return };
    if object["revoked"] == true {
        return feed.leave_out("revoked");
    }
    let value = match &object[*property] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let caveat = Some("an observable, which may also be harmless".to_owned());
    let about = Mention { source, caveat, confidence: confidence(object), ..Mention::default() };
    feed.add(at, of_path(&format!("{type_name}:{property}"), &value), about);
}

fn confidence(object: &Value) -> Option<u8> {
    object["confidence"].as_u64().filter(|confidence| *confidence <= 100).map(|confidence| confidence as u8)
}

/// A time in UTC, to the second.
fn utc(text: &str) -> Result<String, String> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| format!("invalid time `{text}`"))?;
    Ok(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true))
}
