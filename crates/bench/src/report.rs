//! Prints figures: one line each, with the aim where there is one.

use std::time::Duration;

/// The middle one of `values`.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Prints a heading.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

/// Prints a figure with its unit.
pub(crate) fn figure(name: &str, value: f64, unit: &str) {
    println!("  {name:<58} {value:>12.2} {unit}");
}

/// Prints a ratio and whether it meets the aim `at_least`.
pub(crate) fn ratio(name: &str, value: f64, at_least: f64) {
    let word = if value >= at_least { "met" } else { "NOT met" };
    println!("  {name:<58} {value:>12.2} x   (aim >= {at_least}: {word})");
}

/// Prints a figure and whether it meets the aim `at_most`.
pub(crate) fn bound(name: &str, value: f64, at_most: f64, unit: &str) {
    let word = if value <= at_most { "met" } else { "NOT met" };
    println!("  {name:<58} {value:>12.2} {unit}   (aim <= {at_most}: {word})");
}

/// Milliseconds with fractions.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
