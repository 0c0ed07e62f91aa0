//! The IAM actions that exist and the resources they support: `iam/actions.tsv`, built by `iam/build.py` from AWS's Service
//! Authorization Reference.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

const ACTIONS: &str = include_str!("../../../iam/actions.tsv");

/// The actions of an IAM prefix.
#[derive(Debug)]
pub struct Service {
    /// Forms of the ARNs of its resource types, with `{Names}` for variable parts.
    forms: Vec<&'static str>,
    /// By their name in lower case: IAM ignores case.
    actions: HashMap<String, Action>,
}

/// An IAM action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// `s3`.
    pub prefix: &'static str,
    /// `GetObject`.
    pub name: &'static str,
    /// Numbers of the resource types that it supports, as in the file.
    types: &'static str,
}

/// What a call is about, as far as its record says.
#[derive(Debug, Default)]
pub struct Named<'a> {
    /// ARNs of resources.
    pub arns: Vec<&'a str>,
    /// Texts of the request, by parameter in lower case.
    pub parameters: HashMap<String, &'a str>,
    /// Partition of the caller.
    pub partition: &'a str,
    /// Region of the call.
    pub region: &'a str,
    /// Account of the call.
    pub account: &'a str,
}

/// All prefixes.
pub fn services() -> &'static BTreeMap<&'static str, Service> {
    static SERVICES: LazyLock<BTreeMap<&str, Service>> =
        LazyLock::new(|| ACTIONS.lines().filter_map(service).collect());
    &SERVICES
}

/// The action with this name, in any case.
pub fn action(prefix: &str, name: &str) -> Option<Action> {
    services().get(prefix)?.actions.get(&name.to_ascii_lowercase()).copied()
}

/// Every action.
pub fn actions() -> impl Iterator<Item = Action> {
    services().values().flat_map(|service| service.actions.values().copied())
}

fn service(line: &'static str) -> Option<(&'static str, Service)> {
    let mut fields = line.split('\t');
    let (prefix, forms, actions) = (fields.next()?, fields.next()?, fields.next()?);
    let action = |text: &'static str| {
        let (name, types) = text.split_once(':').unwrap_or((text, ""));
        (name.to_ascii_lowercase(), Action { prefix, name, types })
    };
    let forms = forms.split(' ').filter(|form| !form.is_empty()).collect();
    Some((prefix, Service { forms, actions: actions.split(' ').map(action).collect() }))
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.prefix, self.name)
    }
}

impl Action {
    /// True when a policy can limit it to resources.
    pub fn supports_resources(self) -> bool {
        !self.types.is_empty()
    }

    /// The resources of a call that a policy for this action can name. `None` when they are not known completely, so that
    /// only `*` covers the call.
    pub fn resources(self, named: &Named<'_>) -> Option<Vec<String>> {
        let service = services().get(self.prefix)?;
        let types: Vec<(usize, bool)> = self.types.split(',').filter_map(number).collect();
        let parameters = named.parameters.values().copied().filter(|text| text.starts_with("arn:"));
        let arns: Vec<&str> = named.arns.iter().copied().chain(parameters).collect();
        let of_type = |arn: &&str| service.form_of(arn).filter(|form| types.iter().any(|(of, _)| of == form));
        let mut found: Vec<(usize, String)> =
            arns.iter().filter_map(|arn| Some((of_type(arn)?, literal(self.prefix, arn)))).collect();
        if found.is_empty() {
            let filled = |(of, _): &(usize, bool)| Some((*of, filled(service.forms.get(*of)?, named)?));
            let mut filled = types.iter().filter_map(filled);
            found =
                filled.next().into_iter().flat_map(|(of, arns)| arns.into_iter().map(move |arn| (of, arn))).collect();
            // Two resources would both be guesses.
            if filled.next().is_some() {
                return None;
            }
        }
        let is_complete =
            types.iter().all(|(of, is_required)| !is_required || found.iter().any(|(form, _)| form == of));
        (is_complete && !found.is_empty()).then(|| found.into_iter().map(|(_, arn)| arn).collect())
    }
}

