//! Parsed SQL: one query that only reads, the names it uses, and their places in the text.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, Ident, ObjectName, Query as Ast, Select, SelectItem, SetExpr, Spanned, Statement as SqlStatement,
    TableAlias, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::fault::{Fault, Place};
use super::lint::{self, Names};
use super::{size, table_function};

/// One statement that only reads.
#[derive(Debug, Clone)]
pub struct Sql {
    statement: Statement,
    parameters: Vec<(String, Place)>,
    tables: Vec<(String, Place)>,
    /// Names of subqueries that are computed only once: `WITH x AS MATERIALIZED (...)`.
    materialized: Vec<String>,
}

impl Sql {
    /// Parses `text`.
    ///
    /// # Errors
    /// For text that is not exactly one query, for a query that reads a file, and for syntax that the engine would ignore
    /// or misread.
    pub fn parse(text: &str) -> Result<Sql, Fault> {
        let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location().map_err(|e| {
            let place = Place { line: e.location.line, column: e.location.column };
            Fault::new(Some(place), e.message)
        })?;
        size::check_tokens(&tokens)?;
        let (text, materialized) = without_materialized(text, &tokens);
        let mut statements = DFParser::parse_sql(&text).map_err(|e| Fault::of(&e))?;
        let mut statement =
            statements.pop_front().ok_or_else(|| Fault::new(None, "empty query: expected SELECT or WITH"))?;
        if !statements.is_empty() {
            let mut ends = tokens.iter().filter(|token| token.token == Token::SemiColon);
            let second = ends.next().map_or_else(Span::empty, |token| token.span);
            return Err(Fault::at(second, "only one statement is allowed; remove what follows the semicolon"));
        }
        let Names { parameters, mut tables } = lint::check(&statement, &tokens)?;
        size::check_tables(tables.len())?;
        if let Some(statement) = standard_sql_mut(&mut statement) {
            tables.extend(table_function::expand(statement)?);
        }
        Ok(Sql { statement, parameters, tables, materialized })
    }

    /// Names of `$parameters`, without the `$`, in order of their places; a name used twice is there twice.
    pub fn parameters(&self) -> &[(String, Place)] {
        &self.parameters
    }

    /// True when the query uses `$name`. Longer names, comments and texts do not count.
    pub fn uses(&self, name: &str) -> bool {
        self.parameters.iter().any(|(used, _)| used == name)
    }

    /// Names of tables and views, with their places; also of the query's own subqueries.
    pub fn tables(&self) -> &[(String, Place)] {
        &self.tables
    }

    /// True when the query reads a table or view of this name.
    pub fn reads(&self, table: &str) -> bool {
        self.tables.iter().any(|(name, _)| name.eq_ignore_ascii_case(table))
    }

    /// Reads `identified_calls` instead of `calls` if the query does not use the origin, the one column that `calls` adds:
    /// it takes a join with the history of credentials.
    pub(super) fn leave_out_origin(&mut self) {
        let answer_has_all = self.select().is_some_and(|select| select.projection.iter().any(is_all));
        let mut origin = Origin { is_read: !self.reads(CALLS), answer_has_all };
        let Some(statement) = standard_sql_mut(&mut self.statement) else { return };
        let _ = Visit::visit(statement, &mut origin);
        if !origin.is_read {
            let _ = VisitMut::visit(statement, &mut PlainCalls);
            self.tables
                .iter_mut()
                .filter(|(name, _)| name.eq_ignore_ascii_case(CALLS))
                .for_each(|(name, _)| PLAIN_CALLS.clone_into(name));
        }
    }

    /// The place of a column of the answer; if there is none, the place of the answer's SELECT.
    pub fn column(&self, name: &str) -> Option<Place> {
        let select = self.select()?;
        let named = |item: &&datafusion::sql::sqlparser::ast::SelectItem| {
            let text = item.to_string();
            let last = text.rsplit([' ', '.']).next().unwrap_or_default();
            last.trim_matches('"') == name
        };
        let item = select.projection.iter().find(named).and_then(|item| Place::of_span(item.span()));
        item.or_else(|| Place::of_span(select.select_token.0.span))
    }

    /// The SELECT that makes the answer's columns.
    fn select(&self) -> Option<&Select> {
        let Some(SqlStatement::Query(query)) = lint::standard_sql(&self.statement) else { return None };
        let mut body = &query.body;
        loop {
            match body.as_ref() {
                SetExpr::Select(select) => return Some(select),
                SetExpr::Query(query) => body = &query.body,
                SetExpr::SetOperation { left, .. } => body = left,
                _ => return None,
            }
        }
    }

