//! What a policy grants that an identity never used.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::catalogue::{Action, actions};
use super::usage::Usage;
use crate::error::{Error, Result};
use crate::terminal::printable_line;
use crate::wording::counted;

/// Used actions or services listed on a line; the rest is counted.
const SHOWN_MAX: usize = 6;

/// The actions that a policy allows.
#[derive(Debug)]
pub struct GrantedPolicy {
    grants: Vec<Grant>,
    denies: bool,
}

/// An entry of `Action`, or all entries of `NotAction`.
#[derive(Debug)]
struct Grant {
    patterns: Vec<String>,
    is_all_but: bool,
}

impl GrantedPolicy {
    /// Reads a policy document, as `aws iam get-policy-version` and `get-role-policy` return it, or with their answer
    /// around it.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a policy.
    pub fn read(path: &Path) -> Result<GrantedPolicy> {
        let text = std::fs::read(path).map_err(|source| Error::File { path: path.into(), source })?;
        let wrong = |reason: &str| Error::Usage(format!("{}: not an IAM policy: {reason}", path.display()));
        let json: Value = serde_json::from_slice(&text).map_err(|e| wrong(&format!("invalid JSON: {e}")))?;
        let answer = [&json["PolicyVersion"]["Document"], &json["PolicyDocument"]];
        let document = answer.into_iter().find(|document| document.is_object()).unwrap_or(&json);
        let statements = listed(&document["Statement"]);
        if statements.is_empty() {
            return Err(wrong("no `Statement`"));
        }
        let mut policy = GrantedPolicy { grants: Vec::new(), denies: false };
        for statement in statements {
            let texts = |name: &str| -> Vec<String> {
                listed(&statement[name]).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let is_effect =
                |effect: &str| statement["Effect"].as_str().is_some_and(|is| is.eq_ignore_ascii_case(effect));
            policy.denies |= is_effect("Deny");
            if !is_effect("Allow") {
                continue;
            }
            let (granted, all_but) = (texts("Action"), texts("NotAction"));
            if granted.is_empty() && all_but.is_empty() {
                return Err(wrong("a statement without `Action`"));
            }
            policy.grants.extend(granted.into_iter().map(|one| Grant { patterns: vec![one], is_all_but: false }));
            if !all_but.is_empty() {
                policy.grants.push(Grant { patterns: all_but, is_all_but: true });
            }
        }
        Ok(policy)
    }
}

fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

impl Grant {
    fn name(&self) -> String {
        let patterns = self.patterns.join(", ");
        if self.is_all_but { format!("everything but {patterns}") } else { patterns }
    }

    fn allows(&self, action: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), action)) != self.is_all_but
    }
}

/// True when the whole text matches a pattern with `*` and `?`, both in lower case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            // The last star takes one more character.
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// What a policy grants and an identity did not use.
#[derive(Debug)]
pub struct Unused {
    /// Entries of the policy of which no action was used, with what they grant.
    never: Vec<(String, String)>,
    /// Entries of which some actions were used.
    partly: Vec<(String, String)>,
    /// Number of entries that were used completely.
    whole: u64,
    denies: bool,
}

impl Unused {
    /// Compares a policy with the use of an identity.
    pub fn of(policy: &GrantedPolicy, usage: &Usage) -> Unused {
        let mut unused = Unused { never: Vec::new(), partly: Vec::new(), whole: 0, denies: policy.denies };
        for grant in &policy.grants {
            let granted: BTreeSet<Action> =
                actions().filter(|action| grant.allows(&action.to_string().to_ascii_lowercase())).collect();
            let used: BTreeSet<Action> =
                granted.iter().copied().filter(|action| usage.used.contains_key(action)).collect();
            match (granted.len(), used.len()) {
                (0, _) => unused.never.push((grant.name(), "no such action".into())),
                (1, 0) => unused.never.push((grant.name(), String::new())),
                (n, 0) => unused.never.push((grant.name(), counted(n as u64, "action"))),
                (granted, used) if granted == used => unused.whole += 1,
                _ => unused.partly.push((grant.name(), part(&granted, &used))),
            }
        }
        unused
    }

    /// Writes a line for each entry of the policy that was not used completely.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn text(&self, out: &mut impl Write) -> std::io::Result<()> {
        for (title, rows) in [("granted and never used", &self.never), ("granted and partly used", &self.partly)] {
            writeln!(out, "{title}: {}", if rows.is_empty() { "nothing" } else { "" })?;
            for (name, detail) in rows {
                writeln!(out, "  {:40}  {detail}", printable_line(name))?;
            }
        }
        writeln!(out, "action patterns granted and used in full: {}", self.whole)?;
        if self.denies {
            writeln!(out, "\nThe policy also has Deny statements; they are not taken into account here.")?;
        }
        Ok(())
    }
}

/// `2 of 40 actions used: s3:GetObject, s3:GetObjectAcl`, or the services if there are several.
fn part(granted: &BTreeSet<Action>, used: &BTreeSet<Action>) -> String {
    let prefixes = |of: &BTreeSet<Action>| of.iter().map(|action| action.prefix).collect::<BTreeSet<_>>();
    let (granted_services, used_services) = (prefixes(granted), prefixes(used));
    let shown = |names: Vec<String>| {
        let more = names.len().saturating_sub(SHOWN_MAX);
        let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    };
    if granted_services.len() == 1 {
        let names = used.iter().map(Action::to_string).collect();
        return format!("{} of {} used: {}", used.len(), counted(granted.len() as u64, "action"), shown(names));
    }
    let names = |of: BTreeSet<&str>| shown(of.into_iter().map(str::to_owned).collect());
    let never = &granted_services - &used_services;
    format!(
        "{} of {} used: {}; never used: {}",
        used_services.len(),
        counted(granted_services.len() as u64, "service"),
        names(used_services),
        names(never),
    )
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_iam() {
        for (pattern, text, expected) in [
            ("s3:get*", "s3:getobject", true),
            ("s3:*acl", "s3:getobjectacl", true),
            ("s3:*acl", "s3:getobjectaclx", false),
            ("s3:get?bject", "s3:getobject", true),
            ("*", "s3:getobject", true),
            ("s3:get", "s3:getobject", false),
            ("s3:*e*t*", "s3:getobject", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
