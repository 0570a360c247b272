//! Plans of orders about a portal customer: its log-in, its packs, and the mailboxes that a pack gives.
//!
//! The mail system is told whenever what it shows would change: mailboxes that begin, end or come back, and the
//! password that opens them.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Instruction, Plan, PortalBooks, PortalChange, broken, mismatched};
use crate::Order;
use crate::driver::OnceKey;
use crate::mail::{Fence, MailCommand, Mailbox, MailboxKind};
use crate::order::MailTerms;
use crate::portal::{Pack, PortalCustomer};
use crate::ticket::Failure;

pub(super) fn plan(order: &Order, books: &PortalBooks, once: OnceKey) -> Result<Plan, Failure> {
    let mut change = unchanged(books);
    match order {
        Order::PortalEnable => {
            set_password(&mut change, books)?;
            change.enabled = true;
            change.own_password = false;
        }
        Order::PortalDisable => {
            known(books)?;
            change.ends_sessions = change.enabled;
            change.enabled = false;
        }
        Order::PortalPassword { own } => {
            known(books)?;
            set_password(&mut change, books)?;
            change.own_password |= own;
            // One that is only hashed anew opens the same doors as before.
            change.ends_sessions = *own;
        }
        Order::PackEnable { pack, mail } => {
            known(books)?;
            change.packs = Some(with(&books.record.packs, pack));
            if let Some(terms) = mail {
                change.mailboxes = Some(working(&books.record.mailboxes, pack, terms));
            }
        }
        Order::PackDisable { pack, mail_kept_days } => {
            known(books)?;
            let others = books.record.packs.iter().filter(|other| !other.name.is(&pack.name));
            change.packs = Some(others.cloned().collect());
            if let Some(days) = mail_kept_days {
                let until = kept_until(books.raised, *days);
                change.mailboxes = Some(switched_off(&books.record.mailboxes, until));
            }
        }
        Order::Connect(_)
        | Order::Disconnect
        | Order::Rename { .. }
        | Order::AddBar { .. }
        | Order::RemoveBar { .. }
        | Order::AddBolton { .. }
        | Order::RemoveBolton { .. }
        | Order::ApplyTemplate { .. }
        | Order::ChangeSim { .. }
        | Order::Reassert => return Err(mismatched()),
    }
    change.mailboxes = change.mailboxes.filter(|after| *after != books.record.mailboxes);
    let command =
        tell_mail(order, &change, books, once).map(|command| Instruction::Mail(Box::new(command)));
    Ok(Plan { command, change: Change { portal: Some(change), ..Change::default() } })
}

fn unchanged(books: &PortalBooks) -> PortalChange {
    let now = books.record.customer.as_ref();
    PortalChange {
        id: books.id.clone(),
        enabled: now.is_some_and(|customer| customer.enabled),
        own_password: now.is_some_and(|customer| customer.own_password),
        ends_sessions: false,
        secret: None,
        packs: None,
        mailboxes: None,
    }
}

fn known(books: &PortalBooks) -> Result<&PortalCustomer, Failure> {
    books
        .record
        .customer
        .as_ref()
        .ok_or_else(|| broken("the portal customer is not known any more"))
}

fn set_password(change: &mut PortalChange, books: &PortalBooks) -> Result<(), Failure> {
    let secret = books.new_secret.clone().ok_or_else(|| broken("the ticket's password is gone"))?;
    change.secret = Some(secret);
    change.ends_sessions = true;
    Ok(())
}

/// `packs` with `pack` in its place by name.
fn with(packs: &[Pack], pack: &Pack) -> Vec<Pack> {
    let mut packs: Vec<Pack> =
        packs.iter().filter(|other| !other.name.is(&pack.name)).cloned().collect();
    packs.push(pack.clone());
    packs.sort_by(|a, b| a.name.cmp(&b.name));
    packs
}

/// Mailboxes of a customer whose mail pack is active: those that work go on, and as far as the pack reaches, those that
/// were switched off come back with their mail. There is always a primary one.
fn working(mailboxes: &[Mailbox], pack: &Pack, terms: &MailTerms) -> Vec<Mailbox> {
    let mut mailboxes = mailboxes.to_vec();
    if !mailboxes.iter().any(Mailbox::is_primary) {
        let primary = Mailbox {
            address: terms.primary.clone(),
            kind: MailboxKind::Primary,
            forward: None,
            keep_copy: false,
            quota_bytes: terms.mailbox_bytes,
            kept_until: None,
        };
        mailboxes.insert(0, primary);
    }
    let used = mailboxes.iter().filter(|mailbox| mailbox.works()).count();
    let free = pack.value.count().map_or(0, |count| count as usize).saturating_sub(used);
    for mailbox in mailboxes.iter_mut().filter(|mailbox| !mailbox.works()).take(free) {
        mailbox.kept_until = None;
    }
    mailboxes
}

