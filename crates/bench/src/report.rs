//! Prints figures: one line each, with the aim where there is one.

use std::time::Duration;

/// The middle one of `values`.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Figures of all rounds, in the order in which they came first.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<Series>);

#[derive(Debug)]
struct Series {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
}

impl Rounds {
    /// Adds one round's figure.
    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        match self.0.iter_mut().find(|series| series.name == name) {
            Some(series) => series.values.push(value),
            None => self.0.push(Series { name: name.to_owned(), unit, values: vec![value] }),
        }
    }

    /// Prints the medians.
    pub(crate) fn print(&self) {
        for Series { name, unit, values } in &self.0 {
            figure(name, median(values), unit);
        }
    }

    /// The median of the rounds' ratios, each round's by itself: a slow one is slow for all.
    pub(crate) fn ratio(&self, of: &str, to: &str) -> f64 {
        let values = |name: &str| {
            let series = self.0.iter().find(|series| series.name == name);
            series.map_or(&[][..], |series| &series.values)
        };
        let ratios: Vec<f64> = values(of).iter().zip(values(to)).map(|(of, to)| of / to).collect();
        median(&ratios)
    }
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
