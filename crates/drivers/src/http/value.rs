//! What an element answers, as one kind of tree whatever it was written in, and the pointers into it.
//!
//! JSON is what it is. XML becomes the same: an element is an object by the local names of its children and, with `@`
//! before them, of its attributes; one with text alone is that text; children of one name are a list. A document of XML
//! is an object with its root in it. What says `<!DOCTYPE` is not read.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value};

/// Deepest nesting of an XML answer. (The JSON reader has a limit of its own, 128.)
const XML_DEPTH_MAX: usize = 64;

/// Reads an answer; `None` when it is neither JSON nor XML. An empty one is `null`.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let text = bytes.trim_ascii();
    match text.first() {
        None => Some(Value::Null),
        Some(b'<') => xml(text),
        Some(_) => serde_json::from_slice(text).ok(),
    }
}

/// An element that is being read.
#[derive(Default)]
struct Node {
    name: String,
    text: String,
    children: Map<String, Value>,
}

impl Node {
    fn begin(start: &BytesStart<'_>) -> Option<Self> {
        let name = start.local_name().as_ref().to_owned();
        let mut node = Self { name, ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let key = attribute.key.local_name().as_ref().to_owned();
            let value = quick_xml::escape::unescape(&attribute.value).ok()?.into_owned();
            node.children.insert(format!("@{key}"), Value::String(value));
        }
        Some(node)
    }

    fn end(self) -> (String, Value) {
        let Self { name, text, mut children } = self;
        let text = text.trim();
        if children.is_empty() {
            return (name, Value::String(text.to_owned()));
        }
        if !text.is_empty() {
            children.insert("#text".to_owned(), Value::String(text.to_owned()));
        }
        (name, Value::Object(children))
    }

    fn add(&mut self, (name, value): (String, Value)) {
        match self.children.get_mut(&name) {
            None => drop(self.children.insert(name, value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
}

fn xml(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::from_str(str::from_utf8(bytes).ok()?);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() <= XML_DEPTH_MAX => open.push(Node::begin(&start)?),
            Event::Empty(start) => open.last_mut()?.add(Node::begin(&start)?.end()),
            Event::End(_) => {
                let ended = open.pop()?.end();
                open.last_mut()?.add(ended);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text),
            Event::CData(text) => open.last_mut()?.text.push_str(&text),
            Event::GeneralRef(reference) => open.last_mut()?.text.push(character(&reference)?),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
            Event::Start(_) | Event::DocType(_) => return None,
        }
    }
    let document = open.pop().filter(|_| open.is_empty())?;
    let whole = document.text.trim().is_empty() && document.children.len() == 1;
    whole.then_some(Value::Object(document.children))
}

/// The character of `&amp;`, `&#38;` and their like; there are no other entities without a DOCTYPE.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character);
    }
    quick_xml::escape::resolve_xml_entity(reference)?.chars().next()
}

/// A way into a tree (RFC 6901), in which `*` stands for every element of a list. A value that is no list counts as a
/// list of itself, because XML does not tell the two apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads `text`: empty, or every part with a `/` before it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        (parts.next() == Some(""))
            .then(|| Self(parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// Everything it leads to that is not null.
    pub(super) fn all<'v>(&self, tree: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![tree];
        for part in &self.0 {
            found = found.into_iter().flat_map(|value| step(value, part)).collect();
        }
        found.into_iter().filter(|value| !value.is_null()).collect()
    }

    /// The text of the first thing it leads to; numbers, true and false as they are written.
    pub(super) fn text(&self, tree: &Value) -> Option<String> {
        self.all(tree).first().and_then(|value| scalar(value))
    }
}

fn step<'v>(value: &'v Value, part: &str) -> Vec<&'v Value> {
    match (value, part) {
        (Value::Array(list), "*") => list.iter().collect(),
        (_, "*") => vec![value],
        (Value::Array(list), index) => {
            index.parse().ok().and_then(|index: usize| list.get(index)).into_iter().collect()
        }
        (Value::Object(members), name) => match members.get(name) {
            Some(member) => vec![member],
            None if name == "0" => vec![value],
            None => Vec::new(),
        },
        (_, "0") => vec![value],
        _ => Vec::new(),
    }
}

/// The text of a value that has no parts.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn texts(tree: &Value, pointer: &str) -> Vec<String> {
        let found = Pointer::parse(pointer).unwrap();
        found.all(tree).into_iter().filter_map(scalar).collect()
    }

    #[test]
    fn json_is_walked_by_pointers() {
        let tree = json!({"a": {"b/c": [1, {"d": true}, null]}, "~": "x"});
        assert_eq!(texts(&tree, "/a/b~1c/0"), ["1"]);
        assert_eq!(texts(&tree, "/a/b~1c/*/d"), ["true"]);
        assert_eq!(texts(&tree, "/~0"), ["x"]);
        assert!(texts(&tree, "/a/b~1c/2").is_empty() && texts(&tree, "/none/0").is_empty());
        assert_eq!(Pointer::parse("a"), None);
        assert_eq!(read(b"null"), Some(Value::Null));
        assert_eq!(read(b" \n"), Some(Value::Null));
        assert_eq!(read(b"busy"), None);
    }

    #[test]
    fn xml_is_walked_the_same_way() {
        let answer = br#"<?xml version="1.0"?>
            <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
              <Subscriber id="7"><msisdn>0770&amp;0&#x31;</msisdn><apn>a</apn><apn><![CDATA[b<]]></apn><bar/></Subscriber>
            </s:Body></s:Envelope>"#;
        let tree = read(answer).unwrap();
        let at = |name: &str| texts(&tree, &format!("/Envelope/Body/Subscriber/{name}"));
        assert_eq!(at("msisdn"), ["0770&01"]);
        assert_eq!(at("apn/*"), ["a", "b<"]);
        assert_eq!(at("msisdn/*"), ["0770&01"], "one of a kind is a list of itself");
        assert_eq!((at("bar"), at("@id")), (vec![String::new()], vec!["7".to_owned()]));
    }

    #[test]
    fn what_is_no_document_is_not_read() {
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        for bad in [
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a>&x;</a>",
            "<a>x</a>y",
            &deep,
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), pointer in "(/[a-z*0~1]{0,3}){0,4}") {
            for bytes in [&bytes[..], &[b"<a>", &bytes[..]].concat()] {
                if let Some(tree) = read(bytes) {
                    Pointer::parse(&pointer).map(|pointer| pointer.text(&tree));
                }
            }
        }
    }
}