/// `3!` is resource type 3, which every request has.
fn number(text: &str) -> Option<(usize, bool)> {
    let number = text.strip_suffix('!');
    Some((number.unwrap_or(text).parse().ok()?, number.is_some()))
}

impl Service {
    /// The number of the most literal form that the ARN has.
    fn form_of(&self, arn: &str) -> Option<usize> {
        let forms = self.forms.iter().enumerate().filter(|(_, form)| has_form(form, arn));
        forms.max_by_key(|(at, form)| (literals(form), std::cmp::Reverse(*at))).map(|(at, _)| at)
    }
}

/// Length of what is not variable.
fn literals(form: &str) -> usize {
    form.split('{').map(|part| part.split_once('}').map_or(part, |(_, literal)| literal).len()).sum()
}

/// True when each variable of the form stands for a text in the ARN. Region and account may be empty, as in ARNs of S3.
fn has_form(form: &str, arn: &str) -> bool {
    let mut form: Vec<&str> = form.splitn(6, ':').collect();
    let mut arn: Vec<&str> = arn.splitn(6, ':').collect();
    let (Some(form_end), Some(arn_end)) = (form.pop(), arn.pop()) else { return false };
    let is_part = |(form, arn): (&&str, &&str)| form.starts_with('{') || form == arn;
    form.len() == 5 && arn.len() == 5 && form.iter().zip(&arn).all(is_part) && ends_match(form_end, arn_end)
}

fn ends_match(form: &str, text: &str) -> bool {
    let Some((before, rest)) = form.split_once('{') else { return form == text };
    let (Some((_, after)), Some(text)) = (rest.split_once('}'), text.strip_prefix(before)) else { return false };
    let next = after.split('{').next().unwrap_or_default();
    if after.is_empty() {
        return !text.is_empty();
    }
    // The variable is not empty, and what follows it must match too.
    let starts = text.char_indices().skip(1).map(|(at, _)| at);
    let mut starts = starts.filter(|at| text[*at..].starts_with(next) && (!next.is_empty() || *at > 0));
    starts.any(|at| ends_match(after, &text[at..]))
}

/// The form with its variables from the request. A value that is an ARN or a path is another kind of name. A name in IAM
/// is unique in its account, but the request does not have the path before it: without a path and with any.
fn filled(form: &str, named: &Named<'_>) -> Option<Vec<String>> {
    let mut parts = form.split('{');
    let mut arn = parts.next()?.to_owned();
    let mut with_path = None;
    for part in parts {
        let (name, literal) = part.split_once('}')?;
        let (name, has_path) = name.strip_suffix("WithPath").map_or((name, false), |name| (name, true));
        match name {
            "Partition" => arn += named.partition,
            "Region" => arn += Some(named.region).filter(|region| !region.is_empty())?,
            "Account" => arn += Some(named.account).filter(|account| !account.is_empty())?,
            "ObjectName" => arn.push('*'),
            _ => {
                let value = named.parameters.get(&name.to_ascii_lowercase())?;
                let is_name = !value.is_empty() && !value.contains([':', '/']) && !value.contains(char::is_whitespace);
                let value = escaped(Some(*value).filter(|_| is_name)?);
                with_path = has_path.then(|| format!("{arn}*/{value}{literal}"));
                arn += &value;
            }
        }
        arn += literal;
    }
    Some([arn].into_iter().chain(with_path).collect())
}

/// The ARN as a policy has to write it; `*` after a bucket stands for its objects.
fn literal(prefix: &str, arn: &str) -> String {
    match arn.strip_suffix("/*").filter(|_| prefix == "s3") {
        Some(bucket) => escaped(bucket) + "/*",
        None => escaped(arn),
    }
}

