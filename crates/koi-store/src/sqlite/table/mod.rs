//! One file per table: its SQL, and how its rows are read and written.

pub(crate) mod answered;
pub(crate) mod api_key;
mod asked;
pub(crate) mod campaign;
pub(crate) mod cell;
pub(crate) mod code;
pub(crate) mod coupon;
pub(crate) mod coupon_of_shopper;
pub(crate) mod log;
pub(crate) mod merchant;
pub(crate) mod meta;
pub(crate) mod payment;
pub(crate) mod quote;
pub(crate) mod quote_of_key;
pub(crate) mod rate;
pub(crate) mod refund;
pub(crate) mod run;
pub(crate) mod sequenced;
pub(crate) mod slice;
pub(crate) mod sorted;
pub(crate) mod statement;
pub(crate) mod store;
pub(crate) mod transfer;
