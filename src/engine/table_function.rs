//! Table functions: the queries in `sql/functions`, which other queries read as `FROM name(arguments)`.
//!
//! A call is replaced by the function's query, with the arguments in place of its `$parameters`, before the query is
//! planned: the engine sees one query and pushes filters into it. A file begins with a comment that declares the function:
//! `-- name(parameter, ...): what it gives`.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::parser::{DFParser, Statement as AnyStatement};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Query as Ast, Spanned, Statement, TableFactor, Value, VisitMut, VisitorMut,
};

use super::fault::{Fault, Place};
use super::lint;
use crate::lake::FUNCTIONS;

/// A function that gives rows.
#[derive(Debug, Clone)]
pub struct TableFunction {
    /// Name in SQL.
    pub name: &'static str,
    /// Parameters in order; its SQL has them as `$name`.
    pub parameters: Vec<&'static str>,
    /// What it gives.
    pub doc: String,
    sql: &'static str,
}

/// All of them, in the order of their names.
pub fn table_functions() -> &'static [TableFunction] {
    static TABLE_FUNCTIONS: LazyLock<Vec<TableFunction>> = LazyLock::new(|| {
        let mut functions: Vec<_> = FUNCTIONS
            .files()
            .filter_map(|file| TableFunction::read(file.contents_utf8().unwrap_or_default()))
            .collect();
        functions.sort_by_key(|function| function.name);
        functions
    });
    &TABLE_FUNCTIONS
}

impl TableFunction {
    fn read(sql: &'static str) -> Option<TableFunction> {
        let comment: Vec<_> = sql.lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
        let (name, rest) = comment.first()?.split_once('(')?;
        let (parameters, _) = rest.split_once(')')?;
        let doc = comment.join(" ").split_once("): ")?.1.to_owned();
        Some(TableFunction { name, parameters: parameters.split(", ").collect(), doc, sql })
    }

    /// Its query with `arguments` in place of its parameters, and the tables it reads.
    fn called_with(&self, arguments: &[Expr]) -> Result<(Box<Ast>, Vec<String>), Fault> {
        let missing = || Fault::new(None, format!("{} is not a query", self.name));
        let statement = DFParser::parse_sql(self.sql).map_err(|e| Fault::of(&e))?.pop_front().ok_or_else(missing)?;
        let tables = lint::check(&statement, &[])?.tables.into_iter().map(|(table, _)| table).collect();
        let AnyStatement::Statement(statement) = statement else { return Err(missing()) };
        let Statement::Query(mut query) = *statement else { return Err(missing()) };
        let _ = query.visit(&mut Bind { function: self, arguments });
        Ok((query, tables))
    }
}

/// Replaces the calls of table functions in `statement`. Names of the tables that the functions read, each with the place
/// of the call.
///
/// # Errors
/// When a call has the wrong number of arguments.
pub(super) fn expand(statement: &mut Statement) -> Result<Vec<(String, Place)>, Fault> {
    let mut calls = Calls::default();
    match statement.visit(&mut calls) {
        ControlFlow::Break(fault) => Err(*fault),
        ControlFlow::Continue(()) => Ok(calls.tables),
    }
}

#[derive(Default)]
struct Calls {
    tables: Vec<(String, Place)>,
}

impl VisitorMut for Calls {
    type Break = Box<Fault>;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Box<Fault>> {
        let span = factor.span();
        let TableFactor::Table { name, alias, args: Some(given), .. } = factor else {
            return ControlFlow::Continue(());
        };
        let name = name.to_string();
        // Others are the engine's own, such as range.
        let Some(function) = table_functions().iter().find(|function| function.name.eq_ignore_ascii_case(&name)) else {
            return ControlFlow::Continue(());
        };
        let argument = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
            _ => None,
        };
        let arguments: Option<Vec<Expr>> = given.args.iter().map(argument).collect();
        let arguments = arguments.filter(|arguments| arguments.len() == function.parameters.len());
        let called = arguments.map(|arguments| function.called_with(&arguments)).unwrap_or_else(|| {
            let (name, parameters) = (function.name, &function.parameters);
            let call = format!("{name}({})", parameters.join(", "));
            Err(Fault::at(span, format!("{name} takes {} arguments: {call}", parameters.len())))
        });
        let (mut subquery, tables) = match called {
            Ok(called) => called,
            Err(fault) => return ControlFlow::Break(Box::new(fault)),
        };
        // Functions may call others.
        subquery.visit(self)?;
        let place = Place::of_span(span);
        self.tables.extend(tables.into_iter().filter_map(|table| Some((table, place?))));
        *factor = TableFactor::Derived { lateral: false, subquery, alias: alias.take(), sample: None };
        ControlFlow::Continue(())
    }
}

/// Puts arguments in the place of parameters.
struct Bind<'a> {
    function: &'a TableFunction,
    arguments: &'a [Expr],
}

impl VisitorMut for Bind<'_> {
    type Break = ();

    // After its children: an argument may hold a parameter of the same name, which is the caller's.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(at) =
                self.function.parameters.iter().position(|parameter| name.strip_prefix('$') == Some(parameter))
        {
            *expr = Expr::Nested(Box::new(self.arguments[at].clone()));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_declares_a_function_whose_parameters_it_uses() {
        assert_eq!(table_functions().len(), FUNCTIONS.files().count());
        for function in table_functions() {
            assert_eq!(FUNCTIONS.files().filter(|file| file.path().file_stem().unwrap() == function.name).count(), 1);
            for parameter in &function.parameters {
                assert!(function.sql.contains(&format!("${parameter}")), "{}: {parameter}", function.name);
            }
            let statement = DFParser::parse_sql(function.sql).unwrap().pop_front().unwrap();
            let used = lint::check(&statement, &[]).unwrap().parameters;
            assert!(used.iter().all(|(name, _)| function.parameters.contains(&name.as_str())), "{}", function.name);
            assert!(function.doc.len() > 20, "{}", function.name);
        }
    }
}
