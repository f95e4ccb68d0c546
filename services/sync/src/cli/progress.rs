//! How far a run is: a bar for people at a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use shopbeat_proto::v1;

use super::out::Out;
use super::words;

/// Plain lines are written at every so much of a hundred.
const LINE_EVERY: u64 = 25;

/// Shows a run as it goes on.
pub struct Progress {
    bar: Option<ProgressBar>,
    told: Option<(i32, u64)>,
    indent: &'static str,
}

impl Progress {
    /// A bar on a terminal (on the standard error, so that the output stays clean), lines elsewhere.
    #[must_use]
    pub fn new(out: &Out, indent: &'static str) -> Self {
        let bar = out.is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = format!("{indent}{{prefix:<10}} {{bar:32}} {{pos}}/{{len}} {{msg}}");
            if let Ok(style) = ProgressStyle::with_template(&style) {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, told: None, indent }
    }

    /// The run as it is now.
    pub fn show(&mut self, out: &mut Out, run: &v1::Run) {
        let counts = run.counts.unwrap_or_default();
        let phase = words::or_dash(words::phase(run.phase));
        if let Some(bar) = &self.bar {
            bar.set_prefix(phase);
            bar.set_length(counts.variants);
            bar.set_position(counts.done);
            bar.set_message(format!("{} skipped", counts.skipped));
            return;
        }
        let part = (counts.done * 100).checked_div(counts.variants).unwrap_or(0) / LINE_EVERY;
        if self.told.replace((run.phase, part)) != Some((run.phase, part)) {
            out.line(format!("{}{phase}: {} of {} variants", self.indent, counts.done, counts.variants));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::out::tests::Page;

    #[test]
    fn without_a_terminal_a_line_is_written_only_when_something_was_reached() {
        let page = Page::default();
        let mut out = page.out();
        let mut progress = Progress::new(&out, "");
        let phases =
            [(v1::RunPhase::Exporting, 0), (v1::RunPhase::Importing, 1), (v1::RunPhase::Importing, 2)];
        for (phase, done) in phases.into_iter().chain([(v1::RunPhase::Finished, 8)]) {
            let counts = v1::RunCounts { variants: 8, done, ..v1::RunCounts::default() };
            progress
                .show(&mut out, &v1::Run { phase: phase.into(), counts: Some(counts), ..v1::Run::default() });
        }
        progress.finish();
        assert_eq!(
            page.text(),
            "exporting: 0 of 8 variants\nimporting: 1 of 8 variants\nimporting: 2 of 8 variants\nfinished: 8 of 8 variants\n"
        );
    }
}
