//! The catalogue in the store: reading it back, and writing one all at once or not at all.

mod read;
mod stock;
mod write;

pub(super) use read::{asks, network, read, tenant};
pub(super) use write::write;
