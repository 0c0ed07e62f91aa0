//! SQL as text, before it is planned: that it is one query which only reads, and where in it things stand.
//!
//! The engine passes over some syntax in silence (TABLESAMPLE gives every row). What would be passed over is refused.

use std::fmt;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, ObjectName, Query as Ast, Select, SetExpr, Spanned, Statement as SqlStatement, TableFactor, Visit,
    Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::table::plain_words;
use super::table_function;

/// A place in a text; line and column, in characters, count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl Place {
    /// The place of a byte of `text`.
    pub fn of(text: &str, byte: usize) -> Place {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Place { line: 1 + before.matches('\n').count() as u64, column: 1 + line.chars().count() as u64 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with SQL, and where, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Option<Place>,
    /// What, and the next step.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Fault {
    pub(super) fn at(span: Span, reason: impl Into<String>) -> Fault {
        Fault { place: place(span), reason: reason.into() }
    }

    /// The engine's own error, in plain words.
    pub(super) fn of(error: &DataFusionError) -> Fault {
        let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let place = span.map(|span| Place { line: span.start.line, column: span.start.column });
        let reason = plain_words(error);
        // The parser puts the place at the end of its words.
        match reason.rsplit_once(" at Line: ").and_then(|(words, at)| Some((words, at.split_once(", Column: ")?))) {
            Some((words, (line, column))) => {
                let number = |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok();
                let place = number(line).zip(number(column)).map(|(line, column)| Place { line, column }).or(place);
                Fault { place, reason: words.trim_start_matches("ParserError(\"").to_owned() }
            }
            None => Fault { place, reason: shortened(reason) },
        }
    }
}

/// The engine lists every column there is when none is like the one it misses.
fn shortened(reason: String) -> String {
    match reason.split_once(" Valid fields are ") {
        Some((words, fields)) if fields.len() > 300 => {
            format!("{words} `trailhunt query --describe TABLE` lists a table's columns")
        }
        _ => reason,
    }
}

pub(super) fn place(span: Span) -> Option<Place> {
    (span.start.line > 0).then_some(Place { line: span.start.line, column: span.start.column })
}

/// One statement that only reads.
#[derive(Debug, Clone)]
pub struct Sql {
    statement: Statement,
    parameters: Vec<(String, Place)>,
    tables: Vec<(String, Place)>,
    /// Names of subqueries that are computed once, wherever they are read: `WITH x AS MATERIALIZED (...)`.
    materialized: Vec<String>,
}

impl Sql {
    /// Parses `text`.
    ///
    /// # Errors
    /// For what is no SQL, more or less than one statement, what is not a query, what reads a file, and what the engine
    /// would ignore or take for something else.
    pub fn parse(text: &str) -> Result<Sql, Fault> {
        let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location().map_err(|e| {
            let place = Place { line: e.location.line, column: e.location.column };
            Fault { place: Some(place), reason: e.message }
        })?;
        let mut parameters = Vec::new();
        for token in &tokens {
            if let (Token::Placeholder(name), Some(place)) = (&token.token, place(token.span)) {
                parameters.push((name.trim_start_matches('$').to_owned(), place));
            }
        }
        let (text, materialized) = without_materialized(text, &tokens);
        let mut statements = DFParser::parse_sql(&text).map_err(|e| Fault::of(&e))?;
        let first = statements.pop_front().ok_or(Fault { place: None, reason: "there is no SQL here".into() })?;
        if !statements.is_empty() {
            let mut ends = tokens.iter().filter(|token| token.token == Token::SemiColon);
            let second = ends.next().map_or_else(Span::empty, |token| token.span);
            return Err(Fault::at(second, "one statement at a time; leave out what follows the semicolon"));
        }
        let mut lint = Lint { tokens: &tokens, tables: Vec::new() };
        let mut statement = refuse_writing(first, &tokens)?;
        if let Some(statement) = read(&statement)
            && let ControlFlow::Break(fault) = statement.visit(&mut lint)
        {
            return Err(fault);
        }
        let mut tables = lint.tables;
        if let Some(statement) = read_mut(&mut statement) {
            tables.extend(table_function::expand(statement)?);
        }
        Ok(Sql { statement, parameters, tables, materialized })
    }

    /// Names of `$parameters` in order, with every place they are used at.
    pub fn parameters(&self) -> &[(String, Place)] {
        &self.parameters
    }

    /// Tables and views it names itself, with their places; also names it gives to its own subqueries.
    pub fn tables(&self) -> &[(String, Place)] {
        &self.tables
    }

    /// Where a column of the answer is made, or else where the answer's SELECT begins.
    pub fn column(&self, name: &str) -> Option<Place> {
        let select = self.select()?;
        let named = |item: &&datafusion::sql::sqlparser::ast::SelectItem| {
            let text = item.to_string();
            let last = text.rsplit([' ', '.']).next().unwrap_or_default();
            last.trim_matches('"') == name
        };
        let item = select.projection.iter().find(named).and_then(|item| place(item.span()));
        item.or_else(|| place(select.select_token.0.span))
    }

    /// The SELECT whose columns are the answer's.
    fn select(&self) -> Option<&Select> {
        let Some(SqlStatement::Query(query)) = read(&self.statement) else { return None };
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

    /// The next subquery of the statement's own `WITH` that is to be computed once: its name, and a statement that gives
    /// its rows.
    pub(super) fn next_materialized(&mut self) -> Option<(String, Sql)> {
        while !self.materialized.is_empty() {
            let name = self.materialized.remove(0);
            let mut part = Sql { materialized: Vec::new(), ..self.clone() };
            let Some(with) = part.with() else { continue };
            let Some(at) = with.iter().position(|cte| cte.alias.name.value == name) else { continue };
            with.truncate(at + 1);
            // As it is written, quoted or not.
            let everything = everything_of(&with[at].alias.name.to_string());
            if everything.and_then(|everything| part.answer_with(everything)).is_some() {
                return Some((name, part));
            }
        }
        None
    }

    /// Lets the subquery `name` read `table`, which has its rows.
    pub(super) fn read_instead(&mut self, name: &str, table: &str) {
        let cte = self.with().and_then(|with| with.iter_mut().find(|cte| cte.alias.name.value == name));
        if let Some((cte, query)) = cte.zip(everything_of(table)) {
            cte.query = query;
        }
    }

    /// Puts another query behind the subqueries.
    fn answer_with(&mut self, other: Box<Ast>) -> Option<()> {
        let query = self.query()?;
        let with = query.with.take();
        *query = other;
        query.with = with;
        Some(())
    }

    /// The subqueries named before the statement.
    fn with(&mut self) -> Option<&mut Vec<Cte>> {
        self.query()?.with.as_mut().map(|with| &mut with.cte_tables)
    }

    /// The query, unless it is one to be explained or a `SHOW`.
    pub(super) fn query(&mut self) -> Option<&mut Box<Ast>> {
        let Statement::Statement(statement) = &mut self.statement else { return None };
        let SqlStatement::Query(query) = statement.as_mut() else { return None };
        Some(query)
    }
}

/// `SELECT * FROM name`.
fn everything_of(name: &str) -> Option<Box<Ast>> {
    let text = format!("SELECT * FROM {name}");
    match DFParser::parse_sql(&text).ok()?.pop_front()? {
        Statement::Statement(statement) => match *statement {
            SqlStatement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// The text without `AS MATERIALIZED`, for the engine's own parser.
pub(super) fn inline(text: &str) -> String {
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location();
    tokens.map_or_else(|_| text.to_owned(), |tokens| without_materialized(text, &tokens).0)
}

/// The parser of the engine's dialect does not know `AS MATERIALIZED`: the text with blanks in its place, and the names it
/// stands behind.
fn without_materialized(text: &str, tokens: &[TokenWithSpan]) -> (String, Vec<String>) {
    let words: Vec<_> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let word = |at: usize| match words.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    };
    let is = |at: usize, keyword: &str| word(at).is_some_and(|word| word.value.eq_ignore_ascii_case(keyword));
    let (mut text, mut names) = (text.to_owned(), Vec::new());
    for at in 2..words.len() {
        let before_bracket = words.get(at + 1).is_some_and(|token| token.token == Token::LParen);
        if let (true, true, true, Some(name)) = (is(at, "materialized"), is(at - 1, "as"), before_bracket, word(at - 2))
        {
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

/// The statement of standard SQL behind `EXPLAIN`s of ours.
fn read(statement: &Statement) -> Option<&SqlStatement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => read(&explain.statement),
        _ => None,
    }
}

/// As [`read`], to change it.
fn read_mut(statement: &mut Statement) -> Option<&mut SqlStatement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => read_mut(&mut explain.statement),
        _ => None,
    }
}

/// The statement back, when it reads.
fn refuse_writing(statement: Statement, tokens: &[TokenWithSpan]) -> Result<Statement, Fault> {
    let reads = match read(&statement) {
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
        return Ok(statement);
    }
    let word = tokens.iter().find(|token| matches!(token.token, Token::Word(_)));
    let name = word.map(|word| word.token.to_string().to_uppercase()).unwrap_or_default();
    let span = word.map_or_else(Span::empty, |word| word.span);
    Err(Fault::at(span, format!("{name} is refused: SQL here only reads; begin with SELECT or WITH")))
}

/// Looks for what would not do what it says.
struct Lint<'a> {
    tokens: &'a [TokenWithSpan],
    tables: Vec<(String, Place)>,
}

impl Lint<'_> {
    /// The parser knows no place of a name in single quotes.
    fn span_of(&self, factor: &TableFactor, name: &ObjectName) -> Span {
        let span = factor.span();
        let name = name.to_string();
        let quoted = || self.tokens.iter().find(|token| token.token.to_string() == name).map(|token| token.span);
        if span.start.line > 0 { span } else { quoted().unwrap_or(span) }
    }

    fn ignored(span: Span, what: &str) -> ControlFlow<Fault> {
        ControlFlow::Break(Fault::at(span, format!("{what} would be ignored; leave it out")))
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
                    ControlFlow::Break(Fault::at(query.span(), "SQL here only reads; begin with SELECT or WITH"))
                }
                _ => ControlFlow::Continue(()),
            },
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Fault> {
        let span = select.select_token.0.span;
        if select.into.is_some() {
            return ControlFlow::Break(Fault::at(span, "SELECT INTO is refused: SQL here only reads; leave INTO out"));
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
                    let reason = format!("{name} is a file or a place; SQL here reads the lake and nothing else");
                    return ControlFlow::Break(Fault::at(span, reason));
                }
                let ignored = [
                    (sample.is_some(), "TABLESAMPLE"),
                    (version.is_some(), "the version of a table"),
                    (*with_ordinality, "WITH ORDINALITY"),
                    (!with_hints.is_empty() || !index_hints.is_empty(), "a hint"),
                    (!partitions.is_empty(), "PARTITION"),
                ];
                match ignored.iter().find(|(is_there, _)| *is_there) {
                    Some((_, what)) => Lint::ignored(span, what),
                    None => {
                        let name = name.0.last().map(ToString::to_string).unwrap_or_default();
                        self.tables.extend(place(span).map(|place| (name.trim_matches('"').to_owned(), place)));
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
        // The parser takes all that follows for the right side.
        if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
            && matches!(**right, Expr::BinaryOp { .. })
        {
            let reason = "put brackets round the whole IS [NOT] DISTINCT FROM: without them what follows is taken for a \
                          part of its right side";
            return ControlFlow::Break(Fault::at(expr.span(), reason));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> String {
        Sql::parse(sql).map(|_| sql.to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn what_writes_reads_files_or_would_be_ignored_is_refused_with_its_place() {
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
            ("WITH x AS (SELECT 1) INSERT INTO events SELECT * FROM x", "SQL here only reads"),
            ("SELECT 1 INTO x", "line 1, column 1: SELECT INTO is refused"),
            ("SELECT 1; SELECT 2", "line 1, column 9: one statement at a time"),
            ("", "there is no SQL here"),
            ("SELECT *\nFROM '/etc/passwd'", "line 2, column 6: '/etc/passwd' is a file or a place"),
            ("SELECT * FROM \"s3://other/x.parquet\"", "column 15"),
            ("SELECT * FROM read_csv('x.csv')", "is a file or a place"),
            ("SELECT * FROM events TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE would be ignored"),
            ("SELECT * FROM (SELECT 1) AS x TABLESAMPLE (1 ROWS)", "TABLESAMPLE would be ignored"),
            ("SELECT * FROM events FOR UPDATE", "FOR UPDATE or FOR SHARE would be ignored"),
            ("SELECT 1 FROM events WHERE a IS DISTINCT FROM b AND c", "line 1, column 28: put brackets round"),
            ("SELECT actor FROM events GROUP actor", "line 1, column 26: Expected: end of statement"),
            ("SELECT 'open", "line 1, column 8: Unterminated string literal"),
        ] {
            assert!(refused(sql).contains(expected), "{sql}: {}", refused(sql));
        }
    }

    #[test]
    fn what_only_reads_is_let_through_with_its_names_and_places() {
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
    fn what_is_computed_once_stands_alone_with_what_it_stands_on() {
        let text = "WITH a AS (SELECT 1 AS n),\nb AS MATERIALIZED (SELECT n FROM a),\n\"C\" AS Materialized (SELECT n FROM b) \
                    SELECT count(*) FROM b, \"C\" WHERE n = $n ORDER BY 1";
        let mut sql = Sql::parse(text).unwrap();
        let (name, part) = sql.next_materialized().unwrap();
        assert_eq!(name, "b");
        assert_eq!(part.statement().to_string(), "WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT * FROM b");
        sql.read_instead("b", "lent");
        let (_, part) = sql.next_materialized().unwrap();
        assert_eq!(
            part.statement().to_string(),
            "WITH a AS (SELECT 1 AS n), b AS (SELECT * FROM lent), \"C\" AS (SELECT n FROM b) SELECT * FROM \"C\""
        );
        assert!(sql.next_materialized().is_none());
        // Places stay where they are in the text.
        assert_eq!(sql.parameters(), [("n".to_owned(), Place { line: 3, column: 77 })]);
    }
}
