//! What a witness answers: a status, a type of content, a body.

use super::decision::Refusal;
use crate::log::note::{NoteError, Signature};
use crate::log::text;

/// The answer to [`AddCheckpoint`](super::AddCheckpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: cosignatures to be added to the checkpoint, at least one.
    Cosigned(Vec<Signature>),
    /// 400: the body is not a request, or its old size is above the checkpoint's.
    BadRequest,
    /// 403: no key that the witness trusts signed the checkpoint.
    Forbidden,
    /// 404: the witness does not know the log.
    NotFound,
    /// 409: the witness last cosigned another size, which the log should prove from.
    OtherSize(u64),
    /// 409: the witness cosigned another root of the same size.
    OtherRoot,
    /// 422: the consistency proof is not right.
    Unprocessable,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The status is none of the protocol's.
    #[error("the status {0} is not one of a witness")]
    Status(u16),
    /// The body of a 200 is not signature lines.
    #[error("the body is not signature lines: {0}")]
    Signatures(#[from] NoteError),
    /// The body of a 409 of the type of sizes is not a size.
    #[error("the body is not the size of a log")]
    Size,
}

impl Answer {
    /// The type of content of a 409 that tells a size.
    pub const SIZE_TYPE: &str = "text/x.tlog.size";
    const TEXT_TYPE: &str = "text/plain; charset=utf-8";

    /// The status: 200, 400, 403, 404, 409 or 422.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => 200,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::OtherSize(_) | Self::OtherRoot => 409,
            Self::Unprocessable => 422,
        }
    }

    /// The header `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::OtherSize(_) => Self::SIZE_TYPE,
            Self::Cosigned(_)
            | Self::BadRequest
            | Self::Forbidden
            | Self::NotFound
            | Self::OtherRoot
            | Self::Unprocessable => Self::TEXT_TYPE,
        }
    }

    /// The body.
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned(signatures) => signatures.iter().map(ToString::to_string).collect(),
            Self::OtherSize(size) => format!("{size}\n"),
            Self::BadRequest => "this is not a request\n".to_owned(),
            Self::Forbidden => "no trusted key signed the checkpoint\n".to_owned(),
            Self::NotFound => "the log is not known here\n".to_owned(),
            Self::OtherRoot => "another root of this size was cosigned\n".to_owned(),
            Self::Unprocessable => "the consistency proof is not right\n".to_owned(),
        }
    }

    /// Reads an answer. The words of refusals are for people and mean nothing.
    ///
    /// # Errors
    ///
    /// If it is not one of the protocol.
    pub fn parse(status: u16, content_type: &str, body: &str) -> Result<Self, AnswerError> {
        match status {
            200 => {
                let lines = body.split_inclusive('\n').map(str::parse).collect::<Result<Vec<Signature>, _>>()?;
                if lines.is_empty() { Err(NoteError::NoSignatures.into()) } else { Ok(Self::Cosigned(lines)) }
            }
            400 => Ok(Self::BadRequest),
            403 => Ok(Self::Forbidden),
            404 => Ok(Self::NotFound),
            409 if content_type == Self::SIZE_TYPE => {
                let size = body.strip_suffix('\n').and_then(|size| text::number(size).ok());
                size.map(Self::OtherSize).ok_or(AnswerError::Size)
            }
            409 => Ok(Self::OtherRoot),
            422 => Ok(Self::Unprocessable),
            _ => Err(AnswerError::Status(status)),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownLog => Self::NotFound,
            Refusal::NotSigned(_) => Self::Forbidden,
            Refusal::SizesOutOfOrder => Self::BadRequest,
            Refusal::OtherSize { seen } => Self::OtherSize(seen),
            Refusal::OtherRoot => Self::OtherRoot,
            Refusal::ProofWrong(_) => Self::Unprocessable,
        }
    }
}
