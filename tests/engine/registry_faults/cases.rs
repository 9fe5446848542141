//! Which fault meets what, and how a run may end then.

use std::ops::RangeInclusive;

use crate::support::faulty_registry::{ALWAYS, Fault, Operation};
use crate::support::registry_cases::{POSITIONS, Position, are_all_asked_for, faults};

/// What the program does when the fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It asks whether versions, and then `latest`, are there.
    Presence,
    /// It reads what `latest` is: manifest and configuration.
    Reading,
    /// It reads whether it built a version itself, by the digest.
    Own,
    /// It, or the engine, fetches a token.
    Token,
    /// The engine sends layers and configurations.
    PushBlobs,
    /// The engine sends a manifest.
    PushManifest,
    /// It puts what came under its version.
    PutVersion,
    /// It lists the tags, where there is no `latest`.
    Tags,
    /// It moves `latest`.
    PutLatest,
    /// It reads back what came, and asks for the tags that it gave.
    Confirm,
}

const DOINGS: [Doing; 10] = [
    Doing::Presence,
    Doing::Reading,
    Doing::Own,
    Doing::Token,
    Doing::PushBlobs,
    Doing::PushManifest,
    Doing::PutVersion,
    Doing::Tags,
    Doing::PutLatest,
    Doing::Confirm,
];

pub(super) fn rules(doing: Doing, position: Position) -> Vec<(Operation, RangeInclusive<usize>)> {
    use Operation::{
        FinishUpload, GetBlob, GetManifest, HeadManifest, ListTags, PutIncoming, PutLatest,
        PutManifest, ReadBack, StartUpload, Token, WriteUpload,
    };
    match (doing, position) {
        (Doing::Presence, Position::First) => vec![(HeadManifest, 1..=1)],
        (Doing::Presence, Position::Middle) => vec![(HeadManifest, 5..=5)],
        (Doing::Presence, Position::Always) => vec![(HeadManifest, ALWAYS)],
        (Doing::Reading, Position::First) => vec![(GetManifest, 1..=1)],
        // Three are read before, to compare what went into the images.
        (Doing::Reading, Position::Middle) => vec![(GetBlob, 5..=5)],
        (Doing::Reading, Position::Always) => {
            vec![(GetManifest, ALWAYS), (ReadBack, ALWAYS), (GetBlob, ALWAYS)]
        }
        (Doing::Own | Doing::Confirm, Position::First) => vec![(ReadBack, 1..=1)],
        (Doing::Own, Position::Middle) => vec![(ReadBack, 4..=4)],
        (Doing::Own, Position::Always) => vec![(ReadBack, ALWAYS)],
        (Doing::Token, Position::First) => vec![(Token, 1..=1)],
        (Doing::Token, Position::Middle) => vec![(Token, 7..=7)],
        (Doing::Token, Position::Always) => vec![(Token, ALWAYS)],
        (Doing::PushBlobs, Position::First) => vec![(StartUpload, 1..=1)],
        (Doing::PushBlobs, Position::Middle) => vec![(WriteUpload, 2..=2)],
        (Doing::PushBlobs, Position::Always) => vec![(FinishUpload, ALWAYS)],
        (Doing::PushManifest, Position::First) => vec![(PutIncoming, 1..=1)],
        (Doing::PushManifest, Position::Middle) => vec![(PutIncoming, 2..=2)],
        (Doing::PushManifest, Position::Always) => vec![(PutIncoming, ALWAYS)],
        (Doing::PutVersion, Position::First) => vec![(PutManifest, 1..=1)],
        (Doing::PutVersion, Position::Middle) => vec![(PutManifest, 2..=2)],
        (Doing::PutVersion, Position::Always) => vec![(PutManifest, ALWAYS)],
        (Doing::Confirm, Position::Middle) => vec![(ReadBack, 2..=2)],
        // The plan asks for three versions before.
        (Doing::Confirm, Position::Always) => vec![(HeadManifest, 4..=usize::MAX)],
        (Doing::Tags, Position::First) => vec![(ListTags, 1..=1)],
        (Doing::Tags, Position::Middle) => vec![(ListTags, 2..=2)],
        (Doing::Tags, Position::Always) => vec![(ListTags, ALWAYS)],
        (Doing::PutLatest, Position::First) => vec![(PutLatest, 1..=1)],
        (Doing::PutLatest, Position::Middle) => vec![(PutLatest, 2..=2)],
        (Doing::PutLatest, Position::Always) => vec![(PutLatest, ALWAYS)],
    }
}

/// One fault at one place.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) fault: (&'static str, Fault),
    pub(super) doing: Doing,
    pub(super) position: Position,
}

impl Case {
    /// Tells whether the fault can do anything: nobody looks at the digest of an answer that is no manifest.
    fn is_one(&self) -> bool {
        let is_elsewhere = matches!(self.doing, Doing::Token | Doing::PushBlobs | Doing::Tags)
            || (self.doing, self.position) == (Doing::Reading, Position::Middle);
        !(self.fault.0 == "wrong digest" && is_elsewhere)
    }

