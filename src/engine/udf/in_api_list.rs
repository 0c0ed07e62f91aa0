//! `in_api_list(list, event_source, event_name)`: the API is in a list of `sql/views/api_lists.sql`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;

use super::api_name::api_name;
use super::function::{Argument, Function, texts};
use crate::lake::VIEWS;

/// Stands for every API of the service.
const ANY_API: &str = "*";

/// APIs of a list, by service.
type List<'a> = HashMap<&'a str, HashSet<&'a str>>;

/// The lists by name.
static LISTS: LazyLock<BTreeMap<&str, List<'_>>> =
    LazyLock::new(|| lists(VIEWS.get_file("api_lists.sql").and_then(|file| file.contents_utf8()).unwrap_or_default()));

/// Reads the view's rows: lines of three texts in single quotes. A list `a.b` is part of the list `a`.
fn lists(view: &str) -> BTreeMap<&str, List<'_>> {
    let mut lists: BTreeMap<&str, List<'_>> = BTreeMap::new();
    for line in view.lines().map(str::trim).filter(|line| line.starts_with("('")) {
        let mut texts = line.split('\'').skip(1).step_by(2);
        if let (Some(list), Some(source), Some(api)) = (texts.next(), texts.next(), texts.next()) {
            for list in [Some(list), list.split_once('.').map(|(whole, _)| whole)].into_iter().flatten() {
                lists.entry(list).or_default().entry(source).or_default().insert(api);
            }
        }
    }
    lists
}

/// True when the list has the API, or every API of its service.
fn has(list: &List<'_>, event_source: &str, event_name: &str) -> bool {
    list.get(event_source).is_some_and(|apis| apis.contains(api_name(event_name)) || apis.contains(ANY_API))
}

/// True when SQL calls the function with a list that has an API of the service.
pub fn service_in_list(sql: &str, service: &str) -> bool {
    let is_named = |list: &str| sql.contains(&format!("in_api_list('{list}'"));
    LISTS.iter().any(|(name, list)| list.contains_key(service) && is_named(name))
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "in_api_list",
        "True when an API is in a list of the view `api_lists`. The name may be an event_name or an api. Filter on this function: it is applied while events are read; a join with the view is not.",
        &[Argument::Text("list"), Argument::Text("event_source"), Argument::Text("event_name")],
        DataType::Boolean,
        &[
            ("in_api_list('stops_logging', 'cloudtrail.amazonaws.com', 'StopLogging')", "true"),
            ("in_api_list('replaces_code', 'lambda.amazonaws.com', 'UpdateFunctionCode20150331v2')", "true"),
            ("in_api_list('paid_services', 'bedrock.amazonaws.com', 'ListFoundationModels')", "true"),
            ("in_api_list('sensitive', 'iam.amazonaws.com', 'CreateUser')", "true"),
            ("in_api_list('stops_logging', 'cloudtrail.amazonaws.com', 'DescribeTrails')", "false"),
            ("in_api_list('stops_logging', 'cloudtrail.amazonaws.com', NULL)", "NULL"),
        ],
        |args, rows| {
            let (names, sources, events) = (texts(&args[0]), texts(&args[1]), texts(&args[2]));
            let Some(name) = (rows > 0 && names.is_valid(0)).then(|| names.value(0)) else {
                return Ok(Arc::new(BooleanArray::new_null(rows)) as ArrayRef);
            };
            let Some(list) = LISTS.get(name) else {
                let known: Vec<_> = LISTS.keys().copied().collect();
                return plan_err!("in_api_list: no list `{name}`; the view api_lists has {}", known.join(", "));
            };
            let listed = sources.iter().zip(events).map(|(source, event)| Some(has(list, source?, event?)));
            Ok(Arc::new(listed.collect::<BooleanArray>()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_is_in_a_list_once_and_without_a_version() {
        let view = VIEWS.get_file("api_lists.sql").unwrap().contents_utf8().unwrap();
        let rows = view.lines().filter(|line| line.trim().starts_with("('")).count();
        let is_part =
            |name: &str| LISTS.keys().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
        let lists: Vec<_> = LISTS.iter().filter(|(name, _)| !is_part(name)).map(|(_, list)| list).collect();
        let apis: Vec<_> = lists.into_iter().flat_map(HashMap::values).flatten().collect();
        assert_eq!(apis.len(), rows);
        assert!(apis.iter().all(|api| api_name(api) == **api));
    }

    #[test]
    fn every_api_of_paid_use_belongs_to_a_paid_service() {
        for list in ["paid_calls", "paid_use_prepared", "paid_use_probed"] {
            for source in LISTS[list].keys() {
                assert!(has(&LISTS["paid_services"], source, ""), "{list}: {source}");
            }
        }
    }
}
