//! Keeps a filter from the wrong column of a semi join.
//!
//! A filter on the key of a semi join's answer also holds for the key of its other side, and the engine passes it on to
//! there. It finds the column by its name (`HashJoinExec` in DataFusion 55.2). If another column of that side has the name
//! of the answer's key, the wrong column is filtered: rows are lost, or the types do not fit. So such columns get another
//! name before filters are passed on.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

/// How the names of the engine's rules that pass filters on begin.
const PASSES_FILTERS_ON: &str = "FilterPushdown";

/// Gives other names to columns that have the name of a semi join's key and are not the key.
#[derive(Debug)]
struct OtherNames;

/// The engine's rules for physical plans, with this one before each rule that passes filters on.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        if rule.name().starts_with(PASSES_FILTERS_ON) {
            rules.push(Arc::new(OtherNames));
        }
        rules.push(rule);
    }
    rules
}

impl PhysicalOptimizerRule for OtherNames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let rename = |plan: Arc<dyn ExecutionPlan>| {
            Ok(match plan.downcast_ref::<HashJoinExec>().map(renamed).transpose()?.flatten() {
                Some(renamed) => Transformed::yes(renamed),
                None => Transformed::no(plan),
            })
        };
        plan.transform_up(rename).data()
    }

    fn name(&self) -> &str {
        "semi_join_names"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join with other names in its other side; `None` if all names are distinct.
fn renamed(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let answer_is_left = match join.join_type() {
        JoinType::LeftSemi => true,
        JoinType::RightSemi => false,
        _ => return Ok(None),
    };
    let other_side = if answer_is_left { join.right() } else { join.left() };
    let schema = other_side.schema();
    // New names by position.
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for (left, right) in join.on() {
        let (key, other_key) = if answer_is_left { (left, right) } else { (right, left) };
        let Some(key) = key.downcast_ref::<Column>() else { continue };
        let other_key = other_key.downcast_ref::<Column>().map(Column::index);
        for (at, field) in schema.fields().iter().enumerate() {
            if field.name() == key.name() && other_key != Some(at) {
                names.insert(at, format!("{} ({at})", field.name()));
            }
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let columns = schema.fields().iter().enumerate().map(|(at, field)| ProjectionExpr {
        expr: Arc::new(Column::new(field.name(), at)),
        alias: names.get(&at).unwrap_or(field.name()).clone(),
    });
    let other_side: Arc<dyn ExecutionPlan> = Arc::new(ProjectionExec::try_new(columns, Arc::clone(other_side))?);
    let of_other_side = |key: &Arc<dyn PhysicalExpr>| {
        let rename = |part: Arc<dyn PhysicalExpr>| {
            let at = part.downcast_ref::<Column>().map(Column::index);
            Ok(match at.and_then(|at| Some((at, names.get(&at)?))) {
                Some((at, name)) => Transformed::yes(Arc::new(Column::new(name, at)) as Arc<dyn PhysicalExpr>),
                None => Transformed::no(part),
            })
        };
        Arc::clone(key).transform(rename).data()
    };
    let mut on = Vec::new();
    for (left, right) in join.on() {
        on.push(match answer_is_left {
            true => (Arc::clone(left), of_other_side(right)?),
            false => (of_other_side(left)?, Arc::clone(right)),
        });
    }
    let children = match answer_is_left {
        true => vec![Arc::clone(join.left()), other_side],
        false => vec![other_side, Arc::clone(join.right())],
    };
    join.builder().with_on(on).with_new_children(children)?.recompute_properties().build_exec().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_before_each_rule_that_passes_filters_on() {
        let rules = rules();
        let names: Vec<&str> = rules.iter().map(|rule| rule.name()).collect();
        let own = names.iter().filter(|name| **name == OtherNames.name()).count();
        assert_eq!(own, 2, "{names:?}");
        assert_eq!(names.len(), PhysicalOptimizer::new().rules.len() + own);
    }
}
