//! A round, asked of several relays at once.
//!
//! Relays serve what the chain has signed; whichever answers first with the right signature of the right round wins.
//! A relay can be late, lie or break, and is then named; it can never choose, since nothing is believed that
//! [`Chain::accept`] does not accept. If the network is late, wait and ask again for the same round.
//!
//! ```no_run
//! use koi_fair::beacon::Chain;
//! use koi_fair::beacon::relay::{NotFetched, Relays};
//!
//! let relays = Relays::new(["https://api.drand.sh", "https://drand.cloudflare.com"]);
//! match relays.fetch(&Chain::quicknet(), 1_000) {
//!     Ok(fetched) => println!("{:?}, served by {}", fetched.verified.randomness(), fetched.relay),
//!     Err(NotFetched::NotYet(_)) => println!("the round does not exist yet: ask again later"),
//!     Err(NotFetched::Failed(wrong)) => wrong.iter().for_each(|wrong| println!("{wrong}")),
//! }
//! ```

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use thiserror::Error;
use ureq::Agent;

use super::{BEACON_BYTES_MAX, Beacon, BeaconRefusal, Chain, Verified};

/// How long a relay may take for the whole of its answer, unless another time is set.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The relays that are asked; more are left out.
pub const RELAYS_MAX: usize = 16;

/// Answers of a relay that does not have the round yet: Not Found, and Too Early as newer relays say.
const NOT_YET: [u16; 2] = [404, 425];

/// Relays of drand, by the addresses in front of `/{chain_hash}/public/{round}`.
#[derive(Clone, Debug)]
pub struct Relays {
    addresses: Vec<String>,
    patience: Duration,
}

/// A round that a relay served and that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The round.
    pub verified: Verified,
    /// The relay that served it.
    pub relay: String,
    /// Those that had answered before, and wrongly.
    pub wrong: Vec<Wrong>,
}

/// No relay served the round.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotFetched {
    /// At least one relay says that the round does not exist yet, and none has it. Ask again for the same round.
    #[error("no relay has the round yet")]
    NotYet(Vec<Wrong>),
    /// All failed.
    #[error("no relay served the round: {}", list(.0))]
    Failed(Vec<Wrong>),
}

/// What was wrong with a relay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{relay}: {why}")]
pub struct Wrong {
    /// The relay.
    pub relay: String,
    /// What was wrong.
    pub why: Why,
}

/// What can be wrong with a relay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// It does not have the round yet.
    #[error("it does not have the round yet")]
    NotYet,
    /// It did not answer, or not to the end, in time.
    #[error("it took longer than {} ms", .0.as_millis())]
    Late(Duration),
    /// It could not be reached, or broke off.
    #[error("it could not be asked: {0}")]
    Unreachable(String),
    /// It sends to another address. Relays are asked where they are configured, and nowhere else.
    #[error("it answered {0}, a redirection: configure the address that serves rounds itself")]
    Redirects(u16),
    /// It answered with another status than 200.
    #[error("it answered {0}")]
    Status(u16),
    /// Its round is not accepted.
    #[error("its answer is refused: {0}")]
    Refused(BeaconRefusal),
}

impl Why {
    /// The stable code of what is wrong, for those who count.
    pub fn code(&self) -> &'static str {
        match self {
            Why::NotYet => "not_yet",
            Why::Late(_) => "late",
            Why::Unreachable(_) => "unreachable",
            Why::Redirects(_) => "redirects",
            Why::Status(_) => "status",
            Why::Refused(_) => "refused",
        }
    }
}

impl Relays {
    /// Relays with these addresses, such as `https://api.drand.sh`, which may take [`PATIENCE`]. The first [`RELAYS_MAX`] are asked.
    pub fn new<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Self {
        let addresses = addresses.into_iter().take(RELAYS_MAX).map(|address| {
            let address: String = address.into();
            address.trim_end_matches('/').to_owned()
        });
        Self { addresses: addresses.collect(), patience: PATIENCE }
    }