    /// The statement, to plan it.
    pub(super) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Takes the next `MATERIALIZED` subquery of the outermost `WITH`: its name, and a statement that returns its rows.
    pub(super) fn next_materialized(&mut self) -> Option<(String, Sql)> {
        while !self.materialized.is_empty() {
            let name = self.materialized.remove(0);
            let mut part = Sql { materialized: Vec::new(), ..self.clone() };
            let Some(with) = part.with() else { continue };
            let Some(at) = with.iter().position(|cte| cte.alias.name.value == name) else { continue };
            with.truncate(at + 1);
            // Quoted, if the text quotes it.
            let all_rows = select_all(&with[at].alias.name.to_string());
            if all_rows.and_then(|all_rows| part.replace_answer(all_rows)).is_some() {
                return Some((name, part));
            }
        }
        None
    }

    /// Makes the subquery `name` read `table`, which holds its rows.
    pub(super) fn read_instead(&mut self, name: &str, table: &str) {
        let cte = self.with().and_then(|with| with.iter_mut().find(|cte| cte.alias.name.value == name));
        if let Some((cte, query)) = cte.zip(select_all(table)) {
            cte.query = query;
        }
    }

    /// Keeps the subqueries and replaces the query that follows them.
    fn replace_answer(&mut self, other: Box<Ast>) -> Option<()> {
        let query = self.query()?;
        let with = query.with.take();
        *query = other;
        query.with = with;
        Some(())
    }

    /// The subqueries of the outermost `WITH`.
    fn with(&mut self) -> Option<&mut Vec<Cte>> {
        self.query()?.with.as_mut().map(|with| &mut with.cte_tables)
    }

    /// The query; none for `EXPLAIN` and `SHOW`.
    fn query(&mut self) -> Option<&mut Box<Ast>> {
        let Statement::Statement(statement) = &mut self.statement else { return None };
        let SqlStatement::Query(query) = statement.as_mut() else { return None };
        Some(query)
    }
}

/// The view with the origin of each call, and the one below it.
const CALLS: &str = "calls";
const PLAIN_CALLS: &str = "identified_calls";

/// Looks for a column `origin`, for all columns of `calls`, and for a subquery named `calls`.
struct Origin {
    is_read: bool,
    /// The answer has all columns of something. Otherwise all columns of `calls` in a subquery do not reach the answer
    /// unless the query names them.
    answer_has_all: bool,
}

impl Visitor for Origin {
    type Break = ();

    // A subquery may have the view's name.
    fn pre_visit_query(&mut self, query: &Ast) -> ControlFlow<()> {
        let mut names = query.with.iter().flat_map(|with| &with.cte_tables).map(|cte| &cte.alias.name.value);
        self.is_read |= names.any(|name| name.eq_ignore_ascii_case(CALLS));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let named = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(names) => names.last(),
            _ => None,
        };
        self.is_read |= named.is_some_and(|name| name.value.eq_ignore_ascii_case("origin"));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let is_calls = |factor: &TableFactor| matches!(factor, TableFactor::Table { name, .. } if is_calls(name));
        let of_calls = select
            .from
            .iter()
            .any(|from| is_calls(&from.relation) || from.joins.iter().any(|join| is_calls(&join.relation)));
        self.is_read |= self.answer_has_all && of_calls && select.projection.iter().any(is_all);
        ControlFlow::Continue(())
    }
}

/// Replaces the table `calls`; its columns keep the name that the query uses.
struct PlainCalls;

impl VisitorMut for PlainCalls {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && is_calls(name)
        {
            let named = name.0.last().and_then(|part| part.as_ident()).cloned();
            *alias =
                alias.take().or(named.map(|name| TableAlias { name, columns: Vec::new(), explicit: false, at: None }));
            *name = ObjectName::from(vec![Ident::new(PLAIN_CALLS)]);
        }
        ControlFlow::Continue(())
    }
}

fn is_all(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn is_calls(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [part] if part.as_ident().is_some_and(|name| name.value.eq_ignore_ascii_case(CALLS)))
}

/// As [`lint::standard_sql`], to change it.
fn standard_sql_mut(statement: &mut Statement) -> Option<&mut SqlStatement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => standard_sql_mut(&mut explain.statement),
        _ => None,
    }
}

