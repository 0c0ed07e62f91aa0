//! Refuses SQL that is too large to plan: the engine works through expressions and plans by recursion, and would overflow
//! the stack, or plan for hours when each subquery doubles the plan.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::fault::Fault;

/// Words and operators in a row without a comma. `a + a + ...` of this length is nested half as deep, which the stack of the
/// program's threads holds, see `supervisor`.
const WORDS_MAX: usize = 4_000;

/// Tables that are read.
const TABLES_MAX: usize = 500;

/// Steps of a plan on the way from its result to a table, and all steps; the largest shipped detector has 155,
/// not counting those of the views it reads.
const STEPS_DEEP_MAX: usize = 300;
const STEPS_MAX: usize = 5_000;

/// Checks the length of a statement's expressions.
///
/// # Errors
/// With the place where they become too long.
pub(super) fn check_tokens(tokens: &[TokenWithSpan]) -> Result<(), Fault> {
    // Words since the last comma, in each open pair of parentheses.
    let mut open = vec![0_usize];
    for token in tokens {
        match token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBrace => open.push(0),
            Token::RParen | Token::RBrace if open.len() > 1 => drop(open.pop()),
            Token::Comma => open.last_mut().into_iter().for_each(|words| *words = 0),
            _ => open.last_mut().into_iter().for_each(|words| *words += 1),
        }
        if open.iter().sum::<usize>() > WORDS_MAX {
            let reason = format!(
                "the expression is too long: more than {WORDS_MAX} words and operators without a comma; write \
                 x IN (...) instead of many OR"
            );
            return Err(Fault::at(token.span, reason));
        }
    }
    Ok(())
}

/// Checks the number of tables that a statement reads.
///
/// # Errors
/// When there are too many.
pub(super) fn check_tables(tables: usize) -> Result<(), Fault> {
    let reason = || format!("the query reads {tables} tables; at most {TABLES_MAX} are allowed");
    if tables > TABLES_MAX { Err(Fault::new(None, reason())) } else { Ok(()) }
}

/// Checks the size of a plan. A subquery of `WITH` counts wherever it is read.
///
/// # Errors
/// When the plan is too deep or has too many steps.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<(), Fault> {
    count(plan, 1, &mut 0)
}

/// Counts a plan's steps, without recursion where a plan can be deep.
fn count(plan: &LogicalPlan, depth: usize, steps: &mut usize) -> Result<(), Fault> {
    let mut waiting = vec![(plan, depth)];
    while let Some((plan, depth)) = waiting.pop() {
        *steps += 1;
        let too_large = match (depth > STEPS_DEEP_MAX, *steps > STEPS_MAX) {
            (true, _) => Some(format!("{STEPS_DEEP_MAX} nested steps")),
            (_, true) => Some(format!("{STEPS_MAX} steps")),
            _ => None,
        };
        if let Some(size) = too_large {
            let reason = format!(
                "the query is too large: its plan has more than {size}, and each subquery counts wherever it is read; \
                 WITH x AS MATERIALIZED (...) computes a subquery once"
            );
            return Err(Fault::new(None, reason));
        }
        waiting.extend(plan.inputs().into_iter().map(|input| (input, depth + 1)));
        let mut subqueries = Vec::new();
        let visited = plan.apply_subqueries(|subquery| {
            if let LogicalPlan::Subquery(subquery) = subquery {
                subqueries.push(Arc::clone(&subquery.subquery));
            }
            Ok(TreeNodeRecursion::Jump)
        });
        visited.map_err(|e| Fault::of(&e))?;
        subqueries.iter().try_for_each(|subquery| count(subquery, depth + 1, steps))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sql::Sql;

    #[test]
    fn long_expressions_are_refused_and_long_lists_are_not() {
        let refused = |sql: &str| Sql::parse(sql).map(|_| String::new()).unwrap_or_else(|fault| fault.to_string());
        for sql in [
            format!("SELECT 1{}", " + 1".repeat(5_000)),
            format!("SELECT 1 WHERE TRUE{}", " OR TRUE".repeat(20_000)),
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(20_000)),
            format!("SELECT f((1), (2){}", ", (1 + (1".repeat(5_000)),
            format!("SELECT {} TRUE", "NOT ".repeat(100_000)),
            format!("SELECT a{}", "[1]".repeat(5_000)),
            format!("SELECT 1{}", "::INT".repeat(5_000)),
            format!("SELECT 1 FROM a{}", " CROSS JOIN a".repeat(5_000)),
        ] {
            assert!(refused(&sql).contains("too long"), "{}: {}", &sql[..40], refused(&sql));
        }
        let list = format!("SELECT 1 WHERE 'a' IN ('b'{})", ", 'c'".repeat(50_000));
        assert_eq!(refused(&list), "");
        assert!(refused(&format!("SELECT 1 FROM a{}", ", a".repeat(5_000))).contains("reads 5001 tables"));
    }
}
