//! `json_values(json, path)`: the values at a path, through arrays; `lower_values(values)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field};
use serde_json::Value;

use super::function::{Argument, Function, texts};

/// Nested objects and arrays that are followed; deeper ones have no values.
const DEPTH_MAX: usize = 64;

fn list_of_texts() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// The values at a path. A path through an array continues in each of its elements, and an array at the end of the path
/// gives its elements. Numbers and truth values as JSON writes them, objects as JSON text. `None` where the path leads
/// nowhere or to null. The empty path gives every text, number and truth value at any depth.
fn values_at(json: &Value, path: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let found = match path {
        "" => {
            every_value(json, DEPTH_MAX, &mut values);
            true
        }
        path => follow(json, path, DEPTH_MAX, &mut values),
    };
    found.then_some(values)
}

/// Whether the path leads somewhere.
fn follow(json: &Value, path: &str, depth: usize, values: &mut Vec<String>) -> bool {
    if depth == 0 {
        return false;
    }
    match json {
        Value::Array(elements) => {
            // All elements: `any` would stop at the first.
            elements.iter().filter(|element| follow(element, path, depth - 1, values)).count() > 0
        }
        Value::Object(members) => {
            // A member may have dots in its name.
            if let Some(member) = members.get(path) {
                return add(member, depth, values);
            }
            let next = path.split_once('.').and_then(|(first, rest)| Some((members.get(first)?, rest)));
            next.is_some_and(|(member, rest)| follow(member, rest, depth - 1, values))
        }
        _ => false,
    }
}

fn add(json: &Value, depth: usize, values: &mut Vec<String>) -> bool {
    match json {
        Value::Null => return false,
        Value::Array(elements) if depth > 0 => {
            for element in elements {
                add(element, depth - 1, values);
            }
        }
        other => values.push(text(other)),
    }
    true
}

fn every_value(json: &Value, depth: usize, values: &mut Vec<String>) {
    match json {
        Value::Null => {}
        Value::Array(elements) if depth > 0 => elements.iter().for_each(|value| every_value(value, depth - 1, values)),
        Value::Object(members) if depth > 0 => members.values().for_each(|value| every_value(value, depth - 1, values)),
        Value::Array(_) | Value::Object(_) => {}
        other => values.push(text(other)),
    }
}

fn text(json: &Value) -> String {
    match json {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "json_values",
        "Values at a path of a JSON text, such as 'ipPermissions.items.toPort'. The path continues in every element of an \
         array. Numbers and truth values are texts, objects are JSON. Null where there is no such member, or where it is null. \
         The empty path gives all values at any depth.",
        &[Argument::Text("json"), Argument::Text("path")],
        list_of_texts(),
        &[
            (r#"json_values('{"a":[{"b":"x"},{"b":[1,true]}]}', 'a.b')"#, "[x, 1, true]"),
            (r#"json_values('{"a":{"b":null}}', 'a.b')"#, "NULL"),
            (r#"json_values('{"a":{"b":"x"},"c":2}', '')"#, "[x, 2]"),
        ],
        |args, rows| {
            let (jsons, paths) = (texts(&args[0]), texts(&args[1]));
            let mut lists = ListBuilder::new(StringBuilder::new());
            for row in 0..rows {
                let values = (jsons.is_valid(row) && paths.is_valid(row))
                    .then(|| serde_json::from_str::<Value>(jsons.value(row)).ok())
                    .flatten()
                    .and_then(|json| values_at(&json, paths.value(row)));
                match values {
                    Some(values) => {
                        values.iter().for_each(|value| lists.values().append_value(value));
                        lists.append(true);
                    }
                    None => lists.append(false),
                }
            }
            Ok(Arc::new(lists.finish()))
        },
    )
}

/// Declaration of `lower_values`.
pub fn lower() -> Function {
    Function::new(
        "lower_values",
        "The texts of a list in lower case.",
        &[Argument::Texts("values")],
        list_of_texts(),
        &[("lower_values(make_array('Ab', 'c'))", "[ab, c]")],
        |args, _| {
            let list = args[0].as_list::<i32>();
            let lowered: StringArray =
                list.values().as_string::<i32>().iter().map(|text| text.map(str::to_lowercase)).collect();
            let DataType::List(field) = list_of_texts() else { return Ok(Arc::clone(&args[0])) };
            let lowered = ListArray::try_new(field, list.offsets().clone(), Arc::new(lowered), list.nulls().cloned())?;
            Ok(Arc::new(lowered) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(json: &Value, path: &str) -> Option<String> {
        values_at(json, path).map(|values| values.join("|"))
    }

    #[test]
    fn a_path_continues_in_every_element_of_an_array() {
        let json = json!({"set": {"items": [{"port": 22}, {"port": [80, 443]}, {"other": 1}, 5]}, "a.b": {"c": "x"}});
        assert_eq!(at(&json, "set.items.port").as_deref(), Some("22|80|443"));
        assert_eq!(at(&json, "set.items.nothing"), None);
        assert_eq!(at(&json, "a.b").as_deref(), Some(r#"{"c":"x"}"#), "a name with a dot");
    }

    #[test]
    fn null_is_missing_and_an_empty_list_is_not() {
        let json = json!({"null": null, "empty": [], "nulls": [null], "text": ""});
        assert_eq!(at(&json, "null"), None);
        assert_eq!(["empty", "nulls", "text"].map(|path| at(&json, path)), ["", "", ""].map(|t| Some(t.to_owned())));
    }
}
