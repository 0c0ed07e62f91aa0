//! A Sigma rule as a condition on events.

use std::collections::HashMap;

use rsigma_ir::{
    IrCondition, IrDetection, IrDetectionItem, IrMatcher, IrRuleMetadata, IrStrOp, LowerOptions, lower_conditions,
    lower_rule,
};
use rsigma_parser::{Detection, Detections, LogSource, Quantifier, SelectorPattern, SigmaRule};

use super::{field, value};
use crate::engine::Condition;

/// Values of one field, at most. A list that is longer belongs into a table that the rule's detector joins.
const VALUES_MAX: usize = 10_000;
/// Predicates of one rule, at most.
const PREDICATES_MAX: usize = 20_000;

/// What a rule says about itself, and the events that it matches.
///
/// # Errors
/// Why the rule cannot run.
pub fn compile(rule: &SigmaRule) -> Result<(IrRuleMetadata, Condition), String> {
    check_log_source(&rule.logsource)?;
    rule.detection.named.values().try_for_each(check_values)?;
    let lowered = lower_rule(rule, &LowerOptions::default()).map_err(|e| e.to_string())?;
    let condition = combined(&lowered.detections, &lowered.conditions)?;
    Ok((lowered.metadata, condition))
}

/// The condition that a filter adds to its rules.
///
/// # Errors
/// Why the filter cannot run.
pub fn filter_condition(detection: &Detections) -> Result<Condition, String> {
    detection.named.values().try_for_each(check_values)?;
    let lowered = detection.named.iter().map(|(name, detection)| {
        let lowered = rsigma_ir::lower::lower_detection(detection, &LowerOptions::default());
        lowered.map(|lowered| (name.clone(), lowered)).map_err(|e| e.to_string())
    });
    let lowered = lowered.collect::<Result<HashMap<_, _>, _>>()?;
    combined(&lowered, &lower_conditions(detection).map_err(|e| e.to_string())?)
}

/// Several conditions of one rule are alternatives.
fn combined(detections: &HashMap<String, IrDetection>, conditions: &[IrCondition]) -> Result<Condition, String> {
    if conditions.is_empty() {
        return Err("it has no condition".into());
    }
    let mut compiled = HashMap::new();
    for (name, detection) in detections {
        compiled.insert(name.as_str(), of_detection(detection)?);
    }
    let conditions = conditions.iter().map(|condition| of_condition(condition, &compiled));
    let condition = Condition::any(conditions.collect::<Result<Vec<_>, _>>()?);
    match condition.size() {
        size if size > PREDICATES_MAX => {
            Err(format!("it has {size} comparisons; at most {PREDICATES_MAX} are possible"))
        }
        _ => Ok(condition),
    }
}

/// Only rules for CloudTrail can run. What a rule leaves open is not compared.
fn check_log_source(source: &LogSource) -> Result<(), String> {
    let is = |given: &Option<String>, expected: &str| {
        given.as_deref().is_none_or(|given| given.eq_ignore_ascii_case(expected))
    };
    let names_any = source.product.is_some() || source.service.is_some();
    if names_any && is(&source.product, "aws") && is(&source.service, "cloudtrail") && source.category.is_none() {
        return Ok(());
    }
    let named = [("product", &source.product), ("service", &source.service), ("category", &source.category)];
    let named: Vec<_> = named.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?))).collect();
    let named = if named.is_empty() { "nothing".to_owned() } else { named.join(", ") };
    Err(format!("its logsource names {named}, not product aws, service cloudtrail; --sigma-pipeline can change it"))
}

fn check_values(detection: &Detection) -> Result<(), String> {
    let check = |field: &str, count: usize| match count {
        count if count > VALUES_MAX => Err(format!("{field} has {count} values; at most {VALUES_MAX} are possible")),
        _ => Ok(()),
    };
    match detection {
        Detection::AllOf(items) => items
            .iter()
            .try_for_each(|item| check(item.field.name.as_deref().unwrap_or("a list of keywords"), item.values.len())),
        Detection::Keywords(values) => check("a list of keywords", values.len()),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            check("a list of maps", parts.len())?;
            parts.iter().try_for_each(check_values)
        }
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Ok(()),
    }
}

fn of_detection(detection: &IrDetection) -> Result<Condition, String> {
    let each = |parts: &[IrDetection]| parts.iter().map(of_detection).collect::<Result<Vec<_>, _>>();
    Ok(match detection {
        IrDetection::AllOf(items) => Condition::all(items.iter().map(of_item).collect::<Result<Vec<_>, _>>()?),
        IrDetection::AnyOf(parts) => Condition::any(each(parts)?),
        IrDetection::And(parts) => Condition::all(each(parts)?),
        IrDetection::Keywords(matcher) => of_keywords(matcher)?,
        IrDetection::ArrayMatch { field, .. } => {
            return Err(format!(
                "field {field}: selecting elements of an array with [] is not in the Sigma specification"
            ));
        }
        IrDetection::Conditional { .. } => {
            return Err("a condition inside a selection is not in the Sigma specification".into());
        }
    })
}

fn of_item(item: &IrDetectionItem) -> Result<Condition, String> {
    let Some(field) = &item.field else { return of_keywords(&item.matcher) };
    let values = field::of(field)?;
    value::condition(&values, &item.matcher).map_err(|reason| format!("field {field}: {reason}"))
}

