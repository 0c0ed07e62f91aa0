//! MISP JSON: an event, a list of events, or the attributes that a search returns.
//!
//! <https://www.misp-standard.org/rfc/misp-standard-core.html>

use serde_json::Value;

use super::feed::Feed;
use super::indicator::Mention;
use super::recognise::{Recognised, kind_of_type, recognise, recognise_as};

/// Types whose values are free text: only what is unmistakable is searched for.
const TEXTS: [&str; 3] = ["text", "comment", "other"];

/// Confidence of the taxonomy `misp:confidence-level`, with its numerical values.
const CONFIDENCES: [(&str, u8); 5] = [
    ("completely-confident", 100),
    ("usually-confident", 75),
    ("fairly-confident", 50),
    ("rarely-confident", 25),
    ("unconfident", 0),
];

/// True for JSON of MISP.
pub fn is_misp(json: &Value) -> bool {
    let is_attribute = |object: &Value| object["type"].is_string() && object["value"].is_string();
    match json {
        Value::Object(members) => {
            ["Event", "Attribute", "response"].iter().any(|name| members.contains_key(*name)) || is_attribute(json)
        }
        Value::Array(list) => list.first().is_some_and(is_misp),
        _ => false,
    }
}

/// Reads everything below `json`. `event` is what the event around it says.
pub fn misp(json: &Value, feed: &mut Feed) {
    read(json, &Mention::default(), feed);
}

fn read(json: &Value, event: &Mention, feed: &mut Feed) {
    let Value::Object(members) = json else {
        return json.as_array().into_iter().flatten().for_each(|inner| read(inner, event, feed));
    };
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    if members.contains_key("value") && members.contains_key("type") {
        return attribute(json, event, feed);
    }
    let mut event = event.clone();
    if members.contains_key("info") {
        event.description = text("info");
        event.source = json["Orgc"]["name"].as_str().map(str::to_owned).or(event.source);
        event.confidence = confidence(json).or(event.confidence);
    }
    for name in ["response", "Event", "Attribute", "Object"] {
        if let Some(inner) = members.get(name) {
            read(inner, &event, feed);
        }
    }
}

fn attribute(json: &Value, event: &Mention, feed: &mut Feed) {
    let text = |name: &str| json[name].as_str().filter(|text| !text.trim().is_empty());
    let (type_name, value) = (text("type").unwrap_or_default(), text("value").unwrap_or_default());
    let at = text("uuid").or(text("id")).unwrap_or(value);
    if json["deleted"] == true {
        return feed.leave_out("deleted");
    }
    let found = match TEXTS.contains(&type_name) {
        true => match recognise(value) {
            Ok(found @ Recognised::Indicator(..)) => Ok(found),
            _ => Ok(Recognised::NotRecorded(type_name.to_owned())),
        },
        false => recognise_as(type_name, value),
    };
    let is_searched = kind_of_type(type_name).is_some() || matches!(found, Ok(Recognised::Indicator(..)));
    // In texts, the flag is usually off.
    if json["to_ids"] == false && is_searched && !TEXTS.contains(&type_name) {
        return feed.leave_out("not for detection (to_ids is false)");
    }
    let info = json["Event"]["info"].as_str().map(str::to_owned);
    let about = Mention {
        description: text("comment").map(str::to_owned).or(info).or(event.description.clone()),
        source: json["Event"]["Orgc"]["name"].as_str().map(str::to_owned).or(event.source.clone()),
        confidence: confidence(json).or(event.confidence),
        ..Mention::default()
    };
    feed.add(at, found, about);
}

/// The confidence that a tag states.
fn confidence(json: &Value) -> Option<u8> {
    let tags = json["Tag"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str());
    let level = tags.filter_map(|tag| tag.strip_prefix("misp:confidence-level=")).next()?.trim_matches('"');
    CONFIDENCES.iter().find(|(known, _)| *known == level).map(|(_, confidence)| *confidence)
}
