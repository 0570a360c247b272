//! Queries: what a caller may see.

pub(crate) mod at_network;
pub(crate) mod contracts;
pub(crate) mod portal;
pub(crate) mod service;
pub(crate) mod ticket;
