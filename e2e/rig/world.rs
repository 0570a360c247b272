//! A directory with a database, a catalogue in it, and those who use it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::books::Books;
use super::catalogue::{BASE, OUTAGE_FILE};
use super::changed::Changed;
use super::http::{Answer, Client};
use super::postgres;
use super::process::{self, PROVISOR, Ran, Server};
use super::wait::eventually;

/// On which database the tests run: `sqlite`, unless this says `postgres`.
const DATABASE_VARIABLE: &str = "PROVISOR_E2E_DATABASE";

/// One test's own installation.
#[derive(Debug)]
pub(crate) struct World {
    dir: TempDir,
    place: Place,
}

/// Where its database is.
#[derive(Debug)]
enum Place {
    File,
    Server(postgres::Database),
    /// At a server that the test itself started.
    At(String),
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// The one that was chosen for all tests that run on either.
    pub(crate) fn chosen() -> Self {
        match std::env::var(DATABASE_VARIABLE).as_deref() {
            Ok("postgres") => Self::Postgres,
            Ok("sqlite") | Err(_) => Self::Sqlite,
            Ok(other) => panic!("{DATABASE_VARIABLE}={other}: sqlite or postgres"),
        }
    }
}

impl World {
    /// An empty directory, no database yet (or an empty one).
    pub(crate) fn empty() -> Self {
        Self::empty_on(Kind::chosen())
    }

    /// The same on this kind of database, whatever was chosen for the other tests.
    pub(crate) fn empty_on(kind: Kind) -> Self {
        let place = match kind {
            Kind::Sqlite => Place::File,
            Kind::Postgres => Place::Server(postgres::Database::new()),
        };
        Self { dir: TempDir::with_prefix("provisor-e2e-").expect("a temporary directory"), place }
    }

    /// With this catalogue on this kind of database.
    pub(crate) fn on(kind: Kind, catalogue: &str) -> Self {
        let world = Self::empty_on(kind);
        world.apply(catalogue);
        world
    }

    /// With this catalogue in a database of a server that the test started itself.
    pub(crate) fn at(url: &str, catalogue: &str) -> Self {
        let dir = TempDir::with_prefix("provisor-e2e-").expect("a temporary directory");
        let world = Self { dir, place: Place::At(url.to_owned()) };
        world.apply(catalogue);
        world
    }

    /// With this catalogue on PostgreSQL, whatever the other tests run on.
    pub(crate) fn on_postgres_with(catalogue: &str) -> Self {
        Self::on(Kind::Postgres, catalogue)
    }

    /// With the catalogue that most tests use ([`BASE`]), its second network down.
    pub(crate) fn new() -> Self {
        let world = Self::with(BASE);
        world.file(OUTAGE_FILE, "");
        world
    }

    /// The second network of [`BASE`] comes back.
    pub(crate) fn end_outage(&self) {
        std::fs::remove_file(self.dir().join(OUTAGE_FILE)).expect("the file was there");
    }

    /// With this catalogue.
    pub(crate) fn with(catalogue: &str) -> Self {
        let world = Self::empty();
        world.apply(catalogue);
        world
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The database file, for tests about files.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir().join("provisor.db")
    }

    /// `--database`'s value.
    pub(crate) fn database_url(&self) -> String {
        match &self.place {
            Place::File => format!("sqlite://{}", self.database().display()),
            Place::Server(database) => database.url.clone(),
            Place::At(url) => url.clone(),
        }
    }

    /// The database past the program.
    pub(crate) fn books(&self) -> Books {
        match &self.place {
            Place::File => Books::file(&self.database()),
            Place::Server(database) => Books::server(&database.url),
            Place::At(url) => Books::server(url),
        }
    }

    /// The books of a dead server, once the database has finished what it was told last.
    pub(crate) fn books_at_rest(&self) -> Books {
        let books = self.books();
        let at_work = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = 'provisor'";
        if !matches!(self.place, Place::File) {
            eventually("the dead server's connections to end", || {
                books.rows(at_work).is_empty().then_some(())
            });
        }
        books
    }

    /// A copy of the books that can be changed without harm. It lives as long as what is handed out with it.
    pub(crate) fn copy_of_books(&self) -> (Books, Option<postgres::Database>) {
        match &self.place {
            Place::File => {
                let copy = self.dir().join("copy.db");
                let _there_is_none_yet = std::fs::remove_file(&copy);
                self.books().run(&format!("VACUUM INTO '{}'", copy.display()));
                (Books::file(&copy), None)
            }
            Place::Server(database) => {
                let copy = postgres::Database::of(&database.name);
                (Books::server(&copy.url), Some(copy))
            }
            Place::At(_) => panic!("only the shared cluster copies its databases"),
        }
    }