/// In a policy, `*`, `?` and `$` have a meaning, also when they come from a log.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => escaped.extend(["${", c.encode_utf8(&mut [0; 4]), "}"]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(arns: &[&'a str], parameters: &[(&str, &'a str)]) -> Named<'a> {
        let parameters = parameters.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
        Named { arns: arns.to_vec(), parameters, partition: "aws", region: "eu-west-1", account: "111122223333" }
    }

    fn resources(prefix: &str, name: &str, named: &Named<'_>) -> Option<Vec<String>> {
        action(prefix, name).unwrap().resources(named)
    }

    #[test]
    fn the_list_has_the_actions_of_all_services() {
        assert!(services().len() > 400 && actions().count() > 15_000);
        assert_eq!(action("s3", "getbucketcors").unwrap().to_string(), "s3:GetBucketCORS");
        assert!(action("s3", "ListBuckets").is_none());
        assert!(!action("s3", "ListAllMyBuckets").unwrap().supports_resources());
    }

    #[test]
    fn an_action_gets_the_logged_resources_of_its_types() {
        let object = named(&["arn:aws:s3:::b", "arn:aws:s3:::b/*"], &[]);
        assert_eq!(resources("s3", "GetObject", &object), Some(vec!["arn:aws:s3:::b/*".into()]));
        assert_eq!(resources("s3", "ListBucket", &object), Some(vec!["arn:aws:s3:::b".into()]));
        let key = named(&["arn:aws:kms:eu-west-1:111122223333:key/1"], &[]);
        assert_eq!(resources("kms", "Decrypt", &key), Some(vec!["arn:aws:kms:eu-west-1:111122223333:key/1".into()]));
        assert_eq!(
            resources("kms", "Decrypt", &named(&["arn:aws:kms:eu-west-1:1:alias/a"], &[])),
            None,
            "another type"
        );
        assert_eq!(resources("kms", "CreateAlias", &key), None, "it needs the alias too");
    }

    #[test]
    fn a_name_in_the_request_is_a_resource_if_it_is_the_only_one() {
        let table = named(&[], &[("tableName", "orders")]);
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
        assert_eq!(resources("dynamodb", "DescribeTable", &table), Some(vec![arn.into()]));
        let by_arn = named(&[], &[("tableName", "arn:aws:dynamodb:us-east-1:1:table/other")]);
        assert_eq!(
            resources("dynamodb", "DescribeTable", &by_arn),
            Some(vec!["arn:aws:dynamodb:us-east-1:1:table/other".into()])
        );
        assert_eq!(resources("kms", "DescribeKey", &named(&[], &[("keyId", "alias/x")])), None, "an alias is no key");
        assert_eq!(resources("dynamodb", "DescribeTable", &named(&[], &[])), None);
        let role =
            |names: &[&str]| Some(names.iter().map(|name| format!("arn:aws:iam::111122223333:role/{name}")).collect());
        let request = [("roleName", "ops"), ("policyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")];
        assert_eq!(resources("iam", "AttachRolePolicy", &named(&[], &request)), role(&["ops", "*/ops"]), "at any path");
        let bucket = named(&[], &[("bucketName", "b")]);
        assert_eq!(resources("s3", "PutObject", &bucket), Some(vec!["arn:aws:s3:::b/*".into()]));
    }

    #[test]
    fn characters_that_mean_something_in_a_policy_are_escaped() {
        let table = named(&[], &[("tableName", "*")]);
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/${*}";
        assert_eq!(resources("dynamodb", "DescribeTable", &table), Some(vec![arn.into()]));
        let queue = named(&["arn:aws:sqs:eu-west-1:111122223333:a?b$"], &[]);
        let arn = "arn:aws:sqs:eu-west-1:111122223333:a${?}b${$}";
        assert_eq!(resources("sqs", "SendMessage", &queue), Some(vec![arn.into()]));
    }

    #[test]
    fn the_most_literal_form_of_an_arn_is_its_type() {
        let dynamodb = &services()["dynamodb"];
        let form = |arn: &str| dynamodb.form_of(arn).map(|at| dynamodb.forms[at].rsplit(':').next().unwrap());
        assert_eq!(form("arn:aws:dynamodb:eu-west-1:1:table/t"), Some("table/{TableName}"));
        assert_eq!(form("arn:aws:dynamodb:eu-west-1:1:table/t/index/i"), Some("table/{TableName}/index/{IndexName}"));
        assert_eq!(form("arn:aws:dynamodb:eu-west-1:1:table/"), None);
        assert_eq!(form("arn:aws:s3:::b"), None);
    }
}
