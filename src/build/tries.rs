//! One try of one image: whether it is due, and what the ledger remembers of it.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::inputs::Below;
use super::run::{Ending, Known, Report, Run, first_phase_of};
use super::{Fault, Outcome, Phase};
use crate::ledger::NextTry;
use crate::plan::{Action, Step};

impl Run<'_> {
    /// Builds an image, or runs its tests, unless that failed before with the same inputs and is not due yet.
    pub(super) async fn try_image(
        &self,
        step: &Step,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Ending {
        let image = step.image;
        let described = self.loaded.catalog.image(image);
        let phase = first_phase_of(&step.action);
        let below = self.find_below(step, &known.borrow());
        let judging = self.tries.judge(image, &below);
        let past = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return Ending::interrupted(phase, Instant::now()),
            past = tokio::time::timeout(report.limit.left(), judging) => past,
        };
        // Where that takes all the time that the image has, its build says so.
        if let Ok(Some(past)) = past
            && let NextTry::NotBefore(until) = past.next
        {
            let (failures, log) = (past.failures, past.log);
            return Ending {
                phase,
                outcome: Outcome::Waiting {
                    failures,
                    until,
                    log,
                },
                id: None,
                took: Duration::ZERO,
            };
        }
        let began = Instant::now();
        let ending = match step.action {
            Action::Build(_) => Box::pin(self.build_and_verify(image, known, report)).await,
            _ => Box::pin(self.verify_built(image, known, report)).await,
        };
        match &ending.outcome {
            Outcome::Done => {
                let passed = (&described.label, began.elapsed());
                self.tries
                    .ledger
                    .note_passed(&described.root, time_name(phase), passed);
            }
            // What is not the image's own fault may pass before the next run.
            Outcome::Failed {
                fault: Fault::Work,
                log,
                ..
            } => {
                if let Some(key) = self.tries.key(image, &below).await {
                    let failed = (key, log.clone());
                    self.tries
                        .ledger
                        .note_failed(&described.root, &described.label, failed);
                }
            }
            _ => (),
        }
        ending
    }

    /// Gives what a build has below it, or what is tested was built on.
    fn find_below(&self, step: &Step, known: &Known) -> Below {
        let bases = if step.action == Action::Verify {
            known.built_on.get(&step.image).cloned().unwrap_or_default()
        } else {
            let bases = known.bases.iter();
            bases
                .map(|(label, id)| (label.clone(), id.clone()))
                .collect()
        };
        let parents = self.loaded.graph.parents(step.image).iter();
        let parents = parents.map(|parent| {
            let mut identities = known.identities.get(parent).cloned().unwrap_or_default();
            identities.extend(known.images.get(parent).cloned());
            (*parent, identities)
        });
        Below {
            bases,
            parents: parents.collect(),
        }
    }
}

/// What the ledger calls the time of a phase.
pub(super) fn time_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve",
        Phase::Pull => "pull",
        Phase::Build => "build",
        Phase::Verify => "verify",
        Phase::Publish => "publish",
    }
}

/// Gives each piece of work a weight in milliseconds: how long it took the last time, or as long as others of its kind.
pub(super) fn weigh(works: &[(Phase, Option<Duration>)]) -> Vec<u64> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let mean = |phase: Phase| {
        let known = works.iter().filter(|(of, _)| *of == phase);
        let known: Vec<u64> = known.filter_map(|(_, time)| time.map(millis)).collect();
        let sum = known
            .iter()
            .fold(0_u64, |sum, time| sum.saturating_add(*time));
        sum.checked_div(known.len() as u64)
    };
    // Where nothing was measured, the chain of most images is the longest.
    let usual = [Phase::Pull, Phase::Build, Phase::Verify]
        .map(|phase| (phase, mean(phase).unwrap_or(60_000)));
    let weight = |&(phase, time): &(Phase, Option<Duration>)| match time {
        Some(time) => millis(time),
        None => usual
            .iter()
            .find(|(of, _)| *of == phase)
            .map_or(1, |(_, mean)| *mean),
    };
    works.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_measured_takes_as_long_as_others_of_its_kind() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let works = [
            (Phase::Build, seconds(10)),
            (Phase::Build, None),
            (Phase::Build, seconds(20)),
            (Phase::Pull, seconds(2)),
            (Phase::Pull, None),
            (Phase::Verify, None),
            (Phase::Build, Some(Duration::ZERO)),
        ];
        let expected = [10_000, 10_000, 20_000, 2_000, 2_000, 60_000, 1];
        assert_eq!(weigh(&works), expected);
        assert_eq!(weigh(&[]), [0; 0]);
    }
}
