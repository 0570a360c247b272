//! The first document's own examples (the second one's are in `simple_portal`): each printed request and answer is a file, replayed against `provisor demo`.
//!
//! An answer must have the printed members in the printed order with the printed spelling. Only ticket numbers are
//! left open, and what a file names with `@adds`.
//!
//! A file: `#` remarks, `@` directives, the request (`POST path` and the body), an empty line, the answer (status and
//! body). Directives: `@printed-ticket N` the number in the document; `@adds PATH` a member of ours that the document
//! does not have; `@any-order` the order of members does not count; `@after NAME` needs that exchange to be over.

mod simple_portal;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::rig::{Answer, Caller, Json, PROVISOR, Server, World, command};

/// One printed exchange.
#[derive(Debug, Clone)]
pub(crate) struct Transcript {
    name: String,
    directives: Vec<(String, String)>,
    path: String,
    request: String,
    status: u16,
    answer: String,
}

impl Transcript {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("a readable transcript");
        let (head, exchange) = text.split_once("POST ").expect("a POST line");
        let directives = head.lines().filter_map(|line| line.strip_prefix('@')).map(|line| {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            (word.to_owned(), value.to_owned())
        });
        let (path, rest) = exchange.split_once('\n').expect("a body after the POST line");
        let (request, rest) = rest.split_once("\n\n").expect("an empty line after the body");
        let (status, answer) = rest.split_once('\n').expect("a body after the status");
        Self {
            name: file.file_stem().expect("a name").to_string_lossy().into_owned(),
            directives: directives.collect(),
            path: path.to_owned(),
            request: request.to_owned(),
            status: status.parse().expect("a status"),
            answer: answer.to_owned(),
        }
    }

    fn values(&self, word: &str) -> impl Iterator<Item = &str> {
        self.directives.iter().filter(move |(w, _)| w == word).map(|(_, value)| value.as_str())
    }

    /// The number that the document prints for the ticket.
    fn printed_ticket(&self) -> Option<u64> {
        self.values("printed-ticket").next().map(|n| n.parse().expect("a number"))
    }

    /// Compares `answer` with what is printed; answers the ticket it raised.
    fn check(&self, answer: &Answer) -> Option<String> {
        let name = &self.name;
        assert_eq!(answer.status, self.status, "{name}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
        let ticket = answer.json()["ticket"]["id"].as_str().map(str::to_owned);
        let printed = self.answer.replace("{ticket}", ticket.as_deref().unwrap_or("none"));
        let (mut wanted, mut got) = (Json::parse(&printed), Json::parse(&answer.body));
        for path in self.values("adds") {
            let bare = got.clone().without(path);
            assert_ne!(bare, got, "{name}: the answer has no {path}: {answer:?}");
            got = bare;
        }
        if self.values("any-order").next().is_some() {
            (wanted, got) = (wanted.sorted(), got.sorted());
        }
        assert_eq!(got.to_string(), wanted.to_string(), "{name}");
        ticket
    }
}

/// All of the first document.
pub(crate) fn all() -> Vec<Transcript> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/transcripts/ccc");
    let files = fs::read_dir(dir).expect("the transcripts").map(|entry| entry.expect("one").path());
    let mut files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "http")).collect();
    files.sort();
    files.iter().map(|file| Transcript::read(file)).collect()
}

fn demo(world: &World) -> Server {
    let mut demo = command(PROVISOR, world.dir());
    Server::start(demo.args(["demo", "--listen", "127.0.0.1:0"]), world.dir())
}

fn play(transcripts: &[Transcript]) -> Vec<(String, String)> {
    let world = World::empty();
    play_on(&demo(&world), transcripts)
}

/// Plays `transcripts` in this order (an `@after` pulls its forerunner forward), each when the one before is over.
/// Answers the tickets that were raised, by transcript.
pub(crate) fn play_on(server: &Server, transcripts: &[Transcript]) -> Vec<(String, String)> {
    let mut mario = Caller::new(server, "MarioG", "Stuttgart");
    let (mut played, mut tickets) = (Vec::new(), Vec::new());
    let mut due: Vec<_> = transcripts.iter().rev().collect();
    while let Some(next) = due.pop() {
        let before = next.values("after").find(|name| !played.contains(&(*name).to_owned()));
        if let Some(name) = before {
            due.push(next);
            due.push(transcripts.iter().find(|t| t.name == name).expect("a transcript's name"));
            continue;
        }
        if played.contains(&next.name) {
            continue;
        }
        let answer = mario.http.post(&next.path, &next.request);
        if let Some(ticket) = next.check(&answer) {
            let ended: Value = mario.ended(&ticket);
            assert_eq!(ended["status"], "Completed", "{}: {ended}", next.name);
            tickets.push((next.name.clone(), ticket));
        }
        played.push(next.name.clone());
    }
    assert_eq!(played.len(), transcripts.len());
    tickets
}

#[test]
fn every_printed_example_answers_as_printed() {
    let transcripts = all();
    assert_eq!(transcripts.len(), 14, "seven methods, a success and an error each");
    play(&transcripts);
}

#[test]
fn the_order_of_the_examples_does_not_matter() {
    let mut transcripts = all();
    transcripts.reverse();
    play(&transcripts);
    let half = transcripts.len() / 2;
    transcripts.rotate_left(half);
    play(&transcripts);
}

#[test]
fn played_in_the_order_of_the_printed_tickets_even_their_numbers_are_the_printed_ones() {
    let mut transcripts = all();
    transcripts.retain(|transcript| transcript.printed_ticket().is_some());
    transcripts.sort_by_key(Transcript::printed_ticket);
    let printed: Vec<_> = transcripts.iter().filter_map(Transcript::printed_ticket).collect();
    let raised: Vec<u64> =
        play(&transcripts).iter().map(|(_, id)| id.parse().expect("a number")).collect();
    assert_eq!(raised, printed);
}

#[test]
fn the_new_prefix_answers_like_the_printed_one() {
    let world = World::empty();
    let server = demo(&world);
    for transcript in all().iter().filter(|t| t.printed_ticket().is_none()) {
        if transcript.values("after").next().is_none() {
            let answer =
                server.client().post(&format!("/api{}", transcript.path), &transcript.request);
            transcript.check(&answer);
        }
    }
}

#[test]
fn no_other_request_may_lack_its_last_brace() {
    let world = World::empty();
    let server = demo(&world);
    for transcript in all().iter().filter(|t| !t.path.ends_with("removeBar")) {
        let cut = transcript.request.trim_end().strip_suffix('}').expect("an object");
        let answer = server.client().post(&transcript.path, cut);
        let told = (answer.status, answer.code());
        assert_eq!(told, (400, "303".to_owned()), "{}: {answer:?}", transcript.name);
    }
}
