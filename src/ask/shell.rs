//! The interactive SQL shell. A statement ends with `;` and may span lines.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::{Question, Questions, describe_text, table};
use crate::detect::Window;
use crate::engine::Session;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::terminal::{Out, message};

const HELP: &str = r"SQL ends with ; and may span lines. Tab completes tables, columns and functions.
\d          tables and views
\d TABLE    its columns and their meaning
\i NAME     run a saved question: \i key_timeline key=AKIA...
\q          quit";

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
    writeln!(out, "{}, version {}; \\? for help", snapshot.location, snapshot.version)?;
    loop {
        match tokio::task::block_in_place(|| editor.readline("trailhunt> ")) {
            Ok(text) => {
                let text = text.trim();
                if text.is_empty() {
                    continue;
                }
                // A statement that does not fit the history is answered all the same.
                let _ = editor.add_history_entry(text);
                if text == r"\q" {
                    break;
                }
                if let Err(error) = execute(text, session, window, out).await {
                    writeln!(out, "{}", message(error))?;
                }
            }
            Err(ReadlineError::Interrupted) => {}
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

async fn execute(text: &str, session: &Session, window: Option<Window>, out: &mut Out) -> Result<()> {
    let mut words = text.trim_end_matches(';').split_whitespace();
    match words.next() {
        Some(r"\?") => writeln!(out, "{HELP}"),
        Some(r"\d") => match words.next() {
            Some(table) => {
                let columns = describe_text(session, table).await?;
                write!(out, "{columns}")
            }
            None => writeln!(out, "{}", session.tables().join("\n")),
        },
        Some(r"\i") => {
            let question = Questions::load()?.get(words.next().unwrap_or_default())?.clone();
            let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
            let values: Vec<_> = words.filter_map(pair).collect();
            answer(&question, &values, session, window).await
        }
        Some(word) if word.starts_with('\\') => writeln!(out, "{HELP}"),
        _ => answer(&Question::parse("query", text)?, &[], session, window).await,
    }
}

async fn answer(
    question: &Question,
    values: &[(String, String)],
    session: &Session,
    window: Option<Window>,
) -> Result<()> {
    let parameters = question.parameters(values, window)?;
    let query = session.query_parsed(&question.name, &question.sql, &parameters).await?;
    table(query, &mut std::io::stdout()).await
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

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let is_whole = text.is_empty() || text.starts_with('\\') || text.ends_with(';');
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}
