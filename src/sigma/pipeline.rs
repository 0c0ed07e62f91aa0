//! Processing pipelines: YAML files in pySigma's format that adapt Sigma rules before they are compiled.
//!
//! Input: the text of a pipeline, and rules, filters and correlations as parsed by `rsigma-parser`. Output: the same
//! objects with other fields, values, conditions or log sources. Never reads files and never sees a query: the keys
//! `postprocessing` and `finalizers`, which edit query text, are refused like any other unknown key.
//!
//! pySigma applies modifiers when it parses a rule. Conditions on values and `replace_string` or `map_string` therefore
//! see `contains: a` as `*a*`, here too.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use regex::{Captures, Regex, RegexSet};
use rsigma_parser::{
    ConditionExpr, CorrelationCondition, CorrelationRule, Detection, DetectionItem, Detections, FieldAlias, FieldSpec,
    FilterRule, LogSource, Modifier, SelectorPattern, SigmaRule, SigmaString, SigmaValue, SpecialChar, StringPart,
    parse_field_spec,
};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use yaml_serde::{Mapping, Value};

/// Upper limit for the values that placeholders add to one detection item.
const EXPANDED_VALUES_MAX: usize = 100_000;
const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
const STATUSES: [&str; 5] = ["unsupported", "deprecated", "experimental", "test", "stable"];

/// A processing pipeline, as pySigma reads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping with the key `transformations`")]
pub struct Pipeline {
    #[serde(rename = "name")]
    _name: IgnoredAny,
    #[serde(rename = "allowed_backends")]
    _allowed_backends: IgnoredAny,
    priority: i64,
    #[serde(deserialize_with = "named_texts")]
    vars: BTreeMap<String, Vec<String>>,
    transformations: Vec<Item>,
}

