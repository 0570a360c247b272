//! Drivers to the south: the simulated network, and the suite every driver must pass
