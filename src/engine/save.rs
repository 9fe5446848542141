//! Takes an image out of the engine, as the archive that it writes of it.

use std::io::Write;

use bollard::errors::Error;
use futures_util::StreamExt as _;

use super::{Engine, EngineError};
use crate::oci::Digest;

impl Engine {
    /// Writes the archive of an image, named by its identity, to a file; that the archive is whole is for its reader to say.
    pub async fn save(
        &self,
        id: &Digest,
        out: &mut (impl Write + Send),
    ) -> Result<Result<(), std::io::Error>, EngineError> {
        let action = format!("save {}", id.short());
        let mut parts = std::pin::pin!(self.docker.export_image(id.as_str()));
        loop {
            match tokio::time::timeout(self.patience(), parts.next()).await {
                Ok(Some(Ok(part))) => {
                    if let Err(fault) = out.write_all(&part) {
                        return Ok(Err(fault));
                    }
                }
                Ok(Some(Err(Error::DockerResponseServerError {
                    status_code: 404, ..
                }))) => {
                    return Err(EngineError::Incomplete {
                        action,
                        what: "such image",
                    });
                }
                Ok(Some(Err(error))) => return Err(EngineError::from_client(action, error)),
                Ok(None) => return Ok(Ok(())),
                Err(_) => {
                    let deadline = self.patience();
                    return Err(EngineError::Silent { action, deadline });
                }
            }
        }
    }
}
