//! One blob on its way: in which way the registry takes it, how far it is, and where it goes on after a failure.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::super::answer::Answer;
use super::super::authorization::Visit;
use super::super::endpoint::Endpoint;
use super::super::error::{Garbage, RegistryError};
use super::super::inquiry::Inquiry;
use super::LocalBlob;
use super::ask::{Begun, Errand, MOST_HOPS};
use super::manner::{Manner, Way};
use super::session::{Session, closing};
use super::source::Source;
use crate::web::{Pace, Patience};

/// How often an upload is begun: a registry that forgets more of them keeps none.
const MOST_SESSIONS: u32 = 6;

/// How often an upload may be where it was before, by the registry's own word.
const MOST_STALLS: u32 = 5;

/// How much longer than for a question is waited for a part to be taken by a registry that limits requests: to be asked how
/// much came, it lets in, and that looks like a queue that moves.
const MOST_PATIENCES: u32 = 3;

/// What an upload has to move by.
const STEP_BYTES: u64 = 64 * 1024;

/// What a registry reads of a blob in a second, at least: some read it all once more before they say that it is there.
const READ_BYTES_A_SECOND: u64 = 8 * 1024 * 1024;

/// What comes after a request.
enum Next {
    /// The next one.
    Go,
    /// Nothing: the registry has it.
    Done,
    /// The upload is lost.
    Anew,
}

