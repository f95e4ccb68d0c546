//! The one place that writes to the standard output. A reader that has gone away (`| head`) ends the output and
//! nothing else; anything else that goes wrong with it is told at the end.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write};

use serde_json::Value;

use super::failure::{Exit, Failed};
use super::table::Table;

/// How a word is meant to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Done, and well.
    Good,
    /// Not decided yet, or to be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// Beside the point.
    Faint,
}

impl Tone {
    /// The text between escape codes, or as it is without colour.
    #[must_use]
    pub fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        };
        if colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Where answers go.
pub struct Out {
    target: Box<dyn Write + Send>,
    terminal: bool,
    colour: bool,
    closed: bool,
    failure: Option<io::Error>,
}

impl Out {
    /// The standard output; colours on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::to(Box::new(io::stdout()), terminal, terminal && !plain)
    }

    /// Any writer.
    #[must_use]
    pub fn to(target: Box<dyn Write + Send>, terminal: bool, colour: bool) -> Self {
        Self { target, terminal, colour, closed: false, failure: None }
    }

    /// Whether a person is looking: then progress is a bar.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal && io::stderr().is_terminal()
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether colours are wanted.
    #[must_use]
    pub fn colours(&self) -> bool {
        self.colour
    }

    /// The text in this tone.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        tone.paint(text, self.colour)
    }

    /// One line.
    pub fn line(&mut self, text: impl Display) {
        self.write(&format!("{text}\n"));
    }

    /// Text as it is, without an end of line.
    pub fn raw(&mut self, text: &str) {
        self.write(text);
    }

    /// An empty line and a heading.
    pub fn heading(&mut self, text: &str) {
        let text = self.paint(Tone::Strong, text);
        self.write(&format!("\n{text}\n"));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        let text = table.render(self.colour);
        self.write(&text);
    }

    /// A JSON document, indented.
    pub fn json(&mut self, value: &Value) {
        self.line(format!("{value:#}"));
    }

    /// A JSON document on one line.
    pub fn json_line(&mut self, value: &Value) {
        self.line(value);
    }

    fn write(&mut self, text: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = self.target.write_all(text.as_bytes()).and_then(|()| self.target.flush()) {
            self.closed = true;
            // The reader has seen enough: that is no failure.
            self.failure = (error.kind() != ErrorKind::BrokenPipe).then_some(error);
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// When something could not be written, a disk that is full for example.
    pub fn finish(self) -> Result<(), Failed> {
        match self.failure {
            Some(error) => Err(Failed::new(Exit::Failed, format!("the output cannot be written: {error}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// A writer whose text a test can look at.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(crate) fn out(&self) -> Out {
            Out::to(Box::new(self.clone()), false, false)
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_ends_the_output_and_is_no_failure() {
        let mut out = Out::to(Box::new(Broken(ErrorKind::BrokenPipe)), false, false);
        out.line("one");
        assert!(out.is_closed());
        out.line("two");
        assert!(out.finish().is_ok());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut out = Out::to(Box::new(Broken(ErrorKind::StorageFull)), false, false);
        out.line("one");
        assert_eq!(out.finish().unwrap_err().exit(), Exit::Failed);
    }

    #[test]
    fn tones_are_escape_codes_only_where_colour_is_wanted() {
        assert_eq!(Tone::Bad.paint("parked", false), "parked");
        assert_eq!(Tone::Bad.paint("parked", true), "\u{1b}[31mparked\u{1b}[0m");
        assert_eq!(Tone::Bad.paint("", true), "");
    }
}
