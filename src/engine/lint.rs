//! Refuses SQL that would write, read files, or do something else than it says.
//!
//! The engine ignores some syntax silently (TABLESAMPLE returns every row). Such syntax is refused.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query as Ast, Select, SetExpr, Spanned, Statement as SqlStatement, TableFactor, Value,
    ValueWithSpan, Visit, Visitor,
};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::fault::{Fault, Place};

/// What a checked statement uses.
pub(super) struct Names {
    /// `$parameters`, without the `$`, with every place.
    pub parameters: Vec<(String, Place)>,
    /// Tables and views, also the statement's own subqueries, with every place.
    pub tables: Vec<(String, Place)>,
}

/// Checks a statement and returns the names it uses.
///
/// # Errors
/// For a statement that does more than read the lake, and for syntax that the engine would ignore or misread.
pub(super) fn check(statement: &Statement, tokens: &[TokenWithSpan]) -> Result<Names, Fault> {
    refuse_writing(statement, tokens)?;
    let mut lint = Lint { tokens, names: Names { parameters: Vec::new(), tables: Vec::new() } };
    if let Some(statement) = standard_sql(statement)
        && let ControlFlow::Break(fault) = statement.visit(&mut lint)
    {
        return Err(fault);
    }
    lint.names.parameters.sort_by_key(|(_, place)| *place);
    Ok(lint.names)
}

/// The statement of standard SQL inside the engine's own `EXPLAIN`.
pub(super) fn standard_sql(statement: &Statement) -> Option<&SqlStatement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => standard_sql(&explain.statement),
        _ => None,
    }
}

fn refuse_writing(statement: &Statement, tokens: &[TokenWithSpan]) -> Result<(), Fault> {
    let reads = match standard_sql(statement) {
        Some(SqlStatement::Explain { statement, .. }) => matches!(**statement, SqlStatement::Query(_)),
        Some(
            SqlStatement::Query(_)
            | SqlStatement::ExplainTable { .. }
            | SqlStatement::ShowTables { .. }
            | SqlStatement::ShowColumns { .. }
            | SqlStatement::ShowFunctions { .. },
        ) => true,
        _ => false,
    };
    if reads {
        return Ok(());
    }
    let word = tokens.iter().find(|token| matches!(token.token, Token::Word(_)));
    let name = word.map(|word| word.token.to_string().to_uppercase()).unwrap_or_default();
    let span = word.map_or_else(Span::empty, |word| word.span);
    Err(Fault::at(span, format!("{name} is refused: only queries are allowed; begin with SELECT or WITH")))
}

/// Collects names, and stops at the first syntax that is refused.
struct Lint<'a> {
    tokens: &'a [TokenWithSpan],
    names: Names,
}

impl Lint<'_> {
    /// The place of a table's name. For a name in single quotes the parser knows none, so it is looked up in the tokens.
    fn span_of(&self, factor: &TableFactor, name: &ObjectName) -> Span {
        let span = factor.span();
        let name = name.to_string();
        let quoted = || self.tokens.iter().find(|token| token.token.to_string() == name).map(|token| token.span);
        if span.start.line > 0 { span } else { quoted().unwrap_or(span) }
    }

    fn ignored(span: Span, what: &str) -> ControlFlow<Fault> {
        ControlFlow::Break(Fault::at(span, format!("{what} would be ignored; remove it")))
    }
}

impl Visitor for Lint<'_> {
    type Break = Fault;

    fn pre_visit_query(&mut self, query: &Ast) -> ControlFlow<Fault> {
        let ignored = [
            (!query.locks.is_empty(), "FOR UPDATE or FOR SHARE"),
            (query.for_clause.is_some(), "a FOR clause"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
        ];
        match ignored.iter().find(|(is_there, _)| *is_there) {
            Some((_, what)) => Lint::ignored(query.span(), what),
            None => match query.body.as_ref() {
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                    let reason = "only queries are allowed; begin with SELECT or WITH";
                    ControlFlow::Break(Fault::at(query.span(), reason))
                }
                _ => ControlFlow::Continue(()),
            },
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Fault> {
        let span = select.select_token.0.span;
        if select.into.is_some() {
            return ControlFlow::Break(Fault::at(
                span,
                "SELECT INTO is refused: only queries are allowed; remove INTO",
            ));
        }
        let ignored = [
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (select.value_table_mode.is_some(), "SELECT AS VALUE"),
        ];
        match ignored.iter().find(|(is_there, _)| *is_there) {
            Some((_, what)) => Lint::ignored(span, what),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Fault> {
        let span = factor.span();
        match factor {
            TableFactor::Table {
                name,
                args,
                sample,
                version,
                with_ordinality,
                with_hints,
                partitions,
                index_hints,
                ..
            } => {
                let span = self.span_of(factor, name);
                if reads_file(name, args.is_some()) {
                    let reason = format!("{name} is a file or a URL; only tables of the lake can be read");
                    return ControlFlow::Break(Fault::at(span, reason));
                }
                let ignored = [
                    (sample.is_some(), "TABLESAMPLE"),
                    (version.is_some(), "a table version"),
                    (*with_ordinality, "WITH ORDINALITY"),
                    (!with_hints.is_empty() || !index_hints.is_empty(), "a hint"),
                    (!partitions.is_empty(), "PARTITION"),
                ];
                match ignored.iter().find(|(is_there, _)| *is_there) {
                    Some((_, what)) => Lint::ignored(span, what),
                    None => {
                        let name = name.0.last().map(ToString::to_string).unwrap_or_default();
                        let name = name.trim_matches('"').to_owned();
                        self.names.tables.extend(Place::of_span(span).map(|place| (name, place)));
                        ControlFlow::Continue(())
                    }
                }
            }
            TableFactor::Derived { sample: Some(_), .. } => Lint::ignored(span, "TABLESAMPLE"),
            TableFactor::Function { with_ordinality: true, .. } => Lint::ignored(span, "WITH ORDINALITY"),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Fault> {
        // The parser takes everything that follows as the right side.
        if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
            && matches!(**right, Expr::BinaryOp { .. })
        {
            let reason = "put parentheses around the whole IS [NOT] DISTINCT FROM: otherwise what follows becomes part \
                          of its right side";
            return ControlFlow::Break(Fault::at(expr.span(), reason));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Fault> {
        if let (Value::Placeholder(name), Some(place)) = (&value.value, Place::of_span(value.span)) {
            self.names.parameters.push((name.trim_start_matches('$').to_owned(), place));
        }
        ControlFlow::Continue(())
    }
}

/// `'x.parquet'`, `"s3://..."`, `read_parquet(...)`.
fn reads_file(name: &ObjectName, is_function: bool) -> bool {
    let text = name.to_string().to_lowercase();
    let function = is_function && (text.starts_with("read_") || text.ends_with("_scan") || text == "glob");
    function || text.starts_with('\'') || text.contains(['/', '\\'])
}
