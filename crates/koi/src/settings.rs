//! Settings of a server: one table says what there is, and everything else comes from it.
//!
//! ```text
//! command line > environment > file > default
//! ```
//! `table` is the table; `environment` the one place that looks at the process's environment; `file` reads the
//! TOML file; `load` puts the four together and remembers where each value came from; `suggest` guesses what a
//! wrong name was meant to be. Parsing, `koi config show`, `koi config check` and `docs/settings.md` follow.

pub(crate) mod environment;
pub(crate) mod file;
pub(crate) mod load;
pub(crate) mod parse;
pub(crate) mod suggest;
pub(crate) mod table;

use std::path::PathBuf;

use koi_core::limits;
use koi_core::money::Currency;
use koi_core::scene::Settings;
use koi_core::time::{Time, Zone};
use koi_store::Installation;
use koi_store::postgres::Database;
use koi_store::sqlite::Folder;

use crate::public_log::place::Address;
use crate::public_log::witnesses::Witness;

pub use parse::Beacon;

/// What `koi serve` runs with.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The data folder.
    pub data: PathBuf,
    /// The PostgreSQL database that holds everything instead.
    pub database: Option<Database>,
    /// How many cells a new database gets; what one has when it is there already.
    pub cells: Option<u16>,
    /// Connections that write, at most.
    pub writers: usize,
    /// The address to listen on.
    pub listen: String,
    /// What codes lead to; the listening address when absent.
    pub public_url: Option<String>,
    /// Whether fixed keys and a clock of its own are wanted.
    pub sandbox: bool,
    /// Where the sandbox's clock stands.
    pub clock: Option<Time>,
    /// The currency of gross amounts, coupons and what shoppers pay.
    pub wallet_currency: Currency,
    /// The zone of the trading day.
    pub settlement_zone: Zone,
    /// How long a quote without a coupon holds, in seconds.
    pub quote_valid_s: u32,
    /// Where the randomness of campaigns comes from that are approved from now on.
    pub beacon: Beacon,
    /// The relays that are asked for rounds.
    pub beacon_relays: Vec<String>,
    /// Where the files of the public log are; in the data folder when absent.
    pub public_log: Option<Address>,
    /// What a new public log is called.
    pub public_log_origin: Option<String>,
    /// How long the public log waits before it publishes what is new, in seconds.
    pub public_log_s: u32,
    /// Who is asked to cosign the public log.
    pub witnesses: Vec<Witness>,
}

impl Serve {
    /// Where the installation is.
    pub fn installation(&self) -> Installation {
        match &self.database {
            Some(database) => Installation::Database(Box::new(database.clone())),
            None => Installation::Folder(Folder::new(&self.data)),
        }
    }

    /// The settings that decisions need, on an installation of so many cells.
    pub fn rules(&self, cells: u16) -> Settings {
        Settings {
            wallet_currency: self.wallet_currency,
            settlement_zone: self.settlement_zone.clone(),
            quote_valid_s: self.quote_valid_s,
            cancel_minutes: limits::CANCEL_MINUTES,
            refund_days: limits::REFUND_DAYS,
            cells,
        }
    }
}
