//! What our own tickets once asked a network for, worked out from the orders of a SIM.

use super::service::{connected, set_products, subscription};
use crate::driver::Subscription;
use crate::{Msisdn, Order, Service, SimRecord, TicketState};

/// One ticket of a SIM, as far as it tells what the network was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it ordered.
    pub order: Order,
    /// Where it stands.
    pub state: TicketState,
    /// The number it was about.
    pub cli: Option<Msisdn>,
}

/// The subscriptions that `tickets` (newest first) asked a network to have for a SIM, newest first and without repetition:
/// also those of tickets that did not complete, whose commands may have been sent all the same. `service` is the newest
/// one that is or was in the SIM.
///
/// Where the SIM's first ticket is not among them (it was adopted, or moved to), each order is applied to the service as
/// it is now; that gives the state of an order that was undone since.
pub fn asked_for(
    sim: &SimRecord,
    service: Option<&Service>,
    tickets: &[Asked],
) -> Vec<Subscription> {
    let now = service.map(subscription);
    let mut states: Vec<Subscription> = now.iter().cloned().collect();
    let mut at: Option<Subscription> = None;
    for asked in tickets.iter().rev() {
        let after = match &asked.order {
            Order::Connect(connect) => {
                let number = asked.cli.clone().or_else(|| sim.msisdn.clone());
                Some(connected(connect, number))
            }
            Order::Disconnect | Order::ChangeSim { .. } => None,
            order => at.clone().or_else(|| now.clone()).map(|before| applied(order, before)),
        };
        let alone = now.clone().map(|now| applied(&asked.order, now));
        states.extend(alone.into_iter().chain(after.clone()));
        if asked.state == TicketState::Completed {
            at = after;
        }
    }
    let mut newest = Vec::with_capacity(states.len());
    for state in states.into_iter().rev() {
        if !newest.contains(&state) {
            newest.push(state);
        }
    }
    newest
}

fn applied(order: &Order, mut to: Subscription) -> Subscription {
    set_products(order, &mut to.tariff, &mut to.products);
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Connect;
    use crate::service::{AppliedBar, Products};
    use crate::{ServiceCode, ServiceStatus, SimState};

    fn sim() -> SimRecord {
        SimRecord {
            iccid: "8910390000015161789".parse().unwrap(),
            imsi: None,
            msisdn: Some("07700900001".parse().unwrap()),
            customer: "1000000".parse().unwrap(),
            network: None,
            state: SimState::InUse,
            version: 1,
        }
    }

    fn service(bars: &[&str]) -> Service {
        Service {
            code: ServiceCode::FIRST,
            name: "Marion Gomez".parse().unwrap(),
            status: ServiceStatus::Active,
            cli: sim().msisdn,
            iccid: sim().iccid,
            network: "AS".parse().unwrap(),
            contract: "1000274".parse().unwrap(),
            customer: sim().customer,
            tariff: "T".parse().unwrap(),
            group: None,
            products: Products { bars: bars.iter().map(|code| bar(code)).collect(), ..products() },
        }
    }

    fn products() -> Products {
        Products { apns: vec!["APN".parse().unwrap()], ..Products::default() }
    }

    fn bar(code: &str) -> AppliedBar {
        AppliedBar { code: code.parse().unwrap(), suspends: true }
    }

    fn connect() -> Order {
        Order::Connect(Connect {
            name: "Marion Gomez".parse().unwrap(),
            contract: "1000274".parse().unwrap(),
            tariff: "T".parse().unwrap(),
            apns: products().apns,
            group: None,
        })
    }

    fn add(code: &str) -> Order {
        Order::AddBar { bar: bar(code) }
    }

    fn remove(code: &str) -> Order {
        Order::RemoveBar { bar: code.parse().unwrap() }
    }

    /// Completed tickets, newest first.
    fn done(orders: Vec<Order>) -> Vec<Asked> {
        let asked = |order| Asked { order, state: TicketState::Completed, cli: None };
        orders.into_iter().rev().map(asked).collect()
    }

    #[test]
    fn every_state_between_two_tickets_was_asked_for() {
        let tickets = done(vec![connect(), add("A"), add("B"), remove("A")]);
        let states = asked_for(&sim(), Some(&service(&["B"])), &tickets);
        for bars in [&[][..], &["A"], &["A", "B"], &["B"]] {
            assert!(states.contains(&subscription(&service(bars))), "{bars:?}: {states:?}");
        }
        assert!(!states.contains(&subscription(&service(&["C"]))));
    }

    #[test]
    fn a_ticket_that_was_taken_back_may_have_been_sent() {
        let mut tickets = done(vec![connect(), add("A"), remove("A")]);
        tickets[1].state = TicketState::Cancelled;
        let states = asked_for(&sim(), Some(&service(&[])), &tickets);
        assert!(states.contains(&subscription(&service(&["A"]))));
        let never = [Asked { state: TicketState::Failed, ..done(vec![connect()]).remove(0) }];
        assert_eq!(asked_for(&sim(), None, &never), [subscription(&service(&[]))]);
    }

    #[test]
    fn of_a_sim_without_its_first_ticket_an_order_that_was_undone_is_known() {
        let states = asked_for(&sim(), Some(&service(&[])), &done(vec![add("A"), remove("A")]));
        assert!(states.contains(&subscription(&service(&["A"]))));
        let over = Service { status: ServiceStatus::SwitchedOff, ..service(&["B"]) };
        let states = asked_for(&sim(), Some(&over), &done(vec![Order::Disconnect]));
        assert_eq!(states, [subscription(&service(&["B"]))], "what it had before it ended");
        assert_eq!(asked_for(&sim(), None, &[]), []);
    }
}
