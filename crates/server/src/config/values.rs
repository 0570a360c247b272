//! Values of settings, read so that an error says what to write and not which type it was to be.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error};

/// An address and a port.
pub(super) fn address<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    let read = String::deserialize(value).ok().and_then(|text| text.parse().ok());
    read.ok_or_else(|| D::Error::custom("write \"ADDRESS:PORT\", for example \"127.0.0.1:8080\""))
}

/// A number of things of which there must be one.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(value: D) -> Result<usize, D::Error> {
    let read = usize::deserialize(value).ok().filter(|number| *number > 0);
    read.ok_or_else(|| D::Error::custom("write a whole number, 1 or more"))
}

/// A number of things of which there may be none.
pub(super) fn none_or_more<'de, D: Deserializer<'de>>(value: D) -> Result<u32, D::Error> {
    u32::deserialize(value)
        .map_err(|_| D::Error::custom(format!("write a whole number, 0 to {}", u32::MAX)))
}

/// What is wrong with the environment, in the form that the file's mistakes have: the name, then what to write.
pub(super) fn explained(error: &confique::Error) -> String {
    let text = format!("{error:#}");
    let Some((_, named)) = text.split_once("environment variable `") else { return text };
    match named.split_once('`') {
        Some((name, what)) => {
            let what = what.split_once(": ").map_or(what, |(_, what)| what);
            format!("{name}: {what} (`provisor config template` prints all settings)")
        }
        None => text,
    }
}
