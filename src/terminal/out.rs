//! Standard output and standard error of the program. A closed pipe is not an error: `head` may stop reading at any time.

use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};

use super::{Layout, SafeJson, printable};
use crate::error::{Error, Result, redacted};

/// Where a command writes its output. `write!` and `writeln!` return this crate's [`Result`].
///
/// After the reader has closed the pipe, further output is discarded and the command continues: a nightly run must not
/// stop because nobody reads its summary.
pub struct Out<W: Write = io::Stdout> {
    inner: W,
    layout: Layout,
    closed: bool,
}

impl Out {
    /// Standard output.
    pub fn stdout(layout: Layout) -> Out {
        Out { inner: io::stdout(), layout, closed: false }
    }
}

impl<W: Write> Out<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Out<W> {
        Out { inner, layout: Layout::plain(100), closed: false }
    }

    /// How text is laid out here.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Calls `write`, unless the pipe is closed. `write` gets an error as soon as the pipe closes.
    ///
    /// # Errors
    /// When the output cannot be written for another reason than a closed pipe.
    pub fn render(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        match write(&mut self.inner).and_then(|()| self.inner.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(source) => Err(Error::File { path: "standard output".into(), source }),
            Ok(()) => Ok(()),
        }
    }

    /// What `write!` and `writeln!` call.
    ///
    /// # Errors
    /// As [`Out::render`].
    pub fn write_fmt(&mut self, text: Arguments<'_>) -> Result<()> {
        self.render(|inner| inner.write_fmt(text))
    }

    /// Writes a value as indented JSON and a newline.
    ///
    /// # Errors
    /// As [`Out::render`].
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<()> {
        self.render(|inner| {
            serde_json::to_writer_pretty(SafeJson::new(&mut *inner), value)?;
            writeln!(inner)
        })
    }
}

/// Writes one line to standard error. It is lost when standard error is closed: there is nowhere else to report it.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "trailhunt: {}", message(text));
}

/// A message without secrets and without characters that steer a terminal: errors quote URLs and log text.
pub fn message(text: impl Display) -> String {
    printable(&redacted(&text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts this many bytes, then fails.
    struct Limited(usize, ErrorKind);

    impl Write for Limited {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(self.1.into());
            }
            let accepted = bytes.len().min(self.0);
            self.0 -= accepted;
            Ok(accepted)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_discards_the_rest_quietly() {
        let mut out = Out::new(Limited(5, ErrorKind::BrokenPipe));
        for _ in 0..3 {
            writeln!(out, "more than five bytes").unwrap();
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut out = Out::new(Limited(5, ErrorKind::StorageFull));
        let error = writeln!(out, "more than five bytes").unwrap_err().to_string();
        assert!(error.starts_with("standard output: "), "{error}");
    }
}