/// A blob on its way.
pub(super) struct Sending<'a> {
    inquiry: Inquiry<'a>,
    pace: &'a Pace,
    /// Where it is, when it is there.
    there: &'a Endpoint,
    source: Source,
    blob: LocalBlob<'a>,
    /// How it is sent, and how else.
    manner: Manner,
    /// How far this upload ever was.
    best_bytes: u64,
    /// Whether an upload was lost by an answer: the next one that is lost so is so because of the way.
    lost: bool,
    /// Whether a PUT was sent, whose answer may have been lost.
    closed: bool,
    /// How much time was lost with uploads after the first one that trouble ended.
    lost_for: Option<Duration>,
    /// Since when nothing moves.
    troubled_since: Option<Instant>,
    /// What went wrong last.
    refusal: Option<RegistryError>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(
        (inquiry, pace): (Inquiry<'a>, &'a Pace),
        there: &'a Endpoint,
        blob: &LocalBlob<'a>,
    ) -> Result<Self, RegistryError> {
        let source = Source::open(blob).map_err(|fault| inquiry.local_at(fault, blob.path))?;
        Ok(Self {
            inquiry,
            pace,
            there,
            source,
            blob: *blob,
            manner: Manner::of(blob.size_bytes),
            best_bytes: 0,
            lost: false,
            closed: false,
            lost_for: None,
            troubled_since: None,
            refusal: None,
        })
    }

    /// Sends it until the registry says that it has it.
    pub(super) async fn send(&mut self, begun: Option<Session>) -> Result<(), RegistryError> {
        let mut begun = begun;
        for _ in 0..MOST_SESSIONS {
            self.forget_troubles();
            let mut session = match begun.take() {
                Some(session) => session,
                None => self.begin().await?,
            };
            loop {
                let next = match self.advance(&mut session).await {
                    // The answer to what closed it may be all that was lost.
                    Err(trouble) if self.closed && trouble.may_pass() => {
                        let is_there = self.is_there().await;
                        return is_there
                            .ok()
                            .filter(|there| *there)
                            .map(drop)
                            .ok_or(trouble);
                    }
                    next => next?,
                };
                match next {
                    Next::Go => {}
                    Next::Done => return Ok(()),
                    Next::Anew => break,
                }
            }
            if self.closed && self.is_there().await? {
                return Ok(());
            }
        }
        let lost = || self.inquiry.garbage(Garbage::LostUploads(MOST_SESSIONS));
        Err(self.refusal.take().unwrap_or_else(lost))
    }

    /// Forgets how far a lost upload was, and its troubles: another one begins at nothing, with all patience.
    fn forget_troubles(&mut self) {
        self.best_bytes = 0;
        self.troubled_since = None;
        self.inquiry.visit.patience = Patience::new(self.pace);
    }

    async fn begin(&mut self) -> Result<Session, RegistryError> {
        match self.inquiry.begin_upload().await? {
            Begun::Upload(session) => Ok(session),
            Begun::Mounted => Err(self.inquiry.garbage(Garbage::Contradiction)),
        }
    }

    async fn is_there(&mut self) -> Result<bool, RegistryError> {
        let mut inquiry = Inquiry {
            authorizer: self.inquiry.authorizer,
            registries: self.inquiry.registries,
            visit: Visit {
                transport: self.inquiry.visit.transport,
                endpoint: self.there,
                patience: self.inquiry.visit.patience.clone(),
            },
            wanted: self.inquiry.wanted,
        };
        inquiry.has_blob(self.blob.size_bytes).await
    }

    /// Does the next step of an upload.
    async fn advance(&mut self, session: &mut Session) -> Result<Next, RegistryError> {
        let sought = self.source.seek(session.taken_bytes).await;
        sought.map_err(|fault| self.inquiry.local(fault, &self.source))?;
        let errand = self.next_errand(session);
        self.closed |= errand.method == Method::PUT;
        let began = Instant::now();
        let answer = if errand.range.is_empty() {
            self.inquiry.run(&errand).await?
        } else {
            session.sent_bytes = session.sent_bytes.max(errand.range.end);
            match self.inquiry.run_with(&errand, &mut self.source).await? {
                Ok(answer) => answer,
                Err(trouble) => {
                    let since = *self.troubled_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > self.pace.patience * MOST_PATIENCES {
                        return Err(trouble);
                    }
                    self.refusal = Some(trouble);
                    return match self.recover(session).await? {
                        Next::Anew => self.lose_in_trouble(began),
                        next => Ok(next),
                    };
                }
            }
        };
        self.judge(session, &errand, answer).await
    }

    fn next_errand(&self, session: &Session) -> Errand {
        let (taken, size) = (session.taken_bytes, self.source.size_bytes());
        let is_fresh = taken == 0 && size > 0;
        let closing = || closing(&session.place, self.blob.digest);
        let patience = self.pace.request + Duration::from_secs(size / READ_BYTES_A_SECOND);
        let patch = |end, tells_range| Errand {
            range: taken..end,
            tells_range,
            ..Errand::bare(Method::PATCH, session.place.clone())
        };
        match self.manner.way() {
            _ if taken == size => Errand {
                patience,
                ..Errand::bare(Method::PUT, closing())
            },
            Way::Whole if is_fresh => Errand {
                range: 0..size,
                patience,
                ..Errand::bare(Method::PUT, closing())
            },
            Way::Stream if is_fresh => patch(size, false),
            _ => {
                let most = self.manner.part_bytes(session.chunk_bytes);
                patch(size.min(taken.saturating_add(most)), true)
            }
        }
    }

    /// Finds out what an answer means for an upload.
    async fn judge(
        &mut self,
        session: &mut Session,
        errand: &Errand,
        answer: Answer,
    ) -> Result<Next, RegistryError> {
        let is_put = errand.method == Method::PUT;
        match answer.status.as_u16() {
            200 | 201 | 204 if is_put => {
                self.inquiry.digest_header(&answer)?;
                Ok(Next::Done)
            }
            200 | 201 | 202 | 204 if !is_put => {
                self.follow(session, &answer)?;
                let taken = match session.find_taken(&answer) {
                    Some(taken) => taken,
                    None if answer.headers.contains_key(reqwest::header::RANGE) => {
                        return Err(self.inquiry.garbage(Garbage::Range));
                    }
                    None => errand.range.end,
                };
                if taken == errand.range.end {
                    self.source.note_taken();
                }
                self.take_up(session, taken)
            }
            307 | 308 if session.hops < MOST_HOPS => {
                session.hops += 1;
                let leads = answer.headers.contains_key(reqwest::header::LOCATION);
                if !leads {
                    return Err(self.inquiry.garbage(Garbage::Redirect));
                }
                self.follow(session, &answer)?;
                Ok(Next::Go)
            }
            404 => self.lose(answer),
            416 if !is_put => match session.find_taken(&answer) {
                Some(taken) => {
                    self.follow(session, &answer)?;
                    self.take_up(session, taken)
                }
                None if session.taken_bytes == 0 => self.turn_to_another_way(answer),
                None => self.ask_again(session, answer).await,
            },
            400 if is_put && (errand.range.is_empty() || is_about_digest(&answer)) => {
                let checked = self.source.check().await;
                checked.map_err(|fault| self.inquiry.local(fault, &self.source))?;
                self.lose(answer)
            }
            413 if !errand.range.is_empty() => self.send_less(session, errand, answer),
            400 | 405 | 411 | 415 | 416 | 501 => self.turn_to_another_way(answer),
            _ => Err(self.inquiry.unexpected(answer)),
        }
    }

    /// After a failure, asks the registry how much came.
    async fn recover(&mut self, session: &mut Session) -> Result<Next, RegistryError> {
        let errand = Errand::bare(Method::GET, session.place.clone());
        let answer = self.inquiry.run(&errand).await?;
        match answer.status.as_u16() {
            200 | 202 | 204 => {
                let Some(taken) = session.find_taken(&answer) else {
                    return Ok(Next::Anew);
                };
                self.follow(session, &answer)?;
                self.check_taken(session, taken)?;
                session.taken_bytes = taken;
                self.note_progress(taken);
                Ok(Next::Go)
            }
            // Why it failed says more than that it is lost.
            300..=499 => Ok(Next::Anew),
            _ => Err(self.inquiry.unexpected(answer)),
        }
    }

    /// Asks how much came after an answer that should have told it; to be sent back to the same place again and again is no way.
    async fn ask_again(
        &mut self,
        session: &mut Session,
        answer: Answer,
    ) -> Result<Next, RegistryError> {
        match self.recover(session).await? {
            Next::Go => self.take_up(session, session.taken_bytes),
            Next::Done => Ok(Next::Done),
            Next::Anew => self.lose(answer),
        }
    }

    /// Goes on where the registry says that it is, as long as that moves.
    fn take_up(&mut self, session: &mut Session, taken: u64) -> Result<Next, RegistryError> {
        self.check_taken(session, taken)?;
        session.taken_bytes = taken;
        self.note_progress(taken);
        if self.is_step(session.best_bytes, taken) {
            session.best_bytes = taken;
            session.stalls = 0;
            session.hops = 0;
            return Ok(Next::Go);
        }
        session.stalls += 1;
        if session.stalls > MOST_STALLS {
            return Err(self.inquiry.garbage(Garbage::Stalled(taken)));
        }
        Ok(Next::Go)
    }

    fn check_taken(&self, session: &Session, taken: u64) -> Result<(), RegistryError> {
        if taken > session.sent_bytes {
            return Err(self.inquiry.garbage(Garbage::Range));
        }
        Ok(())
    }

    /// Notes how far it is; who comes further than ever begins with all patience again.
    fn note_progress(&mut self, taken: u64) {
        if self.is_step(self.best_bytes, taken) {
            self.best_bytes = taken;
            self.troubled_since = None;
            self.inquiry.visit.patience = Patience::new(self.pace);
        }
    }

    /// Tells whether it is worth a name to be here and no longer there: at a byte for each request nobody arrives.
    fn is_step(&self, before: u64, now: u64) -> bool {
        now >= before.saturating_add(STEP_BYTES)
            || (now > before && now == self.source.size_bytes())
    }

    fn follow(&self, session: &mut Session, answer: &Answer) -> Result<(), RegistryError> {
        if session.follow(answer) {
            Ok(())
        } else {
            Err(self.inquiry.lost_way(answer))
        }
    }

    /// Begins anew after an answer by which an upload is lost, and in another way where that is not the first time.
    fn lose(&mut self, answer: Answer) -> Result<Next, RegistryError> {
        if self.lost {
            return self.turn_to_another_way(answer);
        }
        self.lost = true;
        self.refusal = Some(self.inquiry.unexpected(answer));
        Ok(Next::Anew)
    }

    /// Begins anew after trouble by which an upload is lost, as long as there is patience with that: it may come each time.
    fn lose_in_trouble(&mut self, began: Instant) -> Result<Next, RegistryError> {
        let lost = self.lost_for;
        let lost = lost.map_or(Duration::ZERO, |lost| lost + began.elapsed());
        self.lost_for = Some(lost);
        match self.refusal.take() {
            Some(refusal) if lost > self.pace.patience => Err(refusal),
            refusal => {
                self.refusal = refusal;
                Ok(Next::Anew)
            }
        }
    }

    /// Sends less at once after an answer that it was too much.
    fn send_less(
        &mut self,
        session: &Session,
        errand: &Errand,
        answer: Answer,
    ) -> Result<Next, RegistryError> {
        let is_whole = errand.method == Method::PUT;
        let sent_bytes = errand.range.end - errand.range.start;
        if !self.manner.shrink(sent_bytes, session.least_bytes) {
            return self.turn_to_another_way(answer);
        }
        self.refusal = Some(self.inquiry.unexpected(answer));
        // A part that was refused leaves the upload where it was.
        Ok(if is_whole { Next::Anew } else { Next::Go })
    }

    fn turn_to_another_way(&mut self, answer: Answer) -> Result<Next, RegistryError> {
        let refusal = self.inquiry.unexpected(answer);
        if !self.manner.turn() {
            return Err(refusal);
        }
        self.refusal = Some(refusal);
        Ok(Next::Anew)
    }
}

/// Tells whether a registry says that the bytes have another digest (distribution-spec, "Error codes").
fn is_about_digest(answer: &Answer) -> bool {
    let json: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    json.is_some_and(|json| json["errors"][0]["code"] == "DIGEST_INVALID")
}
