//! Which fault meets what, and how a run may end then.

use std::ops::RangeInclusive;

use crate::support::faulty_registry::{ALWAYS, Fault, Operation};
use crate::support::registry_cases::{POSITIONS, Position, are_all_asked_for, faults};

/// `b` is made on `a`; `c` is large where that matters.
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

/// What the program does when the fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It asks whether a blob is there, before and after.
    HeadBlob,
    /// It asks for a blob from another repository.
    Mount,
    /// It begins an upload.
    Start,
    /// It sends a part.
    Write,
    /// It asks how much came, after a part was lost.
    Ask,
    /// It ends an upload, with the blob in it or without.
    Finish,
    /// It puts a manifest under its digest.
    ByDigest,
    /// It puts the version.
    Version,
    /// It moves `latest`.
    Latest,
    /// It reads back what came, and asks for the tags that it gave.
    Confirm,
    /// It fetches a token.
    Token,
}

const DOINGS: [Doing; 11] = [
    Doing::HeadBlob,
    Doing::Mount,
    Doing::Start,
    Doing::Write,
    Doing::Ask,
    Doing::Finish,
    Doing::ByDigest,
    Doing::Version,
    Doing::Latest,
    Doing::Confirm,
    Doing::Token,
];

impl Doing {
    /// Tells whether it is only done with a blob that goes in several parts.
    pub(super) fn needs_parts(self) -> bool {
        matches!(self, Self::Write | Self::Ask)
    }
}

/// One fault at one place.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) fault: (&'static str, Fault),
    pub(super) doing: Doing,
    pub(super) position: Position,
}

pub(super) type Rule = (Operation, RangeInclusive<usize>, Fault);

/// Gives what the registry misbehaves at; each rule has to be met.
pub(super) fn rules(case: &Case) -> Vec<Rule> {
    let lost = |requests| (Operation::WriteUpload, requests, Fault::Reset);
    let (operation, middle) = match case.doing {
        Doing::HeadBlob => (Operation::HeadBlob, 7),
        Doing::Mount => (Operation::Mount, 2),
        // Those that are to mount count, too.
        Doing::Start => (Operation::StartUpload, 4),
        Doing::Write => (Operation::WriteUpload, 2),
        Doing::Ask => (Operation::AskUpload, 2),
        Doing::Finish => (Operation::FinishUpload, 3),
        Doing::ByDigest => (Operation::PutByDigest, 2),
        Doing::Version => (Operation::PutManifest, 2),
        Doing::Latest => (Operation::PutLatest, 2),
        Doing::Confirm => (Operation::ReadBack, 2),
        Doing::Token => (Operation::Token, 5),
    };
    let fault = case.fault.1.clone();
    let mut rules = match (case.doing, case.position) {
        // The plan asks for three versions before.
        (Doing::Confirm, Position::Always) => {
            vec![(Operation::HeadManifest, 4..=usize::MAX, fault)]
        }
        (_, Position::First) => vec![(operation, 1..=1, fault)],
        (_, Position::Middle) => vec![(operation, middle..=middle, fault)],
        (_, Position::Always) => vec![(operation, ALWAYS, fault)],
    };
    match (case.doing, case.position) {
        (Doing::Ask, Position::Middle) => rules.push(lost(2..=3)),
        (Doing::Ask, _) => rules.push(lost(2..=2)),
        _ => {}
    }
    rules
}

impl Case {
    /// Tells whether the fault can do anything: nobody looks for a digest where none is told.
    fn is_one(&self) -> bool {
        let is_without = matches!(
            self.doing,
            Doing::Start | Doing::Write | Doing::Ask | Doing::Token
        );
        !(self.fault.0 == "wrong digest" && is_without)
    }