/// A transformation and the conditions under which it applies.
#[derive(Debug, Clone, Deserialize)]
struct Item {
    id: Option<String>,
    #[serde(flatten)]
    when: When,
    #[serde(flatten)]
    change: Transformation,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct When {
    rule_conditions: Vec<RuleCondition>,
    rule_cond_op: Link,
    rule_cond_not: bool,
    field_name_conditions: Vec<FieldCondition>,
    field_name_cond_op: Link,
    field_name_cond_not: bool,
    detection_item_conditions: Vec<ItemCondition>,
    detection_item_cond_op: Link,
    detection_item_cond_not: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Link {
    #[default]
    And,
    Or,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Transformation {
    FieldNameMapping(Targets),
    FieldNamePrefixMapping(Targets),
    FieldNamePrefix { prefix: String },
    FieldNameSuffix { suffix: String },
    DropDetectionItem {},
    AddCondition(AddedCondition),
    ChangeLogsource(LogsourceKeys),
    ReplaceString(Replacement),
    MapString(MappedStrings),
    SetValue { value: Value },
    ValuePlaceholders(Scope),
    WildcardPlaceholders(Scope),
    RuleFailure { message: String },
    DetectionItemFailure { message: String },
    SetState { key: String, val: Value },
}

/// Field names or prefixes and what replaces them; the key `null` stands for keywords. The first match counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    #[serde(deserialize_with = "targets")]
    mapping: Vec<Target>,
}

type Target = (Option<String>, Vec<String>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddedCondition {
    #[serde(deserialize_with = "detection_items")]
    conditions: Vec<DetectionItem>,
    #[serde(default)]
    negated: bool,
    #[serde(default, rename = "name")]
    _name: IgnoredAny,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogsourceKeys {
    category: Option<String>,
    product: Option<String>,
    service: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    #[serde(deserialize_with = "regex")]
    regex: Regex,
    #[serde(deserialize_with = "replacement")]
    replacement: String,
    #[serde(default)]
    skip_special: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappedStrings {
    #[serde(deserialize_with = "named_texts")]
    mapping: BTreeMap<String, Vec<String>>,
}

/// The placeholders that a transformation handles.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum RuleCondition {
    Logsource(LogsourceKeys),
    ContainsDetectionItem { field: String, value: Value },
    ContainsField { field: String },
    RuleAttribute(AttributeTest),
    Tag { tag: String },
    ProcessingState(StateTest),
    ProcessingItemApplied { processing_item_id: String },
    IsSigmaRule {},
    IsSigmaCorrelationRule {},
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributeTest {
    attribute: String,
    value: Value,
    #[serde(default)]
    op: Comparison,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateTest {
    key: String,
    val: Value,
    #[serde(default)]
    op: Comparison,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Comparison {
    #[default]
    Eq,
    Ne,
    Gte,
    Gt,
    Lte,
    Lt,
    In,
    NotIn,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FieldCondition {
    IncludeFields(FieldNames),
    ExcludeFields(FieldNames),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "FieldNamesKeys")]
struct FieldNames(RegexSet);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldNamesKeys {
    fields: Vec<String>,
    #[serde(default)]
    mode: NameMode,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NameMode {
    #[default]
    Plain,
    Re,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ItemCondition {
    MatchString(StringTest),
    IsNull { cond: Scale },
    ContainsWildcard { cond: Scale },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StringTest {
    cond: Scale,
    #[serde(deserialize_with = "anchored_regex")]
    pattern: Regex,
    #[serde(default)]
    negate: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    Any,
    All,
}

impl Pipeline {
    /// Parses a pipeline. Errors: the line, and the reason, which names an unknown transformation, condition or key and
    /// lists the supported ones.
    pub fn parse(text: &str) -> Result<Pipeline, (usize, String)> {
        yaml_serde::from_str(text).map_err(|error| located(text, &error))
    }

    /// Pipelines with a lower priority run first.
    pub fn priority(&self) -> i64 {
        self.priority
    }

    /// One pipeline that runs all of them in the order of their priorities. They share variables and state.
    pub fn combine(mut pipelines: Vec<Pipeline>) -> Pipeline {
        pipelines.sort_by_key(Pipeline::priority);
        let mut combined = Pipeline::default();
        for pipeline in pipelines {
            combined.vars.extend(pipeline.vars);
            combined.transformations.extend(pipeline.transformations);
        }
        combined
    }

    /// Changes a rule. An error is the reason why the rule is rejected; the rule is then changed in part.
    pub fn apply(&self, rule: &mut SigmaRule) -> Result<(), String> {
        self.run(Subject {
            attributes: self.attributes(rule),
            tags: rule.tags.clone(),
            fields: &mut rule.fields,
            own_logsource: Some(&mut rule.logsource),
            other_logsources: &[],
            detections: Some(&mut rule.detection),
            kind: Kind::Rule,
        })
    }

    /// Changes the detection of a filter. `add_condition` is left out: the filtered rule has the condition already.
    pub fn apply_to_filter(&self, filter: &mut FilterRule) -> Result<(), String> {
        self.run(Subject {
            attributes: self.attributes(filter),
            tags: filter.tags.clone(),
            fields: &mut filter.fields,
            own_logsource: filter.logsource.as_mut(),
            other_logsources: &[],
            detections: Some(&mut filter.detection),
            kind: Kind::Filter,
        })
    }

    /// Renames the fields of a correlation: group-by, condition fields, alias mappings. A `logsource` condition is true if
    /// it is true for one of `logsources`: those of the rules that the correlation refers to, before they were changed.
    pub fn apply_to_correlation(
        &self,
        correlation: &mut CorrelationRule,
        logsources: &[LogSource],
    ) -> Result<(), String> {
        self.run(Subject {
            attributes: self.attributes(correlation),
            tags: correlation.tags.clone(),
            fields: &mut correlation.fields,
            own_logsource: None,
            other_logsources: logsources,
            detections: None,
            kind: Kind::Correlation {
                group_by: &mut correlation.group_by,
                condition: &mut correlation.condition,
                aliases: &mut correlation.aliases,
            },
        })
    }

    fn attributes(&self, rule: &impl Serialize) -> Value {
        let is_read = |c: &RuleCondition| matches!(c, RuleCondition::RuleAttribute(_));
        let read = self.transformations.iter().any(|item| item.when.rule_conditions.iter().any(is_read));
        read.then(|| yaml_serde::to_value(rule).ok()).flatten().unwrap_or_default()
    }

    fn run(&self, mut subject: Subject<'_>) -> Result<(), String> {
        let mut progress = Progress::default();
        for item in &self.transformations {
            let holds = |c: &RuleCondition| c.holds(&subject, &progress);
            if !all_hold(&item.when.rule_conditions, item.when.rule_cond_op, item.when.rule_cond_not, holds) {
                continue;
            }
            if let Transformation::SetState { key, val } = &item.change {
                progress.state.insert(key, val);
            }
            Change { item, vars: &self.vars }.apply(&mut subject)?;
            progress.applied.extend(item.id.as_deref());
        }
        Ok(())
    }
}

/// What a run has recorded so far for one rule.
#[derive(Default)]
struct Progress<'a> {
    state: BTreeMap<&'a str, &'a Value>,
    applied: BTreeSet<&'a str>,
}

/// The parts of a rule, filter or correlation that a pipeline reads or changes.
struct Subject<'a> {
    attributes: Value,
    tags: Vec<String>,
    fields: &'a mut Vec<String>,
    own_logsource: Option<&'a mut LogSource>,
    /// Those of the rules to which a correlation refers.
    other_logsources: &'a [LogSource],
    detections: Option<&'a mut Detections>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Rule,
    Filter,
    Correlation {
        group_by: &'a mut Vec<String>,
        condition: &'a mut CorrelationCondition,
        aliases: &'a mut Vec<FieldAlias>,
    },
}

impl Subject<'_> {
    fn has_item(&self, test: &dyn Fn(&DetectionItem, &str) -> bool) -> bool {
        self.detections.as_ref().is_some_and(|d| d.named.values().any(|detection| contains(detection, "", test)))
    }

    fn has_logsource(&self, test: impl Fn(&LogSource) -> bool) -> bool {
        self.own_logsource.iter().any(|own| test(own)) || self.other_logsources.iter().any(test)
    }
}

impl RuleCondition {
    fn holds(&self, subject: &Subject<'_>, progress: &Progress<'_>) -> bool {
        let is_correlation = matches!(subject.kind, Kind::Correlation { .. });
        match self {
            Self::Logsource(LogsourceKeys { category, product, service }) => {
                let fits = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
                subject.has_logsource(|found| {
                    fits(category, &found.category) && fits(product, &found.product) && fits(service, &found.service)
                })
            }
            Self::ContainsField { field } => {
                subject.has_item(&|item, path| field_name(item, path).as_ref() == Some(field))
            }
            Self::ContainsDetectionItem { field, value } => {
                let wanted = SigmaValue::from_yaml(value);
                subject.has_item(&|item, path| {
                    let seen = with_wildcards(item);
                    field_name(item, path).as_ref() == Some(field)
                        && seen.is_some_and(|seen| seen.values.iter().any(|value| same(value, &wanted)))
                })
            }
            Self::RuleAttribute(AttributeTest { attribute, value, op }) => {
                let own = subject.attributes.get(attribute).filter(|v| !v.is_null());
                let custom = || subject.attributes.get("custom_attributes").and_then(|all| all.get(attribute));
                let found = own.or_else(custom);
                found.is_some_and(|found| op.holds(&ranked(attribute, found), &ranked(attribute, value)))
            }
            Self::Tag { tag } => subject.tags.contains(tag),
            Self::ProcessingState(StateTest { key, val, op }) => {
                progress.state.get(key.as_str()).is_some_and(|state| op.holds(state, val))
            }
            Self::ProcessingItemApplied { processing_item_id } => {
                progress.applied.contains(processing_item_id.as_str())
            }
            Self::IsSigmaRule {} => !is_correlation,
            Self::IsSigmaCorrelationRule {} => is_correlation,
        }
    }
}

impl FieldCondition {
    fn holds(&self, name: Option<&str>) -> bool {
        match self {
            Self::IncludeFields(FieldNames(set)) => name.is_some_and(|name| set.is_match(name)),
            Self::ExcludeFields(FieldNames(set)) => !name.is_some_and(|name| set.is_match(name)),
        }
    }
}

impl ItemCondition {
    fn holds(&self, item: &DetectionItem) -> bool {
        let seen = with_wildcards(item);
        let strings = seen.is_some();
        let values = &seen.as_ref().unwrap_or(item).values;
        let on = |scale: Scale, test: &dyn Fn(&SigmaValue) -> bool| match scale {
            Scale::Any => values.iter().any(test),
            Scale::All => values.iter().all(test),
        };
        match self {
            Self::IsNull { cond } => on(*cond, &|value| *value == SigmaValue::Null),
            Self::ContainsWildcard { cond } => {
                on(*cond, &|value| strings && matches!(value, SigmaValue::String(s) if s.contains_wildcards()))
            }
            Self::MatchString(StringTest { cond, pattern, negate }) => on(*cond, &|value| {
                let matches = strings && matches!(value, SigmaValue::String(s) if pattern.is_match(&text_of(s)));
                matches != *negate
            }),
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let listed = left.as_sequence().is_some_and(|list| list.contains(right));
        let order = match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ if left == right => Some(Ordering::Equal),
            _ => left.as_str().zip(right.as_str()).map(|(left, right)| left.cmp(right)),
        };
        match self {
            Self::Eq => order == Some(Ordering::Equal),
            Self::Ne => order != Some(Ordering::Equal),
            Self::Gte => order.is_some_and(Ordering::is_ge),
            Self::Gt => order.is_some_and(Ordering::is_gt),
            Self::Lte => order.is_some_and(Ordering::is_le),
            Self::Lt => order.is_some_and(Ordering::is_lt),
            Self::In => listed,
            Self::NotIn => !listed,
        }
    }
}

/// Levels and statuses as their rank, dates as ISO dates, so that they have an order.
fn ranked(attribute: &str, value: &Value) -> Value {
    let rank =
        |list: &[&str]| list.iter().position(|known| Some(*known) == value.as_str()).map(|at| Value::from(at as u64));
    match attribute {
        "level" => rank(&LEVELS),
        "status" => rank(&STATUSES),
        "date" | "modified" => value.as_str().map(|date| Value::from(date.replace('/', "-"))),
        _ => None,
    }
    .unwrap_or_else(|| value.clone())
}

fn all_hold<T>(conditions: &[T], link: Link, negated: bool, holds: impl Fn(&T) -> bool) -> bool {
    let linked = match link {
        Link::And => conditions.iter().all(holds),
        Link::Or => conditions.iter().any(holds),
    };
    conditions.is_empty() || linked != negated
}

/// One transformation at work.
struct Change<'a> {
    item: &'a Item,
    vars: &'a BTreeMap<String, Vec<String>>,
}

impl Change<'_> {
    fn apply(&self, subject: &mut Subject<'_>) -> Result<(), String> {
        match &self.item.change {
            Transformation::RuleFailure { message } => return Err(message.clone()),
            Transformation::SetState { .. } => return Ok(()),
            Transformation::ChangeLogsource(LogsourceKeys { category, product, service }) => {
                if let Some(own) = subject.own_logsource.as_deref_mut() {
                    let (category, product, service) = (category.clone(), product.clone(), service.clone());
                    *own = LogSource { category, product, service, ..LogSource::default() };
                }
                return Ok(());
            }
            Transformation::AddCondition(added) => {
                if let (Kind::Rule, Some(detections)) = (&subject.kind, subject.detections.as_deref_mut()) {
                    added.add_to(detections);
                }
                return Ok(());
            }
            _ => {}
        }
        *subject.fields = subject.fields.drain(..).flat_map(|field| self.renamed(field)).collect();
        if let Kind::Correlation { group_by, condition, aliases } = &mut subject.kind {
            self.rename_correlation(group_by, condition, aliases)?;
        }
        subject.detections.as_deref_mut().map_or(Ok(()), |detections| self.edit_detections(detections))
    }

    /// The new names of a field, or none if the transformation leaves it alone.
    fn new_names(&self, field: Option<&str>) -> Option<Vec<String>> {
        let names = match &self.item.change {
            Transformation::FieldNameMapping(Targets { mapping }) => {
                mapping.iter().find(|(from, _)| from.as_deref() == field).map(|(_, to)| to.clone())
            }
            Transformation::FieldNamePrefixMapping(Targets { mapping }) => mapping.iter().find_map(|(from, to)| {
                let rest = field?.strip_prefix(from.as_deref()?)?;
                Some(to.iter().map(|prefix| format!("{prefix}{rest}")).collect())
            }),
            Transformation::FieldNamePrefix { prefix } => field.map(|field| vec![format!("{prefix}{field}")]),
            Transformation::FieldNameSuffix { suffix } => field.map(|field| vec![format!("{field}{suffix}")]),
            _ => None,
        };
        names.filter(|_| self.field_matches(|condition| condition.holds(field)))
    }

    fn renamed(&self, field: String) -> Vec<String> {
        self.new_names(Some(&field)).unwrap_or_else(|| vec![field])
    }

    fn field_matches(&self, holds: impl Fn(&FieldCondition) -> bool) -> bool {
        let When { field_name_conditions, field_name_cond_op, field_name_cond_not, .. } = &self.item.when;
        all_hold(field_name_conditions, *field_name_cond_op, *field_name_cond_not, holds)
    }

    fn item_matches(&self, item: &DetectionItem, path: &str) -> bool {
        let When { detection_item_conditions, detection_item_cond_op, detection_item_cond_not, .. } = &self.item.when;
        let name = field_name(item, path);
        let is_reference = item.field.has_modifier(Modifier::FieldRef);
        all_hold(detection_item_conditions, *detection_item_cond_op, *detection_item_cond_not, |c| c.holds(item))
            && self.field_matches(|condition| {
                let refers = || item.values.iter().any(|value| condition.holds(Some(&value.to_string())));
                condition.holds(name.as_deref()) || is_reference && refers()
            })
    }

    fn rename_correlation(
        &self,
        group_by: &mut Vec<String>,
        condition: &mut CorrelationCondition,
        aliases: &mut [FieldAlias],
    ) -> Result<(), String> {
        let rename = |field: &mut String| match self.renamed(field.clone()).as_slice() {
            [one] => {
                field.clone_from(one);
                Ok(())
            }
            several => Err(format!(
                "the pipeline maps `{field}` to {}, but a correlation needs one field here; map it to one field",
                several.join(", ")
            )),
        };
        aliases.iter_mut().flat_map(|alias| alias.mapping.values_mut()).try_for_each(rename)?;
        let is_alias = |field: &String| aliases.iter().any(|alias| alias.alias == *field);
        let grouped = std::mem::take(group_by).into_iter();
        *group_by =
            grouped.flat_map(|field| if is_alias(&field) { vec![field] } else { self.renamed(field) }).collect();
        match condition {
            CorrelationCondition::Threshold { field: Some(fields), .. } => fields.iter_mut().try_for_each(rename),
            _ => Ok(()),
        }
    }

    fn edit_detections(&self, detections: &mut Detections) -> Result<(), String> {
        let before: BTreeMap<String, Detection> = std::mem::take(&mut detections.named).into_iter().collect();
        let mut dropped = Vec::new();
        for (name, detection) in before {
            match self.edit(detection, "")? {
                Some(detection) => drop(detections.named.insert(name, detection)),
                None => dropped.push(name),
            }
        }
        if dropped.is_empty() {
            return Ok(());
        }
        let left: Vec<&String> = detections.named.keys().collect();
        detections.conditions.retain_mut(|condition| {
            let pruned = prune(condition, &dropped, &left);
            pruned.map(|pruned| *condition = pruned).is_some()
        });
        if detections.conditions.is_empty() {
            return Err("the pipeline drops every detection item of the condition; nothing is left to match".into());
        }
        detections.condition_strings = detections.conditions.iter().map(ToString::to_string).collect();
        Ok(())
    }

    /// The changed detection, or none if all of its items are dropped. `path` is the field of the array whose members
    /// the detection matches, empty outside of arrays: the names of a member's fields are relative and stay as they are.
    fn edit(&self, detection: Detection, path: &str) -> Result<Option<Detection>, String> {
        Ok(match detection {
            Detection::AllOf(items) => {
                let (mut single, mut parts) = (Vec::new(), Vec::new());
                for item in items {
                    let mut edited = self.edit_item(item, path)?;
                    match edited.len() {
                        0 | 1 => single.append(&mut edited),
                        _ => parts.extend(any_of(edited)),
                    }
                }
                if !single.is_empty() {
                    parts.insert(0, Detection::AllOf(single));
                }
                if parts.len() > 1 { Some(Detection::And(parts)) } else { parts.pop() }
            }
            Detection::Keywords(values) => {
                let keywords = DetectionItem { field: FieldSpec::new(None, Vec::new()), values };
                let mut edited = self.edit_item(keywords, path)?;
                match edited.pop() {
                    Some(item) if item.field.is_keyword() && item.field.modifiers.is_empty() => {
                        Some(Detection::Keywords(item.values))
                    }
                    last => any_of(edited.into_iter().chain(last).collect()),
                }
            }
            Detection::AnyOf(parts) => {
                Some(self.edit_all(parts, path)?).filter(|p| !p.is_empty()).map(Detection::AnyOf)
            }
            Detection::And(parts) => Some(self.edit_all(parts, path)?).filter(|p| !p.is_empty()).map(Detection::And),
            Detection::ArrayMatch { field, quantifier, body } => {
                let names = if path.is_empty() { self.renamed(field.clone()) } else { vec![field.clone()] };
                self.edit(*body, &join(path, &field))?.and_then(|body| {
                    let array = |field| Detection::ArrayMatch { field, quantifier, body: Box::new(body.clone()) };
                    let mut arrays: Vec<Detection> = names.into_iter().map(array).collect();
                    if arrays.len() > 1 { Some(Detection::AnyOf(arrays)) } else { arrays.pop() }
                })
            }
            Detection::Conditional { named, condition } => {
                let mut left = BTreeMap::new();
                let mut dropped = Vec::new();
                for (name, part) in named {
                    match self.edit(part, path)? {
                        Some(part) => drop(left.insert(name, part)),
                        None => dropped.push(name),
                    }
                }
                prune(&condition, &dropped, &left.keys().collect::<Vec<_>>())
                    .map(|condition| Detection::Conditional { named: left.into_iter().collect(), condition })
            }
        })
    }

    fn edit_all(&self, parts: Vec<Detection>, path: &str) -> Result<Vec<Detection>, String> {
        parts.into_iter().filter_map(|part| self.edit(part, path).transpose()).collect()
    }

    /// What replaces an item: nothing if it is dropped, several items if one of them is enough.
    fn edit_item(&self, item: DetectionItem, path: &str) -> Result<Vec<DetectionItem>, String> {
        if !self.item_matches(&item, path) {
            return Ok(vec![item]);
        }
        Ok(match &self.item.change {
            Transformation::DropDetectionItem {} => Vec::new(),
            Transformation::DetectionItemFailure { message } => return Err(message.clone()),
            Transformation::ReplaceString(replacement) => vec![edit_strings(item, |value| replacement.replace(value))],
            Transformation::MapString(MappedStrings { mapping }) => vec![edit_strings(item, |value| match value {
                SigmaValue::String(s) => mapping.get(&text_of(s)).map(|new| new.iter().map(|s| string(s)).collect()),
                _ => None,
            })],
            Transformation::SetValue { value } => {
                let mut modifiers = item.field.modifiers;
                modifiers.retain(|modifier| *modifier == Modifier::Neq);
                vec![DetectionItem {
                    field: FieldSpec::new(item.field.name, modifiers),
                    values: vec![SigmaValue::from_yaml(value)],
                }]
            }
            Transformation::ValuePlaceholders(scope) => vec![expand(item, scope, |name, is_regex| {
                let unknown = || format!("placeholder %{name}% has no value; add it to `vars`");
                let values = self.vars.get(name).ok_or_else(unknown)?.iter();
                Ok(values.map(|v| if is_regex { v.clone() } else { escaped(&SigmaString::new(v)) }).collect())
            })?],
            Transformation::WildcardPlaceholders(scope) => {
                vec![expand(item, scope, |_, is_regex| Ok(vec![if is_regex { ".*" } else { "*" }.to_owned()]))?]
            }
            _ if path.is_empty() => self.rename_item(item),
            _ => vec![item],
        })
    }

    fn rename_item(&self, mut item: DetectionItem) -> Vec<DetectionItem> {
        if item.field.has_modifier(Modifier::FieldRef) {
            let values = item.values.into_iter().flat_map(|value| match self.new_names(Some(&value.to_string())) {
                Some(names) => names.iter().map(|name| SigmaValue::from_raw_string(name)).collect(),
                None => vec![value],
            });
            item.values = values.collect();
        }
        let Some(names) = self.new_names(item.field.name.as_deref()) else { return vec![item] };
        if item.field.is_keyword() && !item.field.has_modifier(Modifier::Contains) {
            // A keyword matches anywhere in a value.
            item.field.modifiers.push(Modifier::Contains);
            item = with_wildcards(&item).unwrap_or(item);
            item.field.modifiers.retain(|modifier| *modifier != Modifier::Contains);
        }
        let with_name = |name| DetectionItem {
            field: FieldSpec::new(Some(name), item.field.modifiers.clone()),
            values: item.values.clone(),
        };
        names.into_iter().map(with_name).collect()
    }
}

impl AddedCondition {
    /// ANDs the condition with every condition of the rule, under a name that no selector of the rule matches.
    fn add_to(&self, detections: &mut Detections) {
        let mut name = "_pipeline".to_owned();
        while detections.named.contains_key(&name) {
            name.push('_');
        }
        for condition in &mut detections.conditions {
            hide_underscored(condition);
            let added = ConditionExpr::Identifier(name.clone());
            let added = if self.negated { ConditionExpr::Not(Box::new(added)) } else { added };
            *condition = ConditionExpr::And(vec![added, condition.clone()]);
        }
        detections.condition_strings = detections.conditions.iter().map(ToString::to_string).collect();
        detections.named.insert(name, Detection::AllOf(self.conditions.clone()));
    }
}

impl Replacement {
    fn replace(&self, value: &SigmaValue) -> Option<Vec<SigmaValue>> {
        let text = match value {
            SigmaValue::String(s) if self.skip_special => {
                let replaced = self.replace_parts(s);
                return (replaced.parts != s.parts).then(|| vec![SigmaValue::String(replaced)]);
            }
            SigmaValue::String(s) => text_of(s),
            SigmaValue::Integer(n) => n.to_string(),
            SigmaValue::Float(n) => n.to_string(),
            SigmaValue::Bool(_) | SigmaValue::Null => return None,
        };
        let replaced = self.regex.replace_all(&text, self.replacement.as_str());
        (replaced != text).then(|| vec![string(&double_backslashes(&replaced))])
    }

    fn replace_parts(&self, value: &SigmaString) -> SigmaString {
        let parts = value.parts.iter().map(|part| match part {
            StringPart::Special(_) => part.clone(),
            StringPart::Plain(plain) => {
                StringPart::Plain(self.regex.replace_all(plain, self.replacement.as_str()).into_owned())
            }
        });
        from_parts(parts.collect())
    }
}

impl Scope {
    fn handles(&self, name: &str) -> bool {
        let listed = |list: &Vec<String>| list.iter().any(|known| known == name);
        self.include.as_ref().is_none_or(listed) && !self.exclude.as_ref().is_some_and(listed)
    }
}

/// Adds one item, or an OR of several.
fn any_of(items: Vec<DetectionItem>) -> Option<Detection> {
    let mut parts: Vec<Detection> = items.into_iter().map(|item| Detection::AllOf(vec![item])).collect();
    if parts.len() > 1 { Some(Detection::AnyOf(parts)) } else { parts.pop() }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The full name of an item's field. An item without a name is a keyword, or in an array the member itself.
fn field_name(item: &DetectionItem, path: &str) -> Option<String> {
    match &item.field.name {
        Some(name) => Some(join(path, name)),
        None => Some(path.to_owned()).filter(|path| !path.is_empty()),
    }
}

/// Whether an item passes the test, which also gets the field of the array in which the item is.
fn contains(detection: &Detection, path: &str, test: &dyn Fn(&DetectionItem, &str) -> bool) -> bool {
    match detection {
        Detection::AllOf(items) => items.iter().any(|item| test(item, path)),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().any(|part| contains(part, path, test)),
        Detection::Keywords(_) => false,
        Detection::ArrayMatch { field, body, .. } => contains(body, &join(path, field), test),
        Detection::Conditional { named, .. } => named.values().any(|part| contains(part, path, test)),
    }
}

/// The condition without the dropped detections, or none if nothing is left.
fn prune(condition: &ConditionExpr, dropped: &[String], left: &[&String]) -> Option<ConditionExpr> {
    let all = |parts: &[ConditionExpr]| parts.iter().filter_map(|p| prune(p, dropped, left)).collect::<Vec<_>>();
    match condition {
        ConditionExpr::And(parts) => Some(all(parts)).filter(|p| !p.is_empty()).map(ConditionExpr::And),
        ConditionExpr::Or(parts) => Some(all(parts)).filter(|p| !p.is_empty()).map(ConditionExpr::Or),
        ConditionExpr::Not(part) => prune(part, dropped, left).map(|part| ConditionExpr::Not(Box::new(part))),
        ConditionExpr::Identifier(name) => (!dropped.contains(name)).then(|| condition.clone()),
        ConditionExpr::Selector { pattern, .. } => {
            let is_gone = dropped.iter().any(|name| pattern.matches_detection_name(name));
            let is_left = left.iter().any(|name| pattern.matches_detection_name(name));
            (is_left || !is_gone).then(|| condition.clone())
        }
    }
}

/// `1 of *` leaves out names that begin with an underscore in pySigma, but not in rsigma: `1 of them` does in both.
fn hide_underscored(condition: &mut ConditionExpr) {
    match condition {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter_mut().for_each(hide_underscored),
        ConditionExpr::Not(part) => hide_underscored(part),
        ConditionExpr::Selector { pattern, .. } if *pattern == SelectorPattern::Pattern("*".to_owned()) => {
            *pattern = SelectorPattern::Them;
        }
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => {}
    }
}

/// The item with `contains`, `startswith` and `endswith` written as wildcards, or none if its values are not strings
/// that are compared as they are: regular expressions, networks, encoded text and so on.
fn with_wildcards(item: &DetectionItem) -> Option<DetectionItem> {
    use Modifier::{All, Cased, Contains, EndsWith, Expand, Neq, StartsWith};
    let has = |modifier| item.field.has_modifier(modifier);
    let known = [All, Cased, Contains, EndsWith, Expand, Neq, StartsWith];
    if !item.field.modifiers.iter().all(|modifier| known.contains(modifier)) {
        return None;
    }
    let (before, after) = (has(Contains) || has(EndsWith), has(Contains) || has(StartsWith));
    let mut seen = item.clone();
    seen.field.modifiers.retain(|modifier| ![Contains, StartsWith, EndsWith].contains(modifier));
    for value in seen.values.iter_mut().filter(|_| before || after) {
        let mut parts = match value {
            SigmaValue::String(s) => s.parts.clone(),
            SigmaValue::Integer(_) | SigmaValue::Float(_) => vec![StringPart::Plain(value.to_string())],
            SigmaValue::Bool(_) | SigmaValue::Null => continue,
        };
        let wildcard = StringPart::Special(SpecialChar::WildcardMulti);
        if before && parts.first() != Some(&wildcard) {
            parts.insert(0, wildcard.clone());
        }
        if after && parts.last() != Some(&wildcard) {
            parts.push(wildcard);
        }
        *value = SigmaValue::String(from_parts(parts));
    }
    Some(seen)
}

/// Replaces values; a value for which `new` returns none stays.
fn edit_strings(item: DetectionItem, new: impl Fn(&SigmaValue) -> Option<Vec<SigmaValue>>) -> DetectionItem {
    let Some(seen) = with_wildcards(&item) else { return item };
    let replaced: Vec<_> = seen.values.iter().map(new).collect();
    if replaced.iter().all(Option::is_none) {
        return item;
    }
    let values = replaced.into_iter().zip(seen.values).flat_map(|(new, old)| new.unwrap_or_else(|| vec![old]));
    DetectionItem { values: values.collect(), field: seen.field }
}

/// Replaces the placeholders of an item by each of their values. The modifier `expand` stays as long as placeholders do.
fn expand(
    mut item: DetectionItem,
    scope: &Scope,
    values_of: impl Fn(&str, bool) -> Result<Vec<String>, String>,
) -> Result<DetectionItem, String> {
    if !item.field.has_modifier(Modifier::Expand) {
        return Ok(item);
    }
    let is_regex = item.field.has_modifier(Modifier::Re);
    let mut is_open = false;
    let mut expanded = Vec::new();
    for value in std::mem::take(&mut item.values) {
        let SigmaValue::String(template) = value else {
            expanded.push(value);
            continue;
        };
        let template = if is_regex { template.original } else { escaped(&template) };
        let (mut texts, mut rest) = (vec![String::new()], template.as_str());
        while let Some((before, name, after)) = next_placeholder(rest) {
            let is_handled = scope.handles(name);
            is_open |= !is_handled;
            let values = if is_handled { values_of(name, is_regex)? } else { vec![format!("%{name}%")] };
            if expanded.len() + texts.len() * values.len() > EXPANDED_VALUES_MAX {
                return Err(format!("placeholders expand to more than {EXPANDED_VALUES_MAX} values; shorten `vars`"));
            }
            let with_value = |text| values.iter().map(move |value| format!("{text}{before}{value}"));
            texts = texts.iter().flat_map(with_value).collect();
            rest = after;
        }
        let texts = texts.iter().map(|text| format!("{text}{rest}"));
        expanded.extend(texts.map(|text| if is_regex { SigmaValue::from_raw_string(&text) } else { string(&text) }));
    }
    item.values = expanded;
    item.field.modifiers.retain(|modifier| is_open || *modifier != Modifier::Expand);
    Ok(item)
}

/// The text before a placeholder, its name, and the text behind it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut signs = text.match_indices('%').map(|(at, _)| at).peekable();
    while let Some(start) = signs.next() {
        let end = *signs.peek()?;
        let name = &text[start + 1..end];
        if !name.is_empty() && !name.contains(['\\', '*', '?']) {
            return Some((&text[..start], name, &text[end + 1..]));
        }
    }
    None
}

fn string(text: &str) -> SigmaValue {
    SigmaValue::String(SigmaString::new(text))
}

fn same(left: &SigmaValue, right: &SigmaValue) -> bool {
    match (left, right) {
        (SigmaValue::String(left), SigmaValue::String(right)) => left.parts == right.parts,
        _ => left == right,
    }
}

/// The text of a value as pySigma prints it: literal `*` and `?` are escaped, backslashes are not.
fn text_of(value: &SigmaString) -> String {
    let escaped = value.parts.iter().map(|part| match part {
        StringPart::Plain(plain) => StringPart::Plain(plain.replace('*', "\\*").replace('?', "\\?")),
        StringPart::Special(_) => part.clone(),
    });
    raw_text(escaped)
}

fn raw_text(parts: impl IntoIterator<Item = StringPart>) -> String {
    let text = parts.into_iter().map(|part| match part {
        StringPart::Plain(plain) => plain,
        StringPart::Special(SpecialChar::WildcardMulti) => "*".to_owned(),
        StringPart::Special(SpecialChar::WildcardSingle) => "?".to_owned(),
    });
    text.collect()
}

fn from_parts(parts: Vec<StringPart>) -> SigmaString {
    SigmaString::new(&escaped(&SigmaString { parts, original: String::new() }))
}

/// Text that is parsed to the same value again.
fn escaped(value: &SigmaString) -> String {
    let parts = value.parts.iter().map(|part| match part {
        StringPart::Plain(plain) => StringPart::Plain(plain.replace('\\', "\\\\")),
        StringPart::Special(_) => part.clone(),
    });
    text_of(&SigmaString { parts: parts.collect(), original: String::new() })
}

/// Doubles the backslashes that do not escape a wildcard, as pySigma does after a replacement.
fn double_backslashes(text: &str) -> String {
    let next = text.chars().skip(1).map(Some).chain([None]);
    let doubled = text.chars().zip(next).map(|(c, next)| match next {
        Some('*' | '?') => c.to_string(),
        _ if c == '\\' => "\\\\".to_owned(),
        _ => c.to_string(),
    });
    doubled.collect()
}

/// The line and the reason of an error in the text of a pipeline.
fn located(text: &str, error: &yaml_serde::Error) -> (usize, String) {
    let message = error.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message);
    let line = error.location().map_or(1, |location| location.line());
    // serde reports where the enclosing mapping begins; the word in question is in that line or below.
    let word = if reason.contains("missing field") { None } else { reason.split('`').nth(1) };
    let below = |word: &str| text.lines().skip(line.saturating_sub(1)).position(|line| line.contains(word));
    (line + word.and_then(below).unwrap_or(0), reason.replace('\n', " "))
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Sequence(list) if !list.is_empty() && !list.iter().any(Value::is_sequence) => {
            list.iter().map(texts).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
        }
        _ => Err("expected text, a number, or a list of them that is not empty".to_owned()),
    }
}

fn named_texts<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(input)?.into_iter();
    all.map(|(name, value)| {
        texts(&value).map(|t| (name.clone(), t)).map_err(|e| D::Error::custom(format!("`{name}`: {e}")))
    })
    .collect()
}

fn targets<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Target>, D::Error> {
    let all = Mapping::deserialize(input)?.into_iter().map(|(from, to)| {
        let from = if from.is_null() { None } else { Some(texts(&from)?.concat()) };
        let to = texts(&to).map_err(|error| format!("`{}`: {error}", from.as_deref().unwrap_or("null")))?;
        Ok((from, to))
    });
    all.collect::<Result<_, String>>().map_err(D::Error::custom)
}

fn detection_items<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<DetectionItem>, D::Error> {
    let all = Mapping::deserialize(input)?.into_iter().map(|(key, value)| {
        let key = key.as_str().ok_or("expected field names as keys of `conditions`")?;
        let field = parse_field_spec(key).map_err(|error| error.to_string())?;
        let values = if let Value::Sequence(list) = value { list } else { vec![value] };
        if values.is_empty() || values.iter().any(|value| value.is_sequence() || value.is_mapping()) {
            return Err(format!("`{key}`: expected a value or a list of values"));
        }
        let value = |value: &Value| match value {
            Value::String(text) if field.has_modifier(Modifier::Re) => SigmaValue::from_raw_string(text),
            _ => SigmaValue::from_yaml(value),
        };
        Ok(DetectionItem { values: values.iter().map(value).collect(), field })
    });
    let items: Vec<_> = all.collect::<Result<_, String>>().map_err(D::Error::custom)?;
    if items.is_empty() { Err(D::Error::custom("`conditions` must not be empty")) } else { Ok(items) }
}

fn compiled(pattern: &str, shown: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let error = error.to_string();
        format!("invalid regular expression `{shown}`: {}", error.lines().last().unwrap_or_default())
    })
}