    /// Where they are.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The same relays, each of which may take so long for the whole of its answer.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Asks all relays for a round and takes the first right answer; it waits no longer than their patience.
    ///
    /// This blocks. Relays that are still being asked when it returns are asked to the end on threads of their own, and not heard.
    ///
    /// # Errors
    ///
    /// [`NotFetched`], with everything that was wrong.
    pub fn fetch(&self, chain: &Chain, round: u64) -> Result<Fetched, NotFetched> {
        let mut wrong = Vec::new();
        for (relay, answered) in self.ask(chain, Some(round)) {
            match answered {
                Ok(verified) => return Ok(Fetched { verified, relay, wrong }),
                Err(why) => wrong.push(Wrong { relay, why }),
            }
        }
        Err(match wrong.iter().any(|wrong| wrong.why == Why::NotYet) {
            true => NotFetched::NotYet(wrong),
            false => NotFetched::Failed(wrong),
        })
    }

    /// Asks each relay for its latest round and waits for all of them, no longer than their patience; the fastest comes
    /// first. Who compares the round's time with a clock of their own sees whether that is right.
    ///
    /// This blocks.
    pub fn latest(&self, chain: &Chain) -> Vec<(String, Result<Verified, Why>)> {
        self.ask(chain, None).into_iter().collect()
    }

    /// Answers as they come, each from a thread of its own: of a round, or of the latest.
    fn ask(&self, chain: &Chain, round: Option<u64>) -> mpsc::Receiver<(String, Result<Verified, Why>)> {
        let (sender, receiver) = mpsc::channel();
        for relay in &self.addresses {
            let (relay, chain, sender, patience) = (relay.clone(), chain.clone(), sender.clone(), self.patience);
            thread::spawn(move || {
                let answered = ask(&relay, &chain, round, patience);
                // Nobody listens any more when another relay was faster.
                _ = sender.send((relay, answered));
            });
        }
        // The channel ends when the last thread has answered: no sender is left here.
        receiver
    }
}

fn ask(relay: &str, chain: &Chain, round: Option<u64>, patience: Duration) -> Result<Verified, Why> {
    let unreachable = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => Why::Late(patience),
        ureq::Error::BodyExceedsLimit(_) => Why::Refused(BeaconRefusal::TooLong),
        error => Why::Unreachable(error.to_string()),
    };
    let wanted = round.map_or_else(|| "latest".to_owned(), |round| round.to_string());
    let url = format!("{relay}/{}/public/{wanted}", hex::encode(chain.hash()));
    let mut answer = agent(relay, patience).get(url).call().map_err(unreachable)?;
    match answer.status().as_u16() {
        200 => {}
        status if NOT_YET.contains(&status) => return Err(Why::NotYet),
        status @ 300..=399 => return Err(Why::Redirects(status)),
        status => return Err(Why::Status(status)),
    }
    let body =
        answer.body_mut().with_config().limit(BEACON_BYTES_MAX as u64).read_to_vec().map_err(unreachable)?;
    let text = str::from_utf8(&body).map_err(|why| Why::Refused(BeaconRefusal::Unreadable(why.to_string())))?;
    let accepted = match round {
        Some(round) => chain.accept(round, text),
        None => Beacon::read(text).and_then(|beacon| chain.verify(&beacon)),
    };
    accepted.map_err(Why::Refused)
}

fn agent(relay: &str, patience: Duration) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(patience));
    // A proxy has no business between two programs on the same machine.
    if ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| relay.starts_with(here)) {
        config = config.proxy(None);
    }
    config.build().into()
}

fn list(wrong: &[Wrong]) -> String {
    match wrong {
        [] => "none is configured".to_owned(),
        wrong => wrong.iter().map(Wrong::to_string).collect::<Vec<_>>().join("; "),
    }
}
