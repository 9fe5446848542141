//! How tests ended.

use std::time::Duration;

use crate::oci::Platform;
use crate::place::Place;

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// With something wrong; each on one line.
    Failed(Vec<String>),
    /// It was not run, and why.
    Skipped(String),
}

/// One test and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// What a report calls it.
    pub title: String,
    /// Where it is written.
    pub place: Place,
    /// How it ended.
    pub outcome: Outcome,
    /// What its command printed.
    pub stdout: String,
    /// What its command printed of trouble.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl TestResult {
    /// Says which image of several it is of.
    #[must_use]
    pub fn of(self, platform: &Platform) -> Self {
        Self {
            title: format!("{} ({platform})", self.title),
            ..self
        }
    }
}

/// All tests of an image, in the order in which they were run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each of them.
    pub results: Vec<TestResult>,
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As they should.
    pub passed: usize,
    /// Otherwise.
    pub failed: usize,
    /// Not at all.
    pub skipped: usize,
}

impl Report {
    /// Counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for result in &self.results {
            *match result.outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed(_) => &mut counts.failed,
                Outcome::Skipped(_) => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// Tells whether an image passed: some test was run, and none failed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        let counts = self.counts();
        counts.passed > 0 && counts.failed == 0
    }

    /// Gives the time of all together.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.results.iter().map(|result| result.took).sum()
    }
}
