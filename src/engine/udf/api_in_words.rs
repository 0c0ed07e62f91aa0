//! `api_in_words(api, failed)`: what a call did, as words of a sentence.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::api_name::api_name;
use super::function::{Argument, Function, texts};

/// Verbs of APIs: as they are, as an analyst says them, and their past. Others follow the rules of English.
const VERBS: [(&str, &str, &str); 12] = [
    ("cancel", "cancel", "cancelled"),
    ("get", "read", "read"),
    ("leave", "leave", "left"),
    ("put", "write", "wrote"),
    ("reset", "reset", "reset"),
    ("run", "run", "ran"),
    ("send", "send", "sent"),
    ("set", "set", "set"),
    ("stop", "stop", "stopped"),
    ("submit", "submit", "submitted"),
    ("tag", "tag", "tagged"),
    ("untag", "untag", "untagged"),
];

/// `StopLogging` as `stopped logging`, or `tried to stop logging` if it failed. A name without words of its own is
/// `called X`.
pub fn in_words(api: &str, failed: bool) -> String {
    let words = words(api_name(api));
    let (verb, object) = match words.split_first() {
        Some((verb, object)) if !object.is_empty() && verb.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            (verb, object)
        }
        _ => return format!("{} {api}", if failed { "tried to call" } else { "called" }),
    };
    let known = VERBS.iter().find(|(name, ..)| name == verb);
    let verb = match (known, failed) {
        (Some((_, now, _)), true) => format!("tried to {now}"),
        (Some((.., past)), false) => (*past).to_owned(),
        (None, true) => format!("tried to {verb}"),
        (None, false) => past(verb),
    };
    format!("{verb} {}", object.join(" "))
}

fn past(verb: &str) -> String {
    let consonant_y = verb.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match consonant_y {
        Some(stem) => format!("{stem}ied"),
        None if verb.ends_with('e') => format!("{verb}d"),
        None => format!("{verb}ed"),
    }
}

/// The words of a name in camel case, in lower case but for abbreviations: `CreateDBSnapshot` is `create`, `DB`,
/// `snapshot`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_uppercase();
        let before_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = at == 0 || (letter.is_uppercase() && (after_lower || before_lower));
        match words.last_mut() {
            Some(word) if !begins => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    let is_abbreviation = |word: &str| word.len() > 1 && !word.chars().any(char::is_lowercase);
    words.into_iter().map(|word| if is_abbreviation(&word) { word } else { word.to_lowercase() }).collect()
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "api_in_words",
        "What a call of an API did, in words, or what it tried to do if it failed.",
        &[Argument::Text("api"), Argument::Boolean("failed")],
        DataType::Utf8,
        &[
            ("api_in_words('StopLogging', FALSE)", "stopped logging"),
            ("api_in_words('StopLogging', TRUE)", "tried to stop logging"),
            ("api_in_words('PutBucketPolicy', FALSE)", "wrote bucket policy"),
            ("api_in_words('CreateDBSnapshot', FALSE)", "created DB snapshot"),
            ("api_in_words('UpdateFunctionCode20150331v2', FALSE)", "updated function code"),
            ("api_in_words('ModifyImageAttribute', FALSE)", "modified image attribute"),
            ("api_in_words('Disable', FALSE)", "called Disable"),
            ("api_in_words(NULL, FALSE)", "NULL"),
        ],
        |args, rows| {
            let (apis, failed) = (texts(&args[0]), args[1].as_boolean());
            let row = |row: usize| {
                let known = args.iter().all(|column| column.is_valid(row));
                known.then(|| in_words(apis.value(row), failed.value(row)))
            };
            Ok(Arc::new((0..rows).map(row).collect::<StringArray>()) as ArrayRef)
        },
    )
}
