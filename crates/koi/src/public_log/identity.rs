//! Who a log is, and the key that it signs with.

use koi_fair::log::{
    Checkpoint, CheckpointError, KeyError, Note, NoteError, SignedCheckpoint, SignerKey, TreeHash,
};
use koi_store::{LogSetting, StoreError, Writer};

/// Why a log cannot be signed for.
#[derive(Debug, thiserror::Error)]
pub enum NoIdentity {
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored secret is none.
    #[error("the secret of the public log's key is damaged")]
    Secret,
    /// The origin is no name for a key.
    #[error("the public log cannot be called {origin:?}: {why}")]
    Origin {
        /// The origin.
        origin: String,
        /// Why not.
        why: KeyError,
    },
}

/// A log's name and key. Both stay what they were when the installation was first served: who has a proof of it, or watches
/// over it, knows them.
#[derive(Debug)]
pub struct Identity {
    origin: String,
    signer: SignerKey,
}

impl Identity {
    /// That of an installation; a new one gets this origin and this secret.
    pub fn settle(writer: &mut Writer, origin: &str, secret: [u8; 32]) -> Result<Self, NoIdentity> {
        // A name that cannot be one is not stored.
        Self::new(origin, secret)?;
        let origin = writer.public_log(LogSetting::Origin, origin)?;
        let stored = writer.public_log(LogSetting::Secret, &hex::encode(secret))?;
        let stored = hex::decode(stored).ok().and_then(|bytes| bytes.try_into().ok());
        Self::new(&origin, stored.ok_or(NoIdentity::Secret)?)
    }

    fn new(origin: &str, secret: [u8; 32]) -> Result<Self, NoIdentity> {
        let signer = SignerKey::from_seed(origin, secret);
        let signer = signer.map_err(|why| NoIdentity::Origin { origin: origin.to_owned(), why })?;
        Ok(Self { origin: origin.to_owned(), signer })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The key that checks what it signs, as text.
    pub fn key(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// The same as a file.
    pub fn key_file(&self) -> Vec<u8> {
        format!("{}\n", self.key()).into_bytes()
    }

    /// Eight letters that tell this log's key from others.
    pub fn short(&self) -> String {
        let key = self.key();
        key.split('+').nth(1).unwrap_or_default().to_owned()
    }

    /// Signs how far the log is.
    pub fn sign(&self, size: u64, root: TreeHash) -> Result<SignedCheckpoint, CheckpointError> {
        Checkpoint::new(&self.origin, size, root)?.sign(&[&self.signer])
    }

    /// What a checkpoint says, if it is of this log.
    pub fn open<'a>(&self, signed: &'a SignedCheckpoint) -> Result<&'a Checkpoint, CheckpointError> {
        signed.open(&self.origin, &[self.signer.verifier()])
    }

    /// Signs a leaf before it is in the log: a promise. Its first line is no checkpoint's of this log.
    pub fn receipt(&self, leaf: &str) -> Result<Note, NoteError> {
        Note::sign(&format!("{}/receipt\n{leaf}\n", self.origin), &[&self.signer])
    }
}
