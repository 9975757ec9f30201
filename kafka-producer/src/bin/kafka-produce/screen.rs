//! Standard error: messages, each a line, and below them one line of progress that is drawn over and over.

use std::io::Write as _;

use console::Term;

/// Who writes to standard error.
pub(crate) struct Screen {
    terminal: Term,
    /// What stands in the last line, if progress is shown.
    drawn: Option<String>,
    shows_progress: bool,
}

/// Whether progress is wanted where it can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Shown,
    Hidden,
}

impl Screen {
    pub(crate) fn new(progress: Progress) -> Self {
        let terminal = Term::stderr();
        let shows_progress = progress == Progress::Shown && terminal.is_term();
        Self {
            terminal,
            drawn: None,
            shows_progress,
        }
    }

    /// Whether anybody sees what is drawn.
    pub(crate) fn shows_progress(&self) -> bool {
        self.shows_progress
    }

    /// Columns that may be drawn in: in the last one some terminals begin a new line.
    pub(crate) fn columns(&self) -> usize {
        let (_, columns) = self.terminal.size();
        usize::from(columns).saturating_sub(1)
    }

    /// Writes a message above the line of progress.
    pub(crate) fn say(&mut self, message: &str) {
        let drawn = self.drawn.take();
        self.wipe(drawn.as_deref());
        // Where standard error is closed, nobody wants to be told.
        let _ = self.terminal.write_line(message);
        if let Some(line) = drawn {
            self.draw(line);
        }
    }

    /// Shows progress.
    pub(crate) fn draw(&mut self, line: String) {
        if !self.shows_progress {
            return;
        }
        let drawn = self.drawn.take();
        self.wipe(drawn.as_deref());
        let _ = write!(self.terminal, "{line}");
        self.drawn = Some(line);
    }

    /// Progress is shown no more.
    pub(crate) fn clear(&mut self) {
        let drawn = self.drawn.take();
        self.wipe(drawn.as_deref());
        self.shows_progress = false;
    }

    fn wipe(&self, drawn: Option<&str>) {
        if drawn.is_some() {
            let _ = self.terminal.clear_line();
        }
    }
}