    /// Gives the exit codes with which the run may end: 1 where a registry refuses, 4 where it is in trouble or is none,
    /// and 0 where the trouble passed or nothing depends on it.
    pub(super) fn expected(&self) -> &'static [i32] {
        use Position::{Always, First, Middle};
        let fault = match self.fault.0 {
            "401" | "403" => Kind::Denied,
            "404" => Kind::Absent,
            "413" => Kind::TooLarge,
            "wrong digest" => Kind::OtherDigest,
            "HTML with 200" => Kind::Page,
            "silence" => Kind::Silence,
            "a byte a second" => Kind::Trickle,
            "truncated" => Kind::Cut,
            _ => Kind::Trouble,
        };
        match (self.doing, self.position) {
            (Doing::Presence, position) => match fault {
                Kind::OtherDigest | Kind::Page => &[0],
                _ if fault.passes(position) => &[0],
                _ => &[4],
            },
            // The first one is asked for what went into the image, and no more than a warning depends on it.
            (Doing::Own, First) => &[0],
            (Doing::Reading | Doing::Own, position)
            | (Doing::Token, position @ (First | Always)) => {
                if fault.passes(position) {
                    &[0]
                } else {
                    &[4]
                }
            }
            // It may be the engine's, which hands on text.
            (Doing::Token, Middle) => match fault {
                Kind::Denied => &[1],
                Kind::Absent | Kind::TooLarge | Kind::Page => &[1, 4],
                _ => &[0],
            },
            (Doing::PushBlobs | Doing::PushManifest, position) => {
                fault.pushed((self.doing, position))
            }
            (Doing::PutVersion | Doing::PutLatest, position) => match fault {
                // Nothing was put. For `latest` the next try finds that.
                Kind::Page if self.doing == Doing::PutLatest && position != Always => &[0],
                Kind::Denied | Kind::Absent | Kind::TooLarge | Kind::Page => &[1],
                // It was put, and that is found.
                Kind::OtherDigest | Kind::Trickle | Kind::Cut => &[0],
                _ if fault.passes(position) => &[0],
                _ => &[4],
            },
            (Doing::Tags, position) => match fault {
                // There is no `latest` that could go back.
                Kind::Denied | Kind::Absent => &[0],
                Kind::TooLarge => &[1],
                _ if fault.passes(position) => &[0],
                _ => &[4],
            },
            (Doing::Confirm, First | Middle) => match fault {
                Kind::Denied | Kind::Absent | Kind::TooLarge => &[1],
                _ if fault.passes(First) => &[0],
                _ => &[4],
            },
            (Doing::Confirm, Always) => match fault {
                Kind::Denied | Kind::OtherDigest => &[1],
                Kind::Page => &[0],
                _ => &[4],
            },
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
    Trickle,
    Cut,
    /// What may pass, with a status or without one.
    Trouble,
}

impl Kind {
    /// Tells whether this program tries again, and gets another answer.
    fn passes(self, position: Position) -> bool {
        let may_pass = matches!(
            self,
            Self::Silence | Self::Trickle | Self::Cut | Self::Trouble
        );
        may_pass && position != Position::Always
    }

    /// Gives the codes for what the engine meets and hands on as text: it tries again by rules of its own.
    fn pushed(self, (doing, position): (Doing, Position)) -> &'static [i32] {
        use Position::{Always, First, Middle};
        match (self, doing, position) {
            (Self::Silence, ..)
            | (Self::Trickle, Doing::PushBlobs, _)
            | (Self::Trouble, _, Always) => &[4],
            (Self::TooLarge | Self::Page, Doing::PushBlobs, First | Middle)
            | (Self::Absent, Doing::PushBlobs, Middle)
            | (Self::OtherDigest | Self::Trickle | Self::Cut | Self::Trouble, ..) => &[0],
            (Self::Denied | Self::Absent | Self::TooLarge | Self::Page, ..) => &[1],
        }
    }
}

/// Gives the cases of a run: all of them, or those that need no long wait.
pub(super) fn cases() -> Vec<Case> {
    let all = are_all_asked_for();
    let mut cases = Vec::new();
    for fault in faults() {
        for doing in DOINGS {
            for position in POSITIONS {
                // The engine tries for a minute what looks as if it may pass, and is silent for five.
                let is_short = match (fault.0, doing) {
                    ("silence" | "a byte a second", _) => false,
                    (_, Doing::PushBlobs) => fault.0 == "403" && position == Position::First,
                    (name, _) => {
                        matches!(name, "403" | "404" | "429, date" | "500" | "truncated")
                            && position != Position::Middle
                    }
                };
                let case = Case {
                    fault: fault.clone(),
                    doing,
                    position,
                };
                if (all || is_short) && case.is_one() {
                    cases.push(case);
                }
            }
        }
    }
    cases
}
