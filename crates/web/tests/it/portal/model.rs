//! Any sequence of calls is answered as a small model of the document answers it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// A call that is made.
#[derive(Debug, Clone)]
enum Step {
    Status,
    Enable,
    Disable,
    Packs,
    PackEnable(&'static str, &'static str),
    PackDisable(&'static str, &'static str),
    Mailboxes,
}

impl Step {
    fn path(&self, id: &str) -> String {
        match self {
            Self::Status => format!("access/{id}/status"),
            Self::Enable => format!("access/{id}/enable/{HASH}"),
            Self::Disable => format!("access/{id}/disable"),
            Self::Packs => format!("pack/{id}/list"),
            Self::PackEnable(pack, value) => format!("pack/{id}/enable/{pack}/{value}"),
            Self::PackDisable(pack, value) => format!("pack/{id}/disable/{pack}/{value}"),
            Self::Mailboxes => format!("mail/{id}/list"),
        }
    }
}

/// What the document says a customer is.
#[derive(Default)]
struct Customer {
    enabled: bool,
    packs: BTreeMap<&'static str, &'static str>,
}

/// What the document says there is.
#[derive(Default)]
struct Model {
    customers: BTreeMap<&'static str, Customer>,
    access: u64,
    packs: u64,
}

impl Model {
    /// The status, and the body of a success.
    fn answer(&mut self, id: &'static str, step: &Step) -> (u16, String) {
        let ok = |rest: String| (200, format!(r#"{{"ParCustId":"{id}",{rest}}}"#));
        let found = self.customers.contains_key(id);
        if let Step::Status = step {
            let enabled = self.customers.get(id).is_some_and(|customer| customer.enabled);
            return ok(format!(
                r#""found":{found},"enabled":{enabled},"pwdchanged":0,"dirty":false"#
            ));
        }
        if let Step::Enable = step {
            self.customers.entry(id).or_default().enabled = true;
            self.access += 1;
            return ok(format!(r#""sequence":{},"dirty":false"#, self.access));
        }
        let Some(customer) = self.customers.get_mut(id) else { return (404, String::new()) };
        match step {
            Step::Status | Step::Enable => unreachable!("answered above"),
            Step::Disable => {
                customer.enabled = false;
                self.access += 1;
                return ok(format!(r#""sequence":{},"dirty":false"#, self.access));
            }
            Step::Packs => {
                let packs = customer.packs.iter().map(|(name, value)| {
                    format!(r#"{{"pack":{{"name":"{name}","value":"{value}"}}}}"#)
                });
                let packs: Vec<_> = packs.collect();
                return ok(format!(r#""dirty":false,"packs":[{}]"#, packs.join(",")));
            }
            Step::Mailboxes => {
                let mail = customer.packs.get("Mail").map(|_| {
                    format!(r#"{{"account":{{"mail":"{id}@rapeedo.net","type":"TYPE_PRIMARY","forward":null}}}}"#)
                });
                return ok(format!(r#""accounts":[{}]"#, mail.unwrap_or_default()));
            }
            Step::PackEnable(pack, value) => {
                customer.packs.insert(pack, value);
            }
            Step::PackDisable(pack, value) => match customer.packs.get(pack) {
                None => return (404, String::new()),
                Some(active) if active != value => return (409, String::new()),
                Some(_) => {
                    customer.packs.remove(pack);
                }
            },
        }
        self.packs += 1;
        ok(format!(r#""sequence":{},"dirty":false"#, self.packs))
    }
}

fn steps() -> impl Strategy<Value = Vec<(&'static str, Step)>> {
    let pack =
        prop::sample::select(vec![("Mail", "1"), ("Mail", "5"), ("Web", "1M"), ("Web", "2G")]);
    let step = prop_oneof![
        1 => Just(Step::Status),
        2 => Just(Step::Enable),
        1 => Just(Step::Disable),
        1 => Just(Step::Packs),
        3 => pack.clone().prop_map(|(pack, value)| Step::PackEnable(pack, value)),
        3 => pack.prop_map(|(pack, value)| Step::PackDisable(pack, value)),
        1 => Just(Step::Mailboxes),
    ];
    prop::collection::vec((prop::sample::select(vec!["Cust01", "10953"]), step), 1..25)
}

async fn holds(steps: Vec<(&'static str, Step)>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let runner = world.run();
    let mut model = Model::default();
    for (id, step) in steps {
        let answer = world.portal(&step.path(id)).await;
        let (status, body) = model.answer(id, &step);
        prop_assert_eq!(answer.status.as_u16(), status, "{:?} for {}: {:?}", step, id, answer);
        if status == 200 {
            // On a machine that is too busy to carry a request out while its caller waits, it is carried out later.
            prop_assert_eq!(answer.body.replace("\"dirty\":true", "\"dirty\":false"), body);
        }
    }
    drop(runner);
    Ok(())
}

#[test]
fn any_sequence_of_calls_is_answered_as_the_model_answers_it() {
    let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
    let checked = TestRunner::new(config)
        .run(&steps(), |steps| tokio::runtime::Runtime::new().unwrap().block_on(holds(steps)));
    checked.unwrap();
}
