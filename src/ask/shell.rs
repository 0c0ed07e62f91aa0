//! The interactive SQL shell. A statement ends with `;` and may span lines; a command, such as `\d`, is one line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::{Question, Questions, Rows, describe_text, table, written};
use crate::detect::Window;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::terminal::{Layout, Out, message, paged};

const HELP: &str = r"SQL ends with ; and may span lines. Tab completes tables, columns and functions.
\d          tables and views
\d TABLE    its columns and their meaning
\i NAME     run a saved question: \i key_timeline key=AKIA...
\x          show each row as a block of lines, or as one line again
help, \?    this list
exit, \q    quit";

/// The prompt, and the one of a statement that is not complete yet.
const PROMPT: &str = "trailhunt> ";
const CONTINUED: &str = "      ...> ";
/// How to see what a table cuts.
const WHOLE: &str = r"\x shows everything";

/// Reads statements from the terminal and answers them until the end of input. `window` is what `$from` and `$to` mean.
///
/// # Errors
/// When there is no terminal, or the history cannot be stored.
pub async fn shell(snapshot: &Snapshot, session: &Session, window: Option<Window>, out: &mut Out) -> Result<()> {
    let failed = |e: ReadlineError| Error::Usage(format!("no terminal: {e}"));
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(1000).map_err(failed)?;
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config.build()).map_err(failed)?;
    editor.set_helper(Some(Words::of(session).await?));
    let history = history_file();
    if let Some(path) = &history {
        // There is no history the first time.
        let _ = editor.load_history(path);
    }
    writeln!(out, "{}, version {}; help lists the commands; times are UTC", snapshot.location, snapshot.version)?;
    let mut asker = Asker { session, window, rows: Rows::Lines };
    let mut statement = String::new();
    loop {
        let prompt = if statement.is_empty() { PROMPT } else { CONTINUED };
        match tokio::task::block_in_place(|| editor.readline(prompt)) {
            Ok(line) => {
                statement.push_str(line.trim_end());
                if statement.trim().is_empty() {
                    statement.clear();
                    continue;
                }
                if !is_whole(&statement) {
                    statement.push('\n');
                    continue;
                }
                let text = std::mem::take(&mut statement);
                let text = text.trim();
                // A statement that does not fit the history is answered all the same.
                let _ = editor.add_history_entry(text);
                if matches!(text.trim_end_matches(';').trim_end(), r"\q" | "exit" | "quit") {
                    break;
                }
                if let Err(error) = asker.execute(text, out).await {
                    writeln!(out, "{}", message(error))?;
                }
            }
            // Ctrl-C drops what was typed so far.
            Err(ReadlineError::Interrupted) => statement.clear(),
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(failed(e)),
        }
    }
    if let Some(path) = &history {
        let folder = path.parent().map(std::fs::create_dir_all).transpose();
        let saved = folder.map_err(ReadlineError::from).and_then(|_| editor.save_history(path));
        saved.map_err(|e| Error::Usage(format!("{}: {e}; the history was not saved", path.display())))?;
    }
    Ok(())
}

/// `$XDG_STATE_HOME/trailhunt/history`, or below the home folder; nowhere when there is neither.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("trailhunt/history"))
}

/// Whether a text can be executed: a command, or SQL up to its `;`.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('\\') || text.ends_with(';') || matches!(text, "help" | "exit" | "quit")
}

/// Answers what is typed.
struct Asker<'a> {
    session: &'a Session,
    window: Option<Window>,
    rows: Rows,
}

impl Asker<'_> {
    async fn execute(&mut self, text: &str, out: &mut Out) -> Result<()> {
        // The terminal may have another size now.
        let layout = Layout::of_stdout(out.layout().has_full_names());
        let mut words = text.trim_end_matches(';').split_whitespace();
        match words.next() {
            Some(r"\?" | "help") => writeln!(out, "{HELP}"),
            Some(r"\x") => {
                let (rows, state) = match self.rows {
                    Rows::Lines => (Rows::Expanded, "on: each row is a block of lines"),
                    Rows::Expanded => (Rows::Lines, "off: each row is a line"),
                };
                self.rows = rows;
                writeln!(out, "expanded output is {state}")
            }
            Some(r"\d") => match words.next() {
                Some(table) => show(&describe_text(self.session, table, layout).await?),
                None => writeln!(out, "{}", self.session.tables().join("\n")),
            },
            Some(r"\i") => {
                let question = Questions::load()?.get(words.next().unwrap_or_default())?.clone();
                let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
                let values: Vec<_> = words.filter_map(pair).collect();
                self.answer(&question, &values, layout).await
            }
            Some(word) if word.starts_with('\\') => writeln!(out, "{HELP}"),
            _ => self.answer(&Question::parse("query", text)?, &[], layout).await,
        }
    }

    async fn answer(&self, question: &Question, values: &[(String, String)], layout: Layout) -> Result<()> {
        let parameters = question.parameters(values, self.window)?;
        let query = self.session.query_parsed(&question.name, &question.sql, &parameters).await?;
        let mut text = Vec::new();
        table(query, self.rows, layout, WHOLE, &mut text).await?;
        show(&String::from_utf8_lossy(&text))
    }
}

/// Shows a text, with a pager if it is long.
fn show(text: &str) -> Result<()> {
    written(tokio::task::block_in_place(|| paged(text)))
}

/// What can be completed.
struct Words(BTreeSet<String>);

impl Words {
    async fn of(session: &Session) -> Result<Words> {
        let mut words: BTreeSet<String> = session.functions().into_iter().collect();
        for table in session.tables() {
            words.extend(session.columns(&table).await?.fields().iter().map(|field| field.name().clone()));
            words.insert(table);
        }
        Ok(Words(words))
    }
}

impl Helper for Words {}
impl Highlighter for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..at];
        let begin = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let word = before[begin..].to_ascii_lowercase();
        if word.is_empty() {
            return Ok((at, Vec::new()));
        }
        let fitting = self.0.range(word.clone()..).take_while(|known| known.starts_with(&word));
        Ok((begin, fitting.cloned().collect()))
    }
}

impl Validator for Words {}
