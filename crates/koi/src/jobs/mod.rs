//! What the server does by itself, beside the engine: each job is a task that ends when the server stops.

pub(crate) mod beacon;
