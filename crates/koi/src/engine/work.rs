//! What the engine is given, and what it answers.

use koi_core::command::{Answer, Call, Order};
use koi_core::id::Principal;
use koi_core::idempotency::Asked;
use koi_core::refusal::Refusal;
use koi_core::time::Time;
use koi_store::StoreError;
use tokio::sync::oneshot;

use crate::engine::beacons::Unaccepted;

/// Turns an order's answer into the status and body that are kept for repeats.
pub type Render = Box<dyn Fn(&Answer, Time) -> (u16, String) + Send>;

/// An order of the office, and how it is answered.
pub struct OfficeWork {
    /// What is ordered.
    pub order: Order,
    /// By whom.
    pub by: Principal,
    /// Under which key; `None` for calls that are repeatable by nature.
    pub asked: Option<Asked>,
    /// Why, or with what: for the log.
    pub detail: String,
    /// How it is answered.
    pub render: Render,
}

/// Who wants something out of the ordinary, and why: for the log.
#[derive(Clone, Debug)]
pub struct Why {
    /// Who.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// Work for the engine.
pub enum Work {
    /// A call of the load-bearing path; with a line for the log, if it is to have one.
    Call(Box<Call>, Option<Why>),
    /// An order of the office.
    Office(Box<OfficeWork>),
    /// Moves the sandbox's clock, and does all that falls due by then.
    SetClock(Time),
}

/// Work, and where its outcome goes.
pub struct Job {
    /// The work.
    pub work: Work,
    /// Who waits for the outcome; they may have gone away.
    pub reply: oneshot::Sender<Outcome>,
}

/// What was done.
#[expect(
    clippy::large_enum_variant,
    reason = "moved once, to who waits; a box would cost each call an allocation"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// A call was answered.
    Call {
        /// The answer.
        answer: Answer,
        /// Whether it repeats an earlier one.
        replayed: bool,
    },
    /// An order was carried out.
    Office {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
        /// Whether it repeats an earlier answer.
        replayed: bool,
    },
    /// The clock stands at this time.
    Clock(Time),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The rules say no.
    Refused(Refusal),
    /// The queue is full. Nothing has happened.
    Busy,
    /// A stock is empty, but packets may be due back; more fell due than can be booked while the caller waits.
    /// Nothing has happened.
    CatchingUp,
    /// The storage takes no writes now. Repeating with the same key is safe, and tells.
    Unavailable,
    /// The server is stopping. Repeating with the same key is safe, and tells.
    Stopping,
    /// What was brought is not the round that seals the campaign's stock.
    Unaccepted(Unaccepted),
    /// The clock already stands at this later time.
    ClockBackwards(Time),
    /// An invariant is broken; the log says which. Nothing has happened.
    Fault,
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        if error.is_retryable() { Failure::Unavailable } else { Failure::Fault }
    }
}

/// What became of work.
pub type Outcome = Result<Done, Failure>;
