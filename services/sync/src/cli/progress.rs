//! How far a run is: a bar for people at a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use shopbeat_proto::v1;

use super::out::Out;
use super::{replay, words};

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
            bar.set_message(format!("{} skipped{}", counts.skipped, left(run)));
            return;
        }
        let part = (counts.done * 100).checked_div(counts.variants).unwrap_or(0) / LINE_EVERY;
        if self.told.replace((run.phase, part)) != Some((run.phase, part)) {
            let left = left(run);
            out.line(format!(
                "{}{phase}: {} of {} variants{left}",
                self.indent, counts.done, counts.variants
            ));
        }
    }

    /// The replay as it is now.
    pub fn show_replay(&mut self, out: &mut Out, replay: &v1::Replay) {
        let (phase, said) = (replay::phase_of(replay), replay::words_of(replay));
        let v1::Replay { orders, done, .. } = replay;
        if let Some(bar) = &self.bar {
            bar.set_prefix(phase);
            bar.set_length(*orders);
            bar.set_position(*done);
            bar.set_message(said);
            return;
        }
        let part = (done * 100).checked_div(*orders).unwrap_or(0) / LINE_EVERY;
        if self.told.replace((replay.phase, part)) != Some((replay.phase, part)) {
            out.line(format!("{}{phase}: {done} of {orders} orders, {said}", self.indent));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How long it still takes: by its pace, before that by the estimate.
fn left(run: &v1::Run) -> String {
    let over = [v1::RunPhase::Finished, v1::RunPhase::Failed, v1::RunPhase::Cancelled];
    let is_over = over.into_iter().any(|phase| run.phase == i32::from(phase));
    let minutes = run.estimate.map(|estimate| estimate.minutes).filter(|minutes| *minutes > 0);
    match (run.seconds_left, minutes) {
        _ if is_over => String::new(),
        (Some(seconds @ 0..=119), _) => format!(", {seconds} s left"),
        (Some(seconds), _) => format!(", {} min left", seconds.div_ceil(60)),
        (None, Some(minutes)) => format!(", about {minutes} min"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::out::tests::Page;

    #[test]
    fn the_time_left_is_told_by_the_pace_before_that_by_the_estimate() {
        let run = |seconds_left, minutes| v1::Run {
            phase: v1::RunPhase::Importing.into(),
            seconds_left,
            estimate: Some(v1::Estimate { calls: 1, minutes }),
            ..v1::Run::default()
        };
        assert_eq!(left(&run(None, 7)), ", about 7 min");
        assert_eq!(left(&run(Some(90), 7)), ", 90 s left");
        assert_eq!(left(&run(Some(121), 7)), ", 3 min left");
        assert_eq!(left(&v1::Run { phase: v1::RunPhase::Finished.into(), ..run(Some(1), 7) }), "");
    }

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
