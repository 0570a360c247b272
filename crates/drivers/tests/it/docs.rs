//! What `docs/drivers.md` shows is what is there.

use std::collections::BTreeMap;

use provisor_domain::catalogue::Network;
use provisor_domain::drift::DriftPolicy;
use provisor_drivers::conformance::Suite;
use provisor_drivers::{DRIVERS, check};
use serde_json::{Map, Value};

use crate::support::world;

#[path = "../../examples/own_driver/driver.rs"]
mod own_driver;

const PAGE: &str = include_str!("../../../../docs/drivers.md");

/// The blocks of code in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    PAGE.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn the_example_is_on_the_page_and_passes_the_suite() {
    let example = include_str!("../../examples/own_driver/driver.rs");
    assert!(blocks("rust").contains(&example), "docs/drivers.md shows another example");
    assert!(example.lines().count() <= 62);
    let driver = own_driver::Memory::default();
    Suite::new(&driver, world()).run().await.unwrap();
}

#[test]
fn the_networks_on_the_page_are_valid() {
    let mut shown = BTreeMap::<String, usize>::new();
    for block in blocks("toml").into_iter().filter(|block| block.contains("[[network]]")) {
        let mut file: Map<String, Value> =
            toml::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        for network in file.remove("network").unwrap().as_array().unwrap() {
            let mut settings = network.as_object().unwrap().clone();
            settings.remove("number_range");
            let code = settings.remove("code").unwrap();
            let driver = settings.remove("driver").unwrap().as_str().unwrap().to_owned();
            *shown.entry(driver.clone()).or_default() += 1;
            let code = code.as_str().unwrap().parse().unwrap();
            let drift = DriftPolicy::default();
            let network = Network { code, driver, number_range: None, drift, settings };
            check(&network).unwrap_or_else(|error| panic!("{error}\n{block}"));
        }
    }
    assert!(shown["http"] >= 3, "{shown:?}");
    assert!(shown.keys().all(|driver| DRIVERS.contains(&&**driver)));
}
