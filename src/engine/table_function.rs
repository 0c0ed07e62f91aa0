//! Table functions: the queries in `sql/functions`, which other queries read as `FROM name(arguments)`.
//!
//! A call is replaced by the function's query, with the arguments in place of its `$parameters`, before the query is
//! planned: the engine sees one query and pushes filters into it. A file begins with a comment that declares the function:
//! `-- name(parameter, ...): what it gives`.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Query as Ast, Spanned, Statement, TableFactor, Value, VisitMut, VisitorMut,
};
use include_dir::{Dir, include_dir};

use super::sql::{Fault, Sql};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/functions");

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
    static FUNCTIONS: LazyLock<Vec<TableFunction>> = LazyLock::new(|| {
        let mut functions: Vec<_> =
            FILES.files().filter_map(|file| TableFunction::read(file.contents_utf8().unwrap_or_default())).collect();
        functions.sort_by_key(|function| function.name);
        functions
    });
    &FUNCTIONS
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
        let mut body = Sql::parse(self.sql)?;
        let tables = body.tables().iter().map(|(table, _)| table.clone()).collect();
        let missing = || Fault { place: None, reason: format!("{} is no query", self.name) };
        let query = body.query().ok_or_else(missing)?;
        let _ = query.visit(&mut Bind { function: self, arguments });
        Ok((query.clone(), tables))
    }
}

/// Replaces the calls of table functions in `statement`. Names of the tables that the functions read, each with the place
/// of the call.
///
/// # Errors
/// When a call has the wrong number of arguments.
pub(super) fn expand(statement: &mut Statement) -> Result<Vec<(String, super::Place)>, Fault> {
    let mut calls = Calls::default();
    match statement.visit(&mut calls) {
        ControlFlow::Break(fault) => Err(*fault),
        ControlFlow::Continue(()) => Ok(calls.tables),
    }
}

#[derive(Default)]
struct Calls {
    tables: Vec<(String, super::Place)>,
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
        let (subquery, tables) = match called {
            Ok(called) => called,
            Err(fault) => return ControlFlow::Break(Box::new(fault)),
        };
        let place = super::sql::place(span);
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
        assert_eq!(table_functions().len(), FILES.files().count());
        for function in table_functions() {
            assert_eq!(FILES.files().filter(|file| file.path().file_stem().unwrap() == function.name).count(), 1);
            let sql = Sql::parse(function.sql).unwrap();
            let used: std::collections::BTreeSet<_> = sql.parameters().iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(used, function.parameters.iter().copied().collect(), "{}", function.name);
            assert!(function.doc.len() > 20, "{}", function.name);
        }
    }

    #[test]
    fn a_call_becomes_the_functions_query() {
        let sql = Sql::parse("SELECT * FROM first_times('api', $from, $to, $days, FALSE) AS t WHERE x > 1").unwrap();
        let text = sql.statement().to_string();
        assert!(text.starts_with("SELECT * FROM (SELECT") && text.contains("kind = ('api')"), "{text}");
        assert!(text.contains("first_time >= ($from)") && text.ends_with(") AS t WHERE x > 1"), "{text}");
        assert!(sql.tables().iter().any(|(name, _)| name == "novelties"));
    }

    #[test]
    fn a_wrong_number_of_arguments_names_the_right_ones() {
        let fault = Sql::parse("SELECT *\nFROM first_times('api')").unwrap_err().to_string();
        assert_eq!(
            fault,
            "line 2, column 6: first_times takes 5 arguments: first_times(kind, from, to, warm_up_days, only_known)"
        );
    }
}