fn regex<'de, D: Deserializer<'de>>(input: D) -> Result<Regex, D::Error> {
    let pattern = String::deserialize(input)?;
    compiled(&pattern, &pattern).map_err(D::Error::custom)
}

/// A regular expression that must match from the start of the text, as Python's `re.match`.
fn anchored_regex<'de, D: Deserializer<'de>>(input: D) -> Result<Regex, D::Error> {
    let pattern = String::deserialize(input)?;
    compiled(&format!(r"\A(?:{pattern})"), &pattern).map_err(D::Error::custom)
}

/// Translates Python's `\1`, `\g<1>` and `\g<name>` to `${1}` and `${name}`.
fn replacement<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let python = String::deserialize(input)?.replace('$', "$$");
    let reference = compiled(r"\\(?:g<(\w+)>|(\d\d?)|\\)", "").map_err(D::Error::custom)?;
    let rust = reference.replace_all(&python, |found: &Captures<'_>| match found.get(1).or(found.get(2)) {
        Some(group) => format!("${{{}}}", group.as_str()),
        None => "\\".to_owned(),
    });
    Ok(rust.into_owned())
}

impl TryFrom<FieldNamesKeys> for FieldNames {
    type Error = String;

    fn try_from(FieldNamesKeys { fields, mode }: FieldNamesKeys) -> Result<Self, String> {
        let pattern = |field: &String| match mode {
            NameMode::Plain => Ok(format!(r"\A{}\z", regex::escape(field))),
            NameMode::Re => compiled(field, field).map(|_| format!(r"\A(?:{field})")),
        };
        let patterns = fields.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
        RegexSet::new(patterns).map(Self).map_err(|error| format!("cannot use `fields`: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use rsigma_parser::parse_sigma_yaml;

    use super::*;

    const RULE: &str = "
title: t
level: high
tags: [attack.t1078]
logsource: {product: aws, service: cloudtrail}
fields: [user]
detection:";

    fn pipeline(items: &str) -> Pipeline {
        let indented = items.trim_start_matches('\n').replace('\n', "\n  ");
        Pipeline::parse(&format!("vars:\n  who: [jane, 'adm*']\n  n: 7\ntransformations:\n  {indented}\n")).unwrap()
    }

    fn rule(detection: &str) -> SigmaRule {
        let text = format!("{RULE} {detection}");
        let parsed = parse_sigma_yaml(&text).unwrap().into_result().unwrap();
        parsed.rules.into_iter().next().unwrap()
    }

    fn applied(items: &str, detection: &str) -> Result<SigmaRule, String> {
        let mut rule = rule(detection);
        pipeline(items).apply(&mut rule)?;
        for detection in rule.detection.named.values() {
            rsigma_ir::lower::lower_detection(detection, &Default::default()).unwrap();
        }
        Ok(rule)
    }

    /// The detection `s` after the pipeline, with the condition if it is not just `s`.
    fn changed(items: &str, selection: &str) -> String {
        let rule = applied(items, &format!("{{s: {selection}, condition: s}}")).unwrap();
        let mut shown: Vec<String> = rule.detection.named.values().map(show).collect();
        shown.sort();
        let condition = rule.detection.conditions[0].to_string();
        if condition == "s" { shown.concat() } else { format!("{condition}: {}", shown.join(" & ")) }
    }

    fn show(detection: &Detection) -> String {
        let all = |parts: &[Detection], by: &str| format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(by));
        match detection {
            Detection::AllOf(items) => items.iter().map(show_item).collect::<Vec<_>>().join(" & "),
            Detection::AnyOf(parts) => all(parts, " / "),
            Detection::And(parts) => all(parts, " & "),
            Detection::Keywords(values) => show_values(values),
            Detection::ArrayMatch { field, body, .. } => format!("{field}[{}]", show(body)),
            Detection::Conditional { named, condition } => format!("{condition} of {}", named.len()),
        }
    }

    fn show_item(item: &DetectionItem) -> String {
        let modifiers: String = item.field.modifiers.iter().map(|m| format!("|{m:?}")).collect();
        format!("{}{modifiers}={}", item.field.name.as_deref().unwrap_or("-"), show_values(&item.values))
    }

    fn show_values(values: &[SigmaValue]) -> String {
        let text = |value: &SigmaValue| match value {
            SigmaValue::String(s) => text_of(s),
            SigmaValue::Integer(n) => format!("#{n}"),
            other => format!("{other:?}"),
        };
        values.iter().map(text).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn field_name_mapping_renames_items_and_the_field_list() {
        let map = "- {type: field_name_mapping, mapping: {user: actor, ip: [src, dst], null: message}}";
        assert_eq!(changed(map, "{user|contains: j}"), "actor|Contains=j");
        assert_eq!(changed(map, "{ip: 1, a: 2}"), "(a=#2 & (src=#1 / dst=#1))");
        assert_eq!(changed(map, "{ip|cidr: 10.0.0.0/8}"), "(src|Cidr=10.0.0.0/8 / dst|Cidr=10.0.0.0/8)");
        assert_eq!(changed(map, "[{ip: 1, user: a}, {a: 2}]"), "((actor=a & (src=#1 / dst=#1)) / a=#2)");
        assert_eq!(changed(map, "{a|fieldref: user}"), "a|FieldRef=actor");
        assert_eq!(changed(map, "[x, '*y']"), "message=*x*,*y*");
        assert_eq!(applied(map, "{s: {a: 1}, condition: s}").unwrap().fields, ["actor"]);
    }

    #[test]
    fn prefixes_and_suffixes_are_added_and_mapped() {
        assert_eq!(changed("- {type: field_name_prefix, prefix: ct.}", "{a: 1}"), "ct.a=#1");
        assert_eq!(changed("- {type: field_name_suffix, suffix: .raw}", "{a: 1}"), "a.raw=#1");
        let map = "- {type: field_name_prefix_mapping, mapping: {user.: [u., actor.]}}";
        assert_eq!(changed(map, "{user.name: 1, username: 2}"), "(username=#2 & (u.name=#1 / actor.name=#1))");
    }

    #[test]
    fn names_in_arrays_are_relative_and_only_the_array_is_renamed() {
        let mut rule = rule("{s: {a: 1}, condition: s}");
        let body = Box::new(Detection::AllOf(vec![
            DetectionItem { field: FieldSpec::new(Some("key".into()), vec![]), values: vec![string("x")] },
            DetectionItem { field: FieldSpec::new(Some("value".into()), vec![]), values: vec![string("y")] },
        ]));
        let array =
            Detection::ArrayMatch { field: "tags".into(), quantifier: rsigma_parser::ArrayQuantifier::Any, body };
        rule.detection.named.insert("s".into(), array);
        let drop =
            "- {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [tags.value]}]}";
        let rename = "- {type: field_name_mapping, mapping: {tags: labels, key: k}}";
        pipeline(&format!("{drop}\n{rename}")).apply(&mut rule).unwrap();
        assert_eq!(show(&rule.detection.named["s"]), "labels[key=x]");
    }

    #[test]
    fn dropped_items_leave_the_condition() {
        let drop =
            "- {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: ['x.*'], mode: re}]}";
        assert_eq!(changed(drop, "{x1: 1, a: 2, b: 3}"), "a=#2 & b=#3");
        assert_eq!(changed(drop, "[{x1: 1}, {a: 2}]"), "(a=#2)");
        let condition = |detection| applied(drop, detection).map(|rule| rule.detection.conditions[0].to_string());
        let detection = "{s: {a: 1}, f_1: {x: 1}, f_2: {x: 2}, condition: s and not 1 of f_* and not f_1}";
        assert_eq!(condition(detection).unwrap(), "(s)");
        let detection = "{s: {a: 1}, f_1: {x: 1}, f_2: {b: 2}, condition: s and not 1 of f_*}";
        assert_eq!(condition(detection).unwrap(), "(s and not 1 of f_*)");
        assert!(condition("{s: {x: 1}, condition: s}").unwrap_err().contains("nothing is left"));
    }

    #[test]
    fn added_conditions_are_anded_and_hidden_from_selectors() {
        let add = "- {type: add_condition, negated: true, conditions: {index|startswith: [a, b], n: 1}}";
        assert_eq!(changed(add, "{a: 1}"), "(not _pipeline and s): a=#1 & index|StartsWith=a,b & n=#1");
        let both = applied(&format!("{add}\n{add}"), "{s: {a: 1}, condition: 1 of *}").unwrap().detection;
        assert_eq!(both.condition_strings, ["(not _pipeline_ and (not _pipeline and 1 of them))"]);
    }

    #[test]
    fn log_source_is_changed_for_later_conditions() {
        let items = "- {type: change_logsource, product: x, category: c}
- {type: field_name_prefix, prefix: p., rule_conditions: [{type: logsource, product: x}]}
- {type: rule_failure, message: late, rule_conditions: [{type: logsource, service: cloudtrail}]}";
        let rule = applied(items, "{s: {a: 1}, condition: s}").unwrap();
        let logsource = LogSource { product: Some("x".into()), category: Some("c".into()), ..LogSource::default() };
        assert_eq!((show(&rule.detection.named["s"]).as_str(), rule.logsource), ("p.a=#1", logsource));
    }

    #[test]
    fn strings_are_replaced_as_pysigma_sees_them() {
        let replace = r"- {type: replace_string, regex: '^\*?(a)(b)', replacement: '\2$\g<1>'}";
        assert_eq!(changed(replace, "{x: [abc, zab, 1]}"), "x=b$ac,zab,#1");
        assert_eq!(changed(replace, "{x|contains: abc}"), "x=b$ac*");
        assert_eq!(changed(replace, "{x|contains: zz}"), "x|Contains=zz");
        assert_eq!(changed(replace, "{x|re: abc}"), "x|Re=abc");
        let skip = "- {type: replace_string, regex: '.', replacement: '*', skip_special: true}";
        assert_eq!(changed(skip, "{x: 'a*b'}"), r"x=\**\*");
        let backslash = r"- {type: replace_string, regex: 'C:', replacement: 'D:'}";
        assert_eq!(changed(backslash, r"{x: 'C:\a\\b*'}"), r"x=D:\a\b*");
        let map = "- {type: map_string, mapping: {a: [b, 'c*'], '*d*': e}}";
        assert_eq!(changed(map, "{x: [a, f]}"), "x=b,c*,f");
        assert_eq!(changed(map, "{x|contains: [d, f]}"), "x=e,*f*");
        assert_eq!(changed("- {type: set_value, value: 5}", "{x|contains|all: [a, b]}"), "x=#5");
    }

    #[test]
    fn placeholders_are_replaced_by_every_value() {
        let values = "- {type: value_placeholders}";
        assert_eq!(changed(values, "{x|expand: '%who%'}"), "x=jane,adm*");
        assert_eq!(
            changed(values, "{x|contains|expand: 'a%who%-%n%', y|expand: '5%% \\%n%'}"),
            "x|Contains=ajane-7,aadm*-7 & y=5%% \\7"
        );
        assert_eq!(changed(values, "{x: '%who%'}"), "x=%who%");
        assert_eq!(changed(values, "{x|re|expand: '^%n%$'}"), "x|Re=^7$");
        let unknown = applied(values, "{s: {x|expand: '%no%'}, condition: s}").unwrap_err();
        assert_eq!(unknown, "placeholder %no% has no value; add it to `vars`");
        let some = "- {type: value_placeholders, include: [n]}";
        assert_eq!(changed(some, "{x|expand: '%n%-%who%'}"), "x|Expand=7-%who%");
        let rest = format!("{some}\n- {{type: wildcard_placeholders, exclude: [n]}}");
        assert_eq!(changed(&rest, "{x|expand: '%n%-%who%'}"), "x=7-*");
        let many = applied(values, &format!("{{s: {{x|expand: '{}'}}, condition: s}}", "%who%".repeat(40)));
        assert!(many.unwrap_err().contains("more than 100000 values"));
    }

    #[test]
    fn failures_reject_the_rule() {
        let rule = "{s: {a: 1}, condition: s}";
        assert_eq!(applied("- {type: rule_failure, message: no}", rule).unwrap_err(), "no");
        let on = |field| {
            format!(
                "- {{type: detection_item_failure, message: no, field_name_conditions: [{{type: include_fields, fields: [{field}]}}]}}"
            )
        };
        assert_eq!(applied(&on("a"), rule).unwrap_err(), "no");
        assert!(applied(&on("b"), rule).is_ok());
    }

    #[test]
    fn rule_conditions_decide() {
        let applies = |conditions: &str| {
            let first = "- {type: set_state, key: k, val: 3, id: first}";
            let item = format!("{first}\n- {{type: rule_failure, message: hit, rule_conditions: {conditions}}}");
            applied(&item, "{s: {a|endswith: x, b: [1, 2]}, f: {c|re: x}, condition: s and not (1 of f* or not s)}")
                .is_err()
        };
        for condition in [
            "[{type: logsource, product: aws}]",
            "[{type: contains_field, field: a}]",
            "[{type: contains_detection_item, field: a, value: '*x'}]",
            "[{type: contains_detection_item, field: b, value: 2}]",
            "[{type: rule_attribute, attribute: level, value: medium, op: gte}]",
            "[{type: rule_attribute, attribute: tags, value: attack.t1078, op: in}]",
            "[{type: tag, tag: attack.t1078}]",
            "[{type: processing_state, key: k, val: 2, op: gt}]",
            "[{type: processing_item_applied, processing_item_id: first}]",
            "[{type: is_sigma_rule}]",
            "[{type: is_sigma_rule}, {type: tag, tag: x}], rule_cond_op: or",
            "[{type: is_sigma_correlation_rule}], rule_cond_not: true",
        ] {
            assert!(applies(condition), "{condition}");
        }
        for condition in [
            "[{type: logsource, product: aws, service: s3}]",
            "[{type: contains_field, field: d}]",
            "[{type: contains_detection_item, field: a, value: x}]",
            "[{type: rule_attribute, attribute: level, value: critical, op: gte}]",
            "[{type: rule_attribute, attribute: none, value: 1, op: ne}]",
            "[{type: processing_state, key: other, val: 2, op: ne}]",
            "[{type: is_sigma_rule}, {type: tag, tag: x}]",
        ] {
            assert!(!applies(condition), "{condition}");
        }
    }

    #[test]
    fn item_conditions_decide() {
        let drop = |conditions: &str| {
            changed(&format!("- {{type: drop_detection_item, {conditions}}}"), "{a: ['x*', y], b: null, c|re: x, d: y}")
        };
        assert_eq!(
            drop("detection_item_conditions: [{type: match_string, cond: any, pattern: x}]"),
            "b=Null & c|Re=x & d=y"
        );
        assert_eq!(
            drop("detection_item_conditions: [{type: match_string, cond: all, pattern: y}]"),
            "a=x*,y & b=Null & c|Re=x"
        );
        assert_eq!(drop("detection_item_conditions: [{type: is_null, cond: all}]"), "a=x*,y & c|Re=x & d=y");
        let wildcard = "detection_item_conditions: [{type: contains_wildcard, cond: any}]";
        assert_eq!(drop(wildcard), "b=Null & c|Re=x & d=y");
        assert_eq!(drop(&format!("{wildcard}, detection_item_cond_not: true")), "a=x*,y");
        assert_eq!(drop("field_name_conditions: [{type: exclude_fields, fields: [a, b]}]"), "a=x*,y & b=Null");
        let fields =
            "field_name_conditions: [{type: include_fields, fields: [a]}, {type: include_fields, fields: [b]}]";
        assert_eq!(drop(&format!("{fields}, field_name_cond_op: or")), "c|Re=x & d=y");
        assert_eq!(drop(fields), "a=x*,y & b=Null & c|Re=x & d=y");
    }

    #[test]
    fn correlations_and_filters_are_renamed() {
        let text = "title: c
correlation: {type: value_count, rules: [r], group-by: [user, who], timespan: 1h, condition: {gte: 3, field: ip}, aliases: {who: {r: ip}}}
---
title: f
logsource: {product: aws}
filter: {rules: [r], selection: {user: x}, condition: not selection}";
        let parsed = parse_sigma_yaml(text).unwrap().into_result().unwrap();
        let mut correlation = parsed.correlations[0].clone();
        let map = "- {type: field_name_mapping, mapping: {user: [a, b], ip: src, who: no}}";
        pipeline(map).apply_to_correlation(&mut correlation, &[]).unwrap();
        assert_eq!(correlation.group_by, ["a", "b", "who"]);
        assert_eq!(correlation.aliases[0].mapping["r"], "src");
        let CorrelationCondition::Threshold { field, .. } = &correlation.condition else { panic!("no threshold") };
        assert_eq!(field.as_deref(), Some(&["src".to_owned()][..]));
        let two = pipeline("- {type: field_name_mapping, mapping: {src: [a, b]}}");
        assert!(two.apply_to_correlation(&mut correlation, &[]).unwrap_err().contains("map it to one field"));

        let aws = "- {type: field_name_prefix, prefix: p., rule_conditions: [{type: logsource, product: aws}]}";
        pipeline(aws).apply_to_correlation(&mut correlation, &[]).unwrap();
        assert_eq!(correlation.group_by, ["a", "b", "who"]);
        let logsource = LogSource { product: Some("aws".into()), ..LogSource::default() };
        pipeline(aws).apply_to_correlation(&mut correlation, &[logsource]).unwrap();
        assert_eq!(correlation.group_by, ["p.a", "p.b", "who"]);

        let mut filter = parsed.filters[0].clone();
        let add = "- {type: add_condition, conditions: {x: 1}}";
        pipeline(&format!("{aws}\n{add}")).apply_to_filter(&mut filter).unwrap();
        assert_eq!(show(&filter.detection.named["selection"]), "p.user=x");
        assert_eq!(filter.detection.conditions[0].to_string(), "not selection");
    }

    #[test]
    fn combined_pipelines_run_by_priority_and_share_variables() {
        let late =
            Pipeline::parse("priority: 9\nvars: {v: 1}\ntransformations: [{type: field_name_prefix, prefix: l.}]")
                .unwrap();
        let early = Pipeline::parse(
            "name: e\ntransformations: [{type: value_placeholders}, {type: field_name_prefix, prefix: e.}]",
        )
        .unwrap();
        let mut rule = rule("{s: {a|expand: '%v%'}, condition: s}");
        Pipeline::combine(vec![late, early]).apply(&mut rule).unwrap();
        assert_eq!(show(&rule.detection.named["s"]), "l.e.a=1");
    }

    #[test]
    fn errors_name_the_line_and_what_is_supported() {
        let error = |text: &str| Pipeline::parse(text).unwrap_err();
        let items = "name: x\ntransformations:\n- type: field_name_prefix\n  prefix: a\n- id: b\n";
        let (line, reason) = error(&format!("{items}  type: nest\n  items: []"));
        assert!(line == 6 && reason.contains("`nest`, expected one of `field_name_mapping`"), "{line}: {reason}");
        let (line, reason) = error(&format!("{items}  type: query_expression_placeholders"));
        assert!(line == 6 && reason.contains("unknown variant `query_expression_placeholders`"), "{line}: {reason}");
        let (line, reason) = error(&format!("{items}  type: field_name_suffix\n  sufix: x"));
        assert!(line == 7 && reason.contains("unknown field `sufix`, expected `suffix`"), "{line}: {reason}");
        let (line, reason) = error(&format!("{items}  type: drop_detection_item\n  x: 1"));
        assert!(line == 7 && reason.contains("unknown field `x`"), "{line}: {reason}");
        let (line, reason) =
            error(&format!("{items}  type: drop_detection_item\n  rule_conditions:\n  - type: taxonomy"));
        assert!(line == 8 && reason.contains("`taxonomy`, expected one of `logsource`"), "{line}: {reason}");
        let (line, reason) = error(&format!("{items}  type: replace_string\n  regex: '(?<!a)b'\n  replacement: x"));
        assert!(line == 7 && reason.contains("invalid regular expression `(?<!a)b`"), "{line}: {reason}");
        let (line, reason) = error(&format!("{items}  type: map_string"));
        assert!(line == 5 && reason.contains("missing field `mapping`"), "{line}: {reason}");
        let (line, reason) = error("name: x\npostprocessing: []\n");
        assert!(line == 2 && reason.contains("unknown field `postprocessing`, expected one of"), "{line}: {reason}");
        let (line, reason) = error("name: x\nvars: {v: []}\n");
        assert!(line == 2 && reason.contains("`v`: expected text"), "{line}: {reason}");
        assert_eq!(error("name: x\nvars: [\n").0, 2);
        assert!(error("- a").1.contains("a mapping with the key `transformations`"));
    }
}
