//! Randomness as something handed in, so that a run can be repeated from its seed.

use std::sync::{Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A source of jitter. Never used for secrets.
#[derive(Debug)]
pub struct Chance(Mutex<SmallRng>);

impl Chance {
    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(SmallRng::seed_from_u64(seed)))
    }

    /// Another sequence at every start.
    pub fn new() -> Self {
        Self::seeded(rand::random())
    }

    /// A number from 0 to `most`, both included.
    pub(crate) fn up_to(&self, most: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..=most)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}