    /// Writes a file into the directory and answers its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir().join(name);
        std::fs::write(&path, content).expect("a file in the test's directory");
        path.display().to_string()
    }

    /// Runs a command of the binary on this world's database.
    pub(crate) fn cli(&self, args: &[&str]) -> Ran {
        process::run(self.dir(), &[args, &["--database", &self.database_url()]].concat())
    }

    /// Applies a catalogue.
    #[track_caller]
    pub(crate) fn apply(&self, catalogue: &str) -> Ran {
        let file = self.file("catalogue.toml", catalogue);
        self.cli(&["catalogue", "apply", &file]).succeeded()
    }

    /// The command that serves this world on a free port.
    pub(crate) fn serve_command(&self) -> Command {
        self.serve_under(&[PROVISOR])
    }

    /// The same under a tracer: `prefix` comes before the command and ends with the binary.
    pub(crate) fn serve_under(&self, prefix: &[&str]) -> Command {
        let mut command = process::command(prefix[0], self.dir());
        command.args(&prefix[1..]);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database", &self.database_url()]);
        command
    }

    /// Starts a server.
    pub(crate) fn serve(&self) -> Server {
        Server::start(&mut self.serve_command(), self.dir())
    }

    /// A new credential of `user`, by the command line; `flags` as `user credential add` takes them.
    pub(crate) fn credential(&self, user: &str, flags: &[&str]) -> String {
        let args = [&["user", "credential", "add", user], flags].concat();
        let ran = self.cli(&args).succeeded();
        let found = ran.stdout.split_whitespace().find(|word| word.starts_with("pvk_"));
        found.unwrap_or_else(|| panic!("no credential was printed: {ran:?}")).to_owned()
    }

    /// Revokes the newest credential of `user`.
    pub(crate) fn revoke(&self, user: &str) {
        let listed = self.cli(&["user", "credential", "list", user, "--json"]).succeeded().stdout;
        let rows: Value = serde_json::from_str(&listed).expect("JSON");
        self.cli(&["user", "credential", "revoke", user, &rows[0]["id"].to_string()]).succeeded();
    }
}

/// Somebody who calls with a name and a password.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) http: Client,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Caller {
    pub(crate) fn new(server: &Server, username: &str, password: &str) -> Self {
        Self { http: server.client(), username: username.into(), password: password.into() }
    }

    /// The user of [`BASE`] who may do everything with the first customer's services.
    pub(crate) fn alice(server: &Server) -> Self {
        Self::new(server, "alice", super::catalogue::ALICE_PASSWORD)
    }

    /// A request body: `members` and the `user` block.
    pub(crate) fn body(&self, members: &Value) -> String {
        let mut body = members.clone();
        body["user"] = json!({"username": self.username, "password": self.password});
        body.to_string()
    }

    /// Calls a method.
    #[expect(clippy::needless_pass_by_value, reason = "every caller writes a json!() literal")]
    pub(crate) fn call(&mut self, method: &str, members: Value) -> Answer {
        let body = self.body(&members);
        self.http.post(&format!("/api/v1/{method}"), &body)
    }

    /// Calls a method with an idempotency key.
    #[expect(clippy::needless_pass_by_value, reason = "every caller writes a json!() literal")]
    pub(crate) fn call_with_key(&mut self, method: &str, key: &str, members: Value) -> Answer {
        let body = self.body(&members);
        self.http.post_with(&format!("/api/v1/{method}"), &[("Idempotency-Key", key)], &body)
    }

    /// The ticket as `queryTicket` shows it.
    pub(crate) fn ticket(&mut self, id: &str) -> Value {
        let answer = self.call("queryTicket", json!({"ticket": {"id": id}}));
        assert_eq!(answer.code(), "ok", "ticket {id}: {answer:?}");
        answer.json()["ticket"].clone()
    }

    /// Waits for a ticket's end and answers it as `queryTicket` shows it.
    pub(crate) fn ended(&mut self, id: &str) -> Value {
        eventually(&format!("ticket {id} to end"), || {
            let ticket = self.ticket(id);
            (ticket["status"] != "Processing").then_some(ticket)
        })
    }

    /// Raises a ticket and waits until it has completed; answers its id.
    #[track_caller]
    pub(crate) fn done(&mut self, method: &str, members: Value) -> String {
        let id = self.call(method, members).ticket();
        let ticket = self.ended(&id);
        assert_eq!(ticket["status"], "Completed", "{ticket}");
        id
    }

    /// Connects a SIM by the products of [`BASE`], waits, and answers the service's code.
    #[track_caller]
    pub(crate) fn connect(&mut self, sim: &str) -> String {
        let id = self.done("connectService", super::catalogue::connect(sim));
        let code = self.ticket(&id)["code"].clone();
        code.as_str().unwrap_or_else(|| panic!("a completed connect has a service: {id}")).into()
    }

    /// `service.nina` of the service with this SIM.
    pub(crate) fn nina(&mut self, sim: &str) -> Value {
        let answer = self.call("queryService", json!({"service": {"sim": sim}}));
        assert_eq!(answer.code(), "ok", "{answer:?}");
        answer.json()["service"]["nina"].clone()
    }

    /// The code of a query.
    pub(crate) fn code(&mut self) -> String {
        self.call("getContracts", json!({"customer": "1000000"})).code()
    }

    /// Waits until a query answers `code`; for what a running server must notice within a second from now.
    #[track_caller]
    pub(crate) fn soon(&mut self, code: &str) {
        let what = format!("{} to be answered {code}", self.username);
        Changed::now().seen(&what, || (self.code() == code).then_some(()));
    }
}