fn switched_off(mailboxes: &[Mailbox], until: Timestamp) -> Vec<Mailbox> {
    let off = |one: &Mailbox| Mailbox {
        kept_until: Some(one.kept_until.unwrap_or(until)),
        ..one.clone()
    };
    mailboxes.iter().map(off).collect()
}

fn kept_until(raised: Timestamp, days: u16) -> Timestamp {
    raised.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(raised)
}

/// What the mail system is told by an order that is about mail, also when it should be so already: what a ticket that was
/// taken back in doubt left there is put right by the next one.
fn tell_mail(
    order: &Order,
    change: &PortalChange,
    books: &PortalBooks,
    once: OnceKey,
) -> Option<MailCommand> {
    let about_mail = match order {
        Order::PackEnable { mail, .. } => mail.is_some(),
        Order::PackDisable { mail_kept_days, .. } => mail_kept_days.is_some(),
        _ => change.secret.is_some(),
    };
    let mailboxes = change.mailboxes.as_ref().unwrap_or(&books.record.mailboxes);
    (about_mail && !mailboxes.is_empty()).then(|| MailCommand {
        fence: Fence {
            generation: books.generation,
            version: books.record.customer.as_ref().map_or(0, |customer| customer.version) + 1,
            ticket: once.ticket.number(),
            epoch: once.epoch,
        },
        customer: books.id.clone(),
        secret: change.secret.clone().or_else(|| books.record.secret.clone()),
        mailboxes: mailboxes.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::{PackMeasure, PackValue, PortalRecord, PortalSecret, SecretForm};
    use crate::ticket::FailureKind;
    use crate::{PackName, TicketId};

    fn secret(phc: &str) -> PortalSecret {
        PortalSecret { phc: phc.into(), form: SecretForm::Md5Hex }
    }

    fn books() -> PortalBooks {
        let customer =
            PortalCustomer { enabled: true, own_password: true, sessions: 3, version: 7 };
        PortalBooks {
            id: "kommitt/10953".parse().unwrap(),
            record: PortalRecord {
                customer: Some(customer),
                secret: Some(secret("old")),
                packs: Vec::new(),
                mailboxes: Vec::new(),
            },
            new_secret: None,
            raised: Timestamp::from_second(1_800_000_000).unwrap(),
            generation: 4,
        }
    }

    fn mail(value: &str) -> Pack {
        let name: PackName = "Mail".parse().unwrap();
        Pack { name, value: PackValue::parse(PackMeasure::Count, value).unwrap() }
    }

    fn enable_mail(value: &str) -> Order {
        let primary = "10953@rapeedo.net".parse().unwrap();
        Order::PackEnable { pack: mail(value), mail: Some(MailTerms { primary, mailbox_bytes: 9 }) }
    }

    fn planned(order: &Order, books: &PortalBooks) -> (Option<MailCommand>, PortalChange) {
        let plan = plan(order, books, OnceKey { ticket: TicketId::FIRST, epoch: 2 }).unwrap();
        let command = plan.command.map(|command| match command {
            Instruction::Mail(command) => *command,
            Instruction::Network(command) => panic!("{command:?}"),
        });
        (command, plan.change.portal.unwrap())
    }

    fn after(books: &PortalBooks, change: &PortalChange) -> PortalBooks {
        let mut after = books.clone();
        let record = &mut after.record;
        record.packs = change.packs.clone().unwrap_or(record.packs.clone());
        record.mailboxes = change.mailboxes.clone().unwrap_or(record.mailboxes.clone());
        after
    }

    #[test]
    fn the_first_mail_pack_creates_the_primary_mailbox_and_another_value_leaves_it_as_it_is() {
        let (command, change) = planned(&enable_mail("5"), &books());
        let command = command.unwrap();
        assert_eq!(
            command.fence,
            Fence { generation: 4, version: 8, ticket: TicketId::FIRST.number(), epoch: 2 }
        );
        assert_eq!(command.secret, Some(secret("old")));
        assert_eq!(command.mailboxes[0].address.as_str(), "10953@rapeedo.net");
        let (again, change) = planned(&enable_mail("6"), &after(&books(), &change));
        assert_eq!(again.unwrap().mailboxes, command.mailboxes, "told again, and the same");
        assert_eq!((change.packs, change.mailboxes), (Some(vec![mail("6")]), None));
    }

    #[test]
    fn a_pack_that_the_catalogue_respelled_is_still_the_same_pack() {
        let mut old = books();
        old.record.packs = vec![Pack { name: "MAIL".parse().unwrap(), ..mail("3") }];
        let (_, change) = planned(&enable_mail("5"), &old);
        assert_eq!(change.packs, Some(vec![mail("5")]));
        let disable = Order::PackDisable { pack: mail("3"), mail_kept_days: Some(30) };
        assert_eq!(planned(&disable, &old).1.packs, Some(Vec::new()));
    }

    #[test]
    fn a_disabled_pack_keeps_its_mailboxes_for_a_time_and_the_next_one_revives_them() {
        let (_, change) = planned(&enable_mail("5"), &books());
        let active = after(&books(), &change);
        let disable = Order::PackDisable { pack: mail("5"), mail_kept_days: Some(30) };
        let (command, change) = planned(&disable, &active);
        let until = active.raised + SignedDuration::from_hours(720);
        assert_eq!(command.unwrap().mailboxes[0].kept_until, Some(until));
        assert_eq!(change.packs, Some(Vec::new()));
        let (command, _) = planned(&enable_mail("1"), &after(&active, &change));
        assert!(command.unwrap().mailboxes[0].works());
    }

    #[test]
    fn a_smaller_pack_after_a_disabled_one_revives_as_many_mailboxes_as_it_allows() {
        let (_, change) = planned(&enable_mail("3"), &books());
        let mut active = after(&books(), &change);
        for name in ["a", "b"] {
            let address = format!("{name}@rapeedo.net").parse().unwrap();
            let kind = MailboxKind::Additional;
            active.record.mailboxes.push(Mailbox {
                address,
                kind,
                ..active.record.mailboxes[0].clone()
            });
        }
        let disable = Order::PackDisable { pack: mail("3"), mail_kept_days: Some(30) };
        let off = after(&active, &planned(&disable, &active).1);
        let (command, _) = planned(&enable_mail("2"), &off);
        let works: Vec<bool> = command.unwrap().mailboxes.iter().map(Mailbox::works).collect();
        assert_eq!(works, [true, true, false]);
    }

    #[test]
    fn a_new_password_reaches_the_mail_system_only_where_it_opens_a_mailbox() {
        let reset = PortalBooks { new_secret: Some(secret("new")), ..books() };
        let (command, change) = planned(&Order::PortalEnable, &reset);
        assert_eq!(command, None);
        assert!(change.enabled && !change.own_password && change.ends_sessions);
        let (_, packs) = planned(&enable_mail("5"), &books());
        let (command, _) = planned(&Order::PortalEnable, &after(&reset, &packs));
        assert_eq!(command.unwrap().secret, Some(secret("new")));
    }

    #[test]
    fn only_a_password_of_the_customers_own_counts_as_changed_and_ends_sessions() {
        let mut known = PortalBooks { new_secret: Some(secret("new")), ..books() };
        known.record.customer.as_mut().unwrap().own_password = false;
        let (_, change) = planned(&Order::PortalPassword { own: false }, &known);
        assert!(!change.own_password && !change.ends_sessions && change.enabled);
        let (_, change) = planned(&Order::PortalPassword { own: true }, &known);
        assert!(change.own_password && change.ends_sessions);
    }

    #[test]
    fn disabling_ends_sessions_once_and_leaves_mail_alone() {
        let (command, change) = planned(&Order::PortalDisable, &books());
        assert!(command.is_none() && change.ends_sessions && !change.enabled);
        let mut disabled = books();
        disabled.record.customer.as_mut().unwrap().enabled = false;
        assert!(!planned(&Order::PortalDisable, &disabled).1.ends_sessions);
    }

    #[test]
    fn what_the_books_do_not_allow_fails_instead_of_reaching_the_mail_system() {
        let mut gone = books();
        gone.record.customer = None;
        let once = OnceKey { ticket: TicketId::FIRST, epoch: 1 };
        for (order, books) in [
            (enable_mail("1"), &gone),
            (Order::PortalDisable, &gone),
            (Order::PortalEnable, &books()), // its password is gone
            (Order::Disconnect, &books()),
        ] {
            assert_eq!(
                plan(&order, books, once).unwrap_err().kind,
                FailureKind::Books,
                "{order:?}"
            );
        }
    }
}
