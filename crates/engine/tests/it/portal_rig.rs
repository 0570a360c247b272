//! A world with two tenants, whose mail is at network MAIL: a real lookup file, behind faults where a test wants them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use provisor_domain::catalogue::{Network, PackKind, PortalAdoption, Tenant, User};
use provisor_domain::driver::Element;
use provisor_domain::mail::MailboxKind;
use provisor_domain::portal::{Pack, PackMeasure, PackValue, PortalRequest, RequestState};
use provisor_domain::store::{Portal, PortalAuth, PortalFound};
use provisor_domain::{Mailbox, PortalId, Refusal, UserKind};
use provisor_drivers::Surroundings;
use provisor_drivers::mail::{Held, MailStore};
use provisor_engine::{
    Error, LogInError, NetworkFactory, PortalCall, PortalOrder, PortalSession, Raised,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::rig::{HERE, World, catalogue, eventually, network, user};
use crate::running::Script;

/// Nothing that is going well takes so long, however busy the machine.
pub(crate) const LONG: Duration = Duration::from_mins(2);

pub(crate) const ALICE: &str = "kommitt/10953";
/// Adopted with a primary and two additional mailboxes, under a pack of five.
pub(crate) const CROWDED: &str = "kommitt/crowded";

pub(crate) struct PortalWorld {
    pub(crate) world: World,
    pub(crate) mail_dir: Arc<tempfile::TempDir>,
}

/// The MAIL network. `None`: the real driver; otherwise the simulated one with these settings.
pub(crate) fn mail_network(faults: Option<&Value>) -> Network {
    let driver = if faults.is_some() { "simulated-mail" } else { "mail" };
    let settings = faults.cloned().unwrap_or(json!({}));
    Network {
        driver: driver.into(),
        settings: settings.as_object().unwrap().clone(),
        ..network("MAIL")
    }
}

fn tenant(name: &str, mail_domain: &str, networks: &str) -> Tenant {
    let pack = |name: &str, kind| PackKind { name: name.parse().unwrap(), kind };
    Tenant {
        name: name.parse().unwrap(),
        mail_domain: mail_domain.into(),
        mail: "MAIL".parse().unwrap(),
        mailbox_bytes: 1 << 30,
        mail_kept_days: 30,
        default: false,
        networks: vec![networks.parse().unwrap()],
        packs: vec![pack("Mail", PackMeasure::Count), pack("Web", PackMeasure::Size)],
    }
}

fn adopted() -> PortalAdoption {
    let mailbox = |local: &str, kind| Mailbox {
        address: format!("{local}@rapeedo.net").parse().unwrap(),
        kind,
        forward: None,
        keep_copy: false,
        quota_bytes: 1 << 30,
        kept_until: None,
    };
    PortalAdoption {
        id: id(CROWDED),
        enabled: true,
        own_password: false,
        secret: None,
        packs: vec![mail("5")],
        mailboxes: vec![
            mailbox("crowded", MailboxKind::Primary),
            mailbox("info", MailboxKind::Additional),
            mailbox("sales", MailboxKind::Additional),
        ],
    }
}

/// Real drivers for mail, an obedient script for everything else.
fn factory(mail_dir: Arc<tempfile::TempDir>) -> NetworkFactory {
    Arc::new(move |network| {
        if network.driver == "test" {
            return Ok(Element::Network(Arc::new(Script::obedient())));
        }
        let surroundings = Surroundings::new(mail_dir.path());
        provisor_drivers::build(network, &surroundings).map_err(|error| error.to_string())
    })
}

impl PortalWorld {
    pub(crate) async fn new() -> Self {
        Self::on(mail_network(None)).await
    }

    /// One whose mail network has these faults.
    pub(crate) async fn failing(faults: Value) -> Self {
        Self::on(mail_network(Some(&faults))).await
    }

    pub(crate) async fn on(mail: Network) -> Self {
        let mail_dir = Arc::new(tempfile::tempdir().unwrap());
        let mut catalogue = catalogue();
        catalogue.networks.push(mail);
        catalogue.tenants = vec![
            tenant("kommitt", "rapeedo.net", "127.0.0.0/8"),
            tenant("other", "other.example", "192.0.2.0/24"),
        ];
        catalogue.portal_customers = vec![adopted()];
        for (name, of) in [("backend", "kommitt"), ("abroad", "other")] {
            let user = user(name, UserKind::Tenant(of.parse().unwrap()), &[]);
            catalogue.users.push(User { bars: Vec::new(), boltons: Vec::new(), ..user });
        }
        let world = World::of(catalogue, factory(mail_dir.clone())).await;
        Self { world, mail_dir }
    }

    pub(crate) async fn tenant(&self, name: &str) -> Arc<Tenant> {
        self.world.engine.tenants().await.unwrap().named(name).unwrap()
    }

    pub(crate) async fn call(&self, customer: &str) -> PortalCall {
        let PortalId { tenant, customer } = id(customer);
        let actor = format!("tenant:{tenant}");
        let tenant = self.tenant(tenant.as_str()).await;
        PortalCall { tenant, customer, actor, request_id: None }
    }

    pub(crate) async fn order(&self, customer: &str, order: PortalOrder) -> Result<Raised, Error> {
        self.world.engine.change_portal_customer(&self.call(customer).await, order).await
    }

    pub(crate) async fn refused(&self, customer: &str, order: PortalOrder) -> Refusal {
        match self.order(customer, order).await {
            Err(Error::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn request(&self, raised: Raised, patience: Duration) -> PortalRequest {
        self.world.engine.portal_request(raised.ticket, patience).await.unwrap()
    }

    /// Orders, and waits until it is carried out.
    pub(crate) async fn done(&self, customer: &str, order: PortalOrder) -> PortalRequest {
        let raised = self.order(customer, order).await.unwrap();
        let request = self.request(raised, LONG).await;
        assert_eq!(request.state, RequestState::Done, "{request:?}");
        request
    }

    /// What its provider sees of a customer.
    pub(crate) async fn found(&self, customer: &str) -> PortalFound {
        self.world.engine.portal_customer(&id(customer)).await.unwrap()
    }

    /// What it signs in with.
    pub(crate) async fn auth(&self, customer: &str) -> PortalAuth {
        self.world.store.portal_auth(id(customer)).await.unwrap().unwrap()
    }

    /// What the mail servers see of it.
    pub(crate) fn held(&self, customer: &str) -> Option<Held> {
        let file = self.mail_file();
        let customers = MailStore::customers(&file).unwrap();
        customers.into_iter().find(|held| held.customer == id(customer))
    }

    fn mail_file(&self) -> PathBuf {
        self.mail_dir.path().join("mail/mail.db")
    }

    /// Waits until no ticket of the customer is open any more.
    pub(crate) async fn settled(&self, customer: &str) {
        let settled =
            eventually(async || self.found(customer).await.open_ticket.is_none().then_some(()));
        tokio::time::timeout(LONG, settled).await.expect("its ticket does not end");
    }

    /// The mail servers and the books must say the same of the customer.
    pub(crate) async fn assert_mail_is_as_the_books_say(&self, customer: &str) {
        let (found, auth) = (self.found(customer).await, self.auth(customer).await);
        let held = self.held(customer).unwrap();
        assert_eq!(held.mailboxes, found.mailboxes);
        assert_eq!(held.secret, auth.secret);
        assert_eq!(held.fence.version, auth.customer.version);
    }

    pub(crate) async fn log_in(
        &self,
        customer: &str,
        password: &str,
        source: IpAddr,
    ) -> Result<PortalSession, LogInError> {
        let PortalCall { tenant, customer, .. } = self.call(customer).await;
        let password = password.into();
        self.world.engine.portal_log_in(&tenant, &customer, &password, source).await
    }

    /// Whether this password opens the portal, asked from the test's own place.
    pub(crate) async fn opens(&self, customer: &str, password: &str) -> bool {
        match self.log_in(customer, password, HERE).await {
            Ok(_) => true,
            Err(LogInError::Failed) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    pub(crate) async fn choose(
        &self,
        customer: &str,
        present: &str,
        chosen: &str,
    ) -> Result<Raised, LogInError> {
        let PortalCall { tenant, customer, .. } = self.call(customer).await;
        let present: SecretString = present.into();
        let words = (&present, chosen.into());
        self.world.engine.portal_choose_password(&tenant, &customer, words, HERE).await
    }

    pub(crate) async fn holds(&self, session: &PortalSession) -> bool {
        self.world.engine.portal_session_holds(session).await.unwrap()
    }
}

pub(crate) fn id(customer: &str) -> PortalId {
    customer.parse().unwrap()
}

/// What the provider hands over for this password.
pub(crate) fn md5(password: &str) -> String {
    base16ct::lower::encode_string(&Md5::digest(password.as_bytes()))
}

pub(crate) fn enable(password: &str) -> PortalOrder {
    PortalOrder::Enable(md5(password).parse().unwrap())
}

pub(crate) fn mail(value: &str) -> Pack {
    pack("Mail", PackMeasure::Count, value)
}

pub(crate) fn web(value: &str) -> Pack {
    pack("Web", PackMeasure::Size, value)
}

fn pack(name: &str, measure: PackMeasure, value: &str) -> Pack {
    Pack { name: name.parse().unwrap(), value: PackValue::parse(measure, value).unwrap() }
}
