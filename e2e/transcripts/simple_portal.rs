//! The second document's examples, in both formats, replayed against `provisor demo`.
//!
//! JSON must have the printed members in the printed order; XML the printed elements and texts in the printed order, read
//! by a parser that knows nothing of ours (the document's white space and its comment do not count).
//!
//! A file: `#` remarks, `GET path` and headers, an empty line, the answer's body.

use std::fs;
use std::path::Path;

use roxmltree::{Document, Node};

use super::demo;
use crate::rig::{BackEnd, Json, Server, World};

#[derive(Debug)]
struct Transcript {
    name: String,
    path: String,
    headers: Vec<(String, String)>,
    answer: String,
}

impl Transcript {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).expect("a readable transcript");
        let (_, exchange) = text.split_once("GET ").expect("a GET line");
        let (head, answer) = exchange.split_once("\n\n").expect("an empty line after the headers");
        let mut lines = head.lines();
        let path = lines.next().expect("a path").to_owned();
        let headers = lines.map(|line| line.split_once(": ").expect("a header"));
        Self {
            name: file.file_name().expect("a name").to_string_lossy().into_owned(),
            path,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            answer: answer.to_owned(),
        }
    }

    fn play(&self, server: &Server) {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = server.client().send("GET", &self.path, &headers);
        let name = &self.name;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let content_type = answer.header("content-type");
        if name.ends_with(".xml.http") {
            assert_eq!(content_type, Some("text/xml; charset=utf-8"), "{name}");
            assert_eq!(tree(&answer.body), tree(&self.answer), "{name}");
            assert!(answer.body.starts_with("<?xml version=\"1.0\"?>"), "{name}");
        } else {
            assert_eq!(content_type, Some("text/json; charset=utf-8"), "{name}");
            let (got, wanted) = (Json::parse(&answer.body), Json::parse(&self.answer));
            assert_eq!(got.to_string(), wanted.to_string(), "{name}");
        }
    }
}

/// The elements and texts of an XML document, without comments and the white space between elements.
fn tree(xml: &str) -> String {
    fn tell(node: Node<'_, '_>, told: &mut String) {
        if node.is_element() {
            assert_eq!(node.attributes().len(), 0, "the document has no attributes");
            told.extend(["<", node.tag_name().name(), ">"]);
            node.children().for_each(|child| tell(child, told));
            told.push_str("</>");
        } else if node.is_text() {
            told.push_str(node.text().unwrap_or_default().trim());
        }
    }
    let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    assert_eq!(document.root_element().tag_name().name(), "response");
    let mut told = String::new();
    tell(document.root_element(), &mut told);
    told
}

fn all() -> Vec<Transcript> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/transcripts/simple_portal");
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("the transcripts")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().map(|file| Transcript::read(file)).collect()
}

#[test]
fn every_printed_example_and_every_workflow_answers_as_printed() {
    let world = World::empty();
    let server = demo(&world);
    let transcripts = all();
    assert_eq!(transcripts.len(), 14);
    for transcript in &transcripts {
        transcript.play(&server);
    }
}

#[test]
fn other_spellings_of_the_same_call_answer_the_same() {
    let world = World::empty();
    let server = demo(&world);
    let mut client = server.client();
    let printed = client.get("/kommitt/ccsimplemailapi/mail/10953/list").body;
    for path in [
        "/kommitt/ccsimplemailapi/mail/10953/list/",
        "/kommitt/ccSimpleMailApi/mail/10953/list",
        "/kommitt/CCSIMPLEMAILAPI/mail/10953/list",
        "/kommitt/ccsimplemailapi/mail/%31%30953/list",
    ] {
        assert_eq!(client.get(path).body, printed, "{path}");
        assert_eq!(client.post(path, "ignored").body, printed, "POST {path}");
    }
    let mut example = BackEnd::new(&server, "example");
    let by_default = client.get("/ccSimpleMailApi/pack/14056/list").body;
    assert_eq!(example.call("pack/14056/list").body, by_default);
}
