//! The choice of a driver by the name in the catalogue.

use provisor_domain::catalogue::Network;
use provisor_domain::driver::Outcome;
use provisor_drivers::{build, check};
use serde_json::{Value, json};

use crate::support::{command, present};

fn network(driver: &str, settings: &Value) -> Network {
    Network {
        code: "AS".parse().unwrap(),
        driver: driver.into(),
        number_range: None,
        settings: settings.as_object().unwrap().clone(),
    }
}

#[tokio::test]
async fn a_simulated_network_keeps_its_file_in_the_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let driver = build(&network("simulated", &json!({})), data.path()).unwrap();
    assert_eq!(driver.ensure(&command(1, 1, vec![present(0)])).await, Outcome::Done);
    assert!(data.path().join("network-AS.db").exists());

    let named = json!({ "file": "elsewhere.db", "outage_file": "down" });
    let driver = build(&network("simulated", &named), data.path()).unwrap();
    assert!(data.path().join("elsewhere.db").exists());
    std::fs::write(data.path().join("down"), "").unwrap();
    let outcome = driver.ensure(&command(1, 1, vec![present(0)])).await;
    assert!(matches!(outcome, Outcome::Unavailable { .. }), "{outcome:?}");
}

#[test]
fn an_unknown_driver_and_a_wrong_setting_are_named_before_anything_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let cases = [
        (
            network("osmo-hlr", &json!({})),
            "network AS: there is no driver \"osmo-hlr\"; use one of: simulated",
        ),
        (network("simulated", &json!({ "sed": 1 })), "network AS: unknown setting `sed`"),
    ];
    for (network, message) in cases {
        let error = check(&network).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert_eq!(build(&network, data.path()).unwrap_err().to_string(), error);
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    assert!(check(&network("simulated", &json!({ "latency_ms": 5 }))).is_ok());
}