/// `SELECT * FROM name`.
fn select_all(name: &str) -> Option<Box<Ast>> {
    let text = format!("SELECT * FROM {name}");
    match DFParser::parse_sql(&text).ok()?.pop_front()? {
        Statement::Statement(statement) => match *statement {
            SqlStatement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// The text without the hint `MATERIALIZED`, for the engine's own parser.
pub(super) fn inline(text: &str) -> String {
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location();
    tokens.map_or_else(|_| text.to_owned(), |tokens| without_materialized(text, &tokens).0)
}

/// Replaces the hint `MATERIALIZED`, which the engine's parser does not know, by blanks, so that places stay the same.
/// Also returns the names of the subqueries that have the hint.
fn without_materialized(text: &str, tokens: &[TokenWithSpan]) -> (String, Vec<String>) {
    let words: Vec<_> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let word = |at: usize| match words.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    };
    let is = |at: usize, keyword: &str| word(at).is_some_and(|word| word.value.eq_ignore_ascii_case(keyword));
    let (mut text, mut names) = (text.to_owned(), Vec::new());
    for at in 2..words.len() {
        let before_parenthesis = words.get(at + 1).is_some_and(|token| token.token == Token::LParen);
        let is_hint = is(at, "materialized") && is(at - 1, "as") && before_parenthesis;
        if let Some(name) = word(at - 2).filter(|_| is_hint) {
            let start = words[at].span.start;
            let line: usize = text.split_inclusive('\n').take(start.line as usize - 1).map(str::len).sum();
            let begin =
                text[line..].char_indices().nth(start.column as usize - 1).map_or(line, |(byte, _)| line + byte);
            text.replace_range(begin..begin + "materialized".len(), &" ".repeat("materialized".len()));
            names.push(name.value.clone());
        }
    }
    (text, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> String {
        Sql::parse(sql).map(|_| sql.to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn writing_reading_files_and_ignored_syntax_are_refused_with_their_place() {
        for (sql, expected) in [
            ("CREATE TABLE x AS SELECT 1", "line 1, column 1: CREATE is refused"),
            ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc'", "line 1, column 1: CREATE is refused"),
            ("-- why\nDROP TABLE events", "line 2, column 1: DROP is refused"),
            ("INSERT INTO events VALUES (1)", "line 1, column 1: INSERT is refused"),
            ("UPDATE events SET actor = 'x'", "line 1, column 1: UPDATE is refused"),
            ("DELETE FROM events", "line 1, column 1: DELETE is refused"),
            ("COPY events TO 'x.parquet'", "line 1, column 1: COPY is refused"),
            ("COPY (SELECT 1) TO 'x'", "line 1, column 1: COPY is refused"),
            ("SET datafusion.execution.batch_size = 1", "line 1, column 1: SET is refused"),
            ("EXPLAIN ANALYZE INSERT INTO events VALUES (1)", "is refused"),
            ("WITH x AS (SELECT 1) INSERT INTO events SELECT * FROM x", "only queries are allowed"),
            ("SELECT 1 INTO x", "line 1, column 1: SELECT INTO is refused"),
            ("SELECT 1; SELECT 2", "line 1, column 9: only one statement is allowed"),
            ("", "empty query"),
            ("SELECT *\nFROM '/etc/passwd'", "line 2, column 6: '/etc/passwd' is a file or a URL"),
            ("SELECT * FROM \"s3://other/x.parquet\"", "column 15"),
            ("SELECT * FROM read_csv('x.csv')", "is a file or a URL"),
            ("SELECT * FROM events TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE would be ignored"),
            ("SELECT * FROM (SELECT 1) AS x TABLESAMPLE (1 ROWS)", "TABLESAMPLE would be ignored"),
            ("SELECT * FROM events FOR UPDATE", "FOR UPDATE or FOR SHARE would be ignored"),
            ("SELECT 1 FROM events WHERE a IS DISTINCT FROM b AND c", "line 1, column 28: put parentheses around"),
            ("SELECT actor FROM events GROUP actor", "line 1, column 26: Expected: end of statement"),
            ("SELECT 'open", "line 1, column 8: Unterminated string literal"),
        ] {
            assert!(refused(sql).contains(expected), "{sql}: {}", refused(sql));
        }
    }

    #[test]
    fn queries_are_accepted_with_their_names_and_places() {
        let sql =
            Sql::parse("-- a\nWITH x AS (SELECT $days AS d FROM calls)\nSELECT d AS day FROM x -- $no '$no'").unwrap();
        assert_eq!(sql.parameters(), [("days".to_owned(), Place { line: 2, column: 19 })]);
        assert_eq!(sql.tables().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["calls", "x"]);
        assert_eq!(sql.column("day"), Some(Place { line: 3, column: 8 }));
        assert_eq!(sql.column("other"), Some(Place { line: 3, column: 1 }));
        for sql in [
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "SHOW TABLES",
            "DESCRIBE events",
            "SELECT 1 UNION SELECT 2",
            "VALUES (1)",
            "SELECT * FROM range(3)",
            "SELECT 1;",
            "WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x",
            "WITH materialized AS (SELECT 1) SELECT * FROM materialized",
        ] {
            assert!(Sql::parse(sql).is_ok(), "{sql}: {}", refused(sql));
        }
    }

    #[test]
    fn a_parameter_is_used_only_where_the_query_has_exactly_its_name() {
        for (sql, expected) in [
            ("SELECT 1 FROM calls WHERE t >= $from", true),
            ("SELECT 1 FROM calls WHERE t >= CAST($from AS DATE) - INTERVAL '2 days'", true),
            ("SELECT 1 FROM calls LIMIT $from", true),
            ("WITH x AS MATERIALIZED (SELECT $from) SELECT * FROM x", true),
            (
                "SELECT max(t) OVER (ORDER BY a) FROM (SELECT t, a FROM calls WHERE a IN (SELECT $from)) ORDER BY 1",
                true,
            ),
            ("SELECT count(*) FILTER (WHERE t >= $from) FROM calls", true),
            ("EXPLAIN SELECT $from", true),
            ("SELECT 1 FROM calls WHERE t >= $from_day", false),
            ("SELECT 1 FROM calls WHERE t >= $xfrom", false),
            ("SELECT 1 /* $from */ FROM calls -- $from", false),
            ("SELECT '$from', \"$from\" FROM calls", false),
        ] {
            assert_eq!(Sql::parse(sql).unwrap().uses("from"), expected, "{sql}");
        }
    }

    #[test]
    fn a_materialized_subquery_becomes_a_statement_of_its_own() {
        let text = "WITH a AS (SELECT 1 AS n),\nb AS MATERIALIZED (SELECT n FROM a),\n\"C\" AS Materialized (SELECT n FROM b) \
                    SELECT count(*) FROM b, \"C\" WHERE n = $n ORDER BY 1";
        let mut sql = Sql::parse(text).unwrap();
        let (name, part) = sql.next_materialized().unwrap();
        assert_eq!(name, "b");
        assert_eq!(part.statement().to_string(), "WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT * FROM b");
        sql.read_instead("b", "temp");
        let (_, part) = sql.next_materialized().unwrap();
        assert_eq!(
            part.statement().to_string(),
            "WITH a AS (SELECT 1 AS n), b AS (SELECT * FROM temp), \"C\" AS (SELECT n FROM b) SELECT * FROM \"C\""
        );
        assert!(sql.next_materialized().is_none());
        // Places are those of the original text.
        assert_eq!(sql.parameters(), [("n".to_owned(), Place { line: 3, column: 77 })]);
    }

    #[test]
    fn a_call_of_a_table_function_becomes_its_query() {
        let sql = Sql::parse("SELECT * FROM first_times('api', $from, $to, $days, FALSE) AS t WHERE x > 1").unwrap();
        let text = sql.statement().to_string();
        assert!(text.starts_with("SELECT * FROM (SELECT") && text.contains("kind = ('api')"), "{text}");
        assert!(text.contains("first_time >= ($from)") && text.ends_with(") AS t WHERE x > 1"), "{text}");
        assert!(sql.reads("novelties") && sql.uses("days"));
    }

    #[test]
    fn a_wrong_number_of_arguments_names_the_right_ones() {
        let fault = Sql::parse("SELECT *\nFROM first_times('api')").unwrap_err().to_string();
        assert_eq!(
            fault,
            "line 2, column 6: first_times takes 5 arguments: first_times(kind, from, to, warm_up_days, only_known)"
        );
    }

    #[test]
    fn calls_are_joined_with_their_origin_only_where_a_query_asks_for_it() {
        let read = |text: &str| {
            let mut sql = Sql::parse(text).unwrap();
            sql.leave_out_origin();
            (sql.statement().to_string(), sql.reads("calls"))
        };
        for asks in [
            "SELECT origin FROM calls",
            "SELECT c.api FROM calls AS c WHERE c.origin = 'x'",
            "SELECT * FROM calls",
            "SELECT c.* FROM y JOIN calls AS c ON true",
            "WITH a AS (SELECT * FROM (SELECT * FROM calls)) SELECT * FROM a",
            "WITH a AS (SELECT * FROM calls) SELECT origin FROM a",
            "WITH calls AS (SELECT 1 AS n) SELECT n FROM calls",
        ] {
            assert_eq!(read(asks), (asks.to_owned(), true), "{asks}");
        }
        for (asks_not, expected) in [
            ("SELECT calls.api FROM calls", "SELECT calls.api FROM identified_calls calls"),
            ("SELECT count(*) FROM CALLS AS c", "SELECT count(*) FROM identified_calls AS c"),
            (
                "WITH a AS (SELECT * FROM calls) SELECT count(*) FROM a",
                "WITH a AS (SELECT * FROM identified_calls calls) SELECT count(*) FROM a",
            ),
            (
                "WITH a AS (SELECT api FROM calls) SELECT * FROM a",
                "WITH a AS (SELECT api FROM identified_calls calls) SELECT * FROM a",
            ),
        ] {
            assert_eq!(read(asks_not), (expected.to_owned(), false), "{asks_not}");
        }
    }
}