    /// Gives the exit codes with which the run may end: 1 where a registry refuses, 4 where it is in trouble or is none,
    /// and 0 where the trouble passed or nothing depends on it.
    #[expect(clippy::match_same_arms, reason = "each row has a reason of its own")]
    pub(super) fn expected(&self) -> &'static [i32] {
        use Position::{Always, First, Middle};
        let (fault, position) = (self.kind(), self.position);
        match (self.doing, fault, position) {
            // It is sent instead.
            (Doing::Mount, ..) => &[0],
            _ if fault.passes() && position != Always => &[0],
            // It may be asked after a mount, without which it is sent.
            (Doing::HeadBlob, Kind::Denied | Kind::TooLarge, Middle) => &[0, 1],
            (Doing::HeadBlob, Kind::OtherDigest | Kind::Page, Middle) => &[0, 4],
            (Doing::HeadBlob, Kind::Absent | Kind::OtherDigest, First)
            | (Doing::HeadBlob, Kind::Absent, Middle) => &[0],
            (Doing::HeadBlob | Doing::Start, Kind::Page | Kind::OtherDigest, _)
            | (Doing::HeadBlob, Kind::Absent, Always) => &[4],
            // It may be to mount.
            (Doing::Start, Kind::Denied | Kind::Absent | Kind::TooLarge, Middle) => &[0, 1],
            // It goes in another way, or anew; or it came, and that is found.
            (Doing::Write | Doing::Ask, Kind::Absent | Kind::TooLarge | Kind::Page, _)
            | (Doing::Write | Doing::Finish, Kind::Trickle | Kind::Cut, _)
            | (Doing::Finish, Kind::Absent, First | Middle) => &[0],
            (Doing::Finish, Kind::Page | Kind::OtherDigest, _) => &[4],
            // It was put, and that is found.
            (
                Doing::ByDigest | Doing::Version | Doing::Latest,
                Kind::OtherDigest | Kind::Trickle | Kind::Cut,
                _,
            ) => &[0],
            // Nothing was put. For `latest` the next try finds that.
            (Doing::Latest, Kind::Page, First | Middle) => &[0],
            (Doing::ByDigest | Doing::Version | Doing::Latest, Kind::Page, _) => &[1],
            (Doing::Confirm, Kind::Page, Always) => &[0],
            (Doing::Confirm, Kind::OtherDigest, Always) => &[1],
            (Doing::Confirm, Kind::Absent | Kind::TooLarge, Always)
            | (Doing::Confirm, Kind::OtherDigest | Kind::Page, _) => &[4],
            // The first one is for the question whether versions are there.
            (Doing::Token, _, First | Always) => &[4],
            (Doing::Token, _, Middle) => &[1, 4],
            (_, Kind::Denied | Kind::Absent | Kind::TooLarge, _) => &[1],
            _ => &[4],
        }
    }

    fn kind(&self) -> Kind {
        match self.fault.0 {
            "401" | "403" => Kind::Denied,
            "404" => Kind::Absent,
            "413" => Kind::TooLarge,
            "wrong digest" => Kind::OtherDigest,
            "HTML with 200" => Kind::Page,
            "silence" => Kind::Silence,
            "a byte a second" => Kind::Trickle,
            "truncated" => Kind::Cut,
            _ => Kind::Trouble,
        }
    }
}

/// What a fault is to who meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Denied,
    Absent,
    TooLarge,
    OtherDigest,
    Page,
    Silence,
    /// What is asked for is done, and the answer is not over in time.
    Trickle,
    /// What is asked for is done, and the answer is not whole.
    Cut,
    /// What may pass, with a status or without one.
    Trouble,
}

impl Kind {
    /// Tells whether this program tries again.
    fn passes(self) -> bool {
        matches!(
            self,
            Self::Silence | Self::Trickle | Self::Cut | Self::Trouble
        )
    }
}

/// Gives the cases of a run: all of them, or those that need no long wait.
pub(super) fn cases() -> Vec<Case> {
    let all = are_all_asked_for();
    let mut cases = Vec::new();
    for fault in faults() {
        for doing in DOINGS {
            for position in POSITIONS {
                let is_short = match fault.0 {
                    "403" | "500" => position == Position::First,
                    "404" | "truncated" => position == Position::Always,
                    _ => false,
                };
                // What takes long is tried without the program, too.
                let is_small = !doing.needs_parts();
                let case = Case {
                    fault: fault.clone(),
                    doing,
                    position,
                };
                if (all || (is_short && is_small)) && case.is_one() {
                    cases.push(case);
                }
            }
        }
    }
    cases
}
