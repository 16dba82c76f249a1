//! What the rules of domain.md and api.md say, as data through small `check` functions, on a bench that has no
//! store: see `stage`.

mod audit;
mod books;
mod cancels;
mod cells;
mod claims;
mod commands;
mod expiry;
mod idempotency;
mod limits;
mod numbers;
mod office;
mod pauses;
mod payments;
mod properties;
mod quotes;
mod refunds;
mod rows;
mod rules;
mod stage;
mod words;
