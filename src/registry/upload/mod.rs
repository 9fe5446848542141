//! A blob goes into a repository, without an engine (OCI distribution-spec, "Pushing Blobs").
//!
//! ```text
//! HEAD  /v2/base/nginx/blobs/sha256:…                                it is there: nothing is sent
//! POST  /v2/base/nginx/blobs/uploads/?mount=sha256:…&from=base/deb   another repository has it: nothing is sent
//! POST  /v2/base/nginx/blobs/uploads/                                202, and where the upload goes on
//! PATCH …/uploads/4f1c9e?_state=…     Content-Range: 0-10485759      as often as it takes
//! GET   …/uploads/4f1c9e?_state=…                                    after a failure: how much came
//! PUT   …/uploads/4f1c9e?_state=…&digest=sha256:…                    that is all
//! HEAD  /v2/base/nginx/blobs/sha256:…                                only now it counts as sent
//! ```
//!
//! A small blob is in the body of the PUT. A registry that takes it in one way and not in another is asked in all of them
//! before it is said to refuse it.

mod ask;
mod manner;
mod sending;
mod session;
mod source;

use std::path::Path;
use std::time::Duration;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use session::{closing, find_place, parse_range};
pub(super) use source::Outgoing;

use super::client::Client;
use super::endpoint::{Access, Endpoint, Object};
use super::error::{Garbage, RegistryError};
use super::inquiry::Inquiry;
use crate::oci::{Digest, Reference};
use crate::web::{Pace, Patience};
use ask::Begun;
use sending::Sending;
use session::Session;

/// A blob in a file.
#[derive(Clone, Copy, Debug)]
pub struct LocalBlob<'a> {
    /// The digest of its bytes.
    pub digest: &'a Digest,
    /// How many there are.
    pub size_bytes: u64,
    /// The file that holds them and nothing else.
    pub path: &'a Path,
}

/// How a blob came to be in a repository; in each case the registry confirmed that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// It was there already.
    There,
    /// It was in another repository of the registry.
    Mounted,
    /// It was sent.
    Sent,
}

/// How a registry may let a blob come without its bytes.
enum Taken {
    Mounted,
    /// It begins an upload instead.
    Begun(Session),
    /// It does neither.
    No,
}

impl Client {
    /// Brings a blob to the repository of `place`, whose tag and digest do not matter; nothing is sent where the registry has it
    /// there, or in one of the repositories of `from` that are at the same registry.
    ///
    /// It waits for no turn: it lasts too long to keep questions from theirs. Who has many blobs bounds how many go at once.
    ///
    /// The file is opened only when it is sent. Where it does not have the digest and the size, nothing comes into the
    /// repository, and that is the error.
    pub async fn upload(
        &self,
        place: &Reference,
        blob: &LocalBlob<'_>,
        from: &[Reference],
    ) -> Result<Uploaded, RegistryError> {
        let room = Endpoint {
            access: Access::Write,
            ..Endpoint::of(place).sibling(blob.digest.to_string(), Object::Upload)
        };
        let there = room.sibling(blob.digest.to_string(), Object::Blob);
        if self.has_blob(&there, blob).await? {
            return Ok(Uploaded::There);
        }
        let begun = match self.mount(&room, blob, from).await {
            // What is said to be mounted and is not there is sent.
            Taken::Mounted if self.confirm(&there, blob).await.is_ok() => {
                return Ok(Uploaded::Mounted);
            }
            Taken::Begun(session) => Some(session),
            Taken::Mounted | Taken::No => None,
        };
        let inquiry = self.inquiry(&room, Some(blob.digest));
        let mut sending = Sending::new((inquiry, &self.pace), &there, blob)?;
        sending.send(begun).await?;
        self.confirm(&there, blob).await?;
        Ok(Uploaded::Sent)
    }

    /// Fails unless the registry has a blob that it said it took. What takes it need not be what is asked for it, and may be a
    /// moment ahead.
    async fn confirm(&self, there: &Endpoint, blob: &LocalBlob<'_>) -> Result<(), RegistryError> {
        /// In first waits: some ten seconds in all.
        const WAITS: [u32; 5] = [1, 2, 4, 6, 8];
        for wait in WAITS {
            if self.has_blob(there, blob).await? {
                return Ok(());
            }
            tokio::time::sleep(self.pace.first_wait * wait).await;
        }
        if self.has_blob(there, blob).await? {
            return Ok(());
        }
        let inquiry = self.inquiry(there, Some(blob.digest));
        Err(inquiry.garbage(Garbage::Contradiction))
    }

    async fn has_blob(
        &self,
        there: &Endpoint,
        blob: &LocalBlob<'_>,
    ) -> Result<bool, RegistryError> {
        self.inquiry(there, Some(blob.digest))
            .has_blob(blob.size_bytes)
            .await
    }

    /// Asks the registry to take the blob from another of its repositories; what keeps it from that does not keep the blob from
    /// being sent.
    async fn mount(&self, room: &Endpoint, blob: &LocalBlob<'_>, from: &[Reference]) -> Taken {
        let Some(source) = self.find_source(room, blob, from).await else {
            return Taken::No;
        };
        let room = Endpoint {
            mounts_from: Some(source),
            ..room.clone()
        };
        match self.brief_inquiry(&room, blob).begin_upload().await {
            Ok(Begun::Mounted) => Taken::Mounted,
            Ok(Begun::Upload(session)) => Taken::Begun(session),
            // Who may not take it from there may bring it, and who is ill may have got well.
            Err(_) => Taken::No,
        }
    }

    /// Begins a question that there is another way without.
    fn brief_inquiry<'a>(&'a self, endpoint: &'a Endpoint, blob: &LocalBlob<'a>) -> Inquiry<'a> {
        const LITTLE: Duration = Duration::from_secs(5);
        let mut inquiry = self.inquiry(endpoint, Some(blob.digest));
        inquiry.visit.patience = Patience::new(&Pace {
            patience: LITTLE.min(self.pace.patience),
            ..self.pace.clone()
        });
        inquiry
    }

    /// Chooses the repository to mount from. Where there are several, they are asked first: a request to mount what is not there
    /// begins an upload instead, and only one is needed.
    async fn find_source(
        &self,
        room: &Endpoint,
        blob: &LocalBlob<'_>,
        from: &[Reference],
    ) -> Option<String> {
        let mut others: Vec<Endpoint> = Vec::new();
        for endpoint in from.iter().map(Endpoint::of) {
            let is_new = others.iter().all(|it| it.repository != endpoint.repository);
            if endpoint.host == room.host && endpoint.repository != room.repository && is_new {
                others.push(endpoint.sibling(blob.digest.to_string(), Object::Blob));
            }
        }
        let last = others.pop()?;
        for other in others {
            let mut inquiry = self.brief_inquiry(&other, blob);
            match inquiry.has_blob(blob.size_bytes).await {
                Ok(true) => return Some(other.repository),
                // Who is ill is not asked about all of them.
                Err(error) if error.may_pass() => return None,
                // One that may not be asked is none to mount from.
                Ok(false) | Err(_) => {}
            }
        }
        Some(last.repository)
    }
}
