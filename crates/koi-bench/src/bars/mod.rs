//! How each bar is measured. One file per stage of the run; they share [`rounds`].

pub(crate) mod compare;
pub(crate) mod contender;
pub(crate) mod hot_path;
pub(crate) mod public_log;
mod rounds;
pub(crate) mod scaling;
pub(crate) mod stored;