/// Keywords are looked for in every value of a record.
fn of_keywords(matcher: &IrMatcher) -> Result<Condition, String> {
    match matcher {
        IrMatcher::AnyOf(keywords) => {
            Ok(Condition::any(keywords.iter().map(of_keywords).collect::<Result<Vec<_>, _>>()?))
        }
        IrMatcher::AllOf(keywords) => {
            Ok(Condition::all(keywords.iter().map(of_keywords).collect::<Result<Vec<_>, _>>()?))
        }
        IrMatcher::Null | IrMatcher::Exists(_) => Err("a keyword cannot be null".into()),
        IrMatcher::Str { op: IrStrOp::Exact, pattern, case_insensitive } => of_keywords(&IrMatcher::Str {
            op: IrStrOp::Contains,
            pattern: pattern.clone(),
            case_insensitive: *case_insensitive,
        }),
        keyword => value::condition(&field::every_value(), keyword),
    }
}

fn of_condition(condition: &IrCondition, detections: &HashMap<&str, Condition>) -> Result<Condition, String> {
    let each =
        |parts: &[IrCondition]| parts.iter().map(|part| of_condition(part, detections)).collect::<Result<Vec<_>, _>>();
    Ok(match condition {
        IrCondition::Detection(name) => detections
            .get(name.as_str())
            .cloned()
            .ok_or_else(|| format!("its condition names {name}, which does not exist"))?,
        IrCondition::And(parts) => Condition::all(each(parts)?),
        IrCondition::Or(parts) => Condition::any(each(parts)?),
        IrCondition::Not(inner) => of_condition(inner, detections)?.negated(),
        IrCondition::Selector { quantifier, pattern } => {
            let mut named: Vec<_> =
                detections.iter().filter(|(name, _)| pattern.matches_detection_name(name)).collect();
            named.sort_by_key(|(name, _)| **name);
            let selected = named.into_iter().map(|(_, condition)| condition.clone()).collect::<Vec<_>>();
            match (quantifier, selected.as_slice()) {
                (_, []) => {
                    return Err(format!("its condition selects {}, and nothing has such a name", in_words(pattern)));
                }
                (Quantifier::Any | Quantifier::Count(1), _) => Condition::any(selected),
                (Quantifier::All, _) => Condition::all(selected),
                (Quantifier::Count(n), _) => {
                    return Err(format!("`{n} of` is not in the Sigma specification; it has `1 of` and `all of`"));
                }
            }
        }
    })
}

fn in_words(pattern: &SelectorPattern) -> String {
    match pattern {
        SelectorPattern::Them => "them".into(),
        SelectorPattern::Pattern(pattern) => pattern.clone(),
    }
}

#[cfg(test)]
mod tests {
    use rsigma_parser::parse_sigma_yaml;

    use super::*;

    /// A rule with this detection section.
    fn rule(detection: &str) -> SigmaRule {
        let text = format!("title: t\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n{detection}");
        parse_sigma_yaml(&text).unwrap().rules.remove(0)
    }

    fn sql(detection: &str) -> String {
        compile(&rule(detection)).unwrap().1.to_string()
    }

    fn error(detection: &str) -> String {
        compile(&rule(detection)).unwrap_err()
    }

    #[test]
    fn selections_are_combined_as_their_condition_says() {
        let detection = "  a:\n    eventName: X\n    errorCode|exists: false\n  b1:\n    - userAgent|contains: y\n    - awsRegion: z\n  \
                         b2:\n    eventType: w\n  condition: a and not 1 of b*\n";
        let expected = "lower(event_name) = 'x'\n  AND error_code IS NULL\n  AND (lower(user_agent) LIKE '%y%'\n      \
                        OR lower(aws_region) = 'z'\n      OR lower(event_type) = 'w') IS NOT TRUE";
        assert_eq!(sql(detection), expected);
    }

    #[test]
    fn what_the_specification_does_not_have_is_rejected() {
        assert!(error("  a:\n    src_ip: x\n  condition: a\n").starts_with("field src_ip is not a member"));
        assert!(error("  a:\n    eventName: x\n  b:\n    eventName: y\n  condition: 2 of them\n").contains("`2 of`"));
        assert!(error("  a:\n    eventName: x\n  condition: 1 of b*\n").contains("nothing has such a name"));
        let many = (0..=VALUES_MAX).map(|n| format!("      - v{n}\n")).collect::<String>();
        assert!(error(&format!("  a:\n    eventName:\n{many}  condition: a\n")).contains("10001 values"));
        let mut of_windows = rule("  a:\n    eventName: x\n  condition: a\n");
        of_windows.logsource.product = Some("windows".into());
        assert!(compile(&of_windows).unwrap_err().contains("product windows, service cloudtrail"));
    }

    #[test]
    fn keywords_are_looked_for_everywhere() {
        let sql = sql("  keywords:\n    - needle\n  condition: keywords\n");
        assert!(sql.contains("lower(user_agent) LIKE '%needle%'"), "{sql}");
        assert!(sql.contains("any_like(lower_values(json_values(request_parameters, '')), '%needle%')"), "{sql}");
    }
}
