//! Verifying.

pub mod made_up;
