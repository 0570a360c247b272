//! JSON answers written as XML: the same members in the same order under a root `response`, indented as the document
//! prints them.
//!
//! An object's members become elements; a list becomes the members of its elements; `null` and what is empty become an
//! empty element. XML is made from the JSON text itself, so the two cannot say different things.

use std::fmt;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

const ROOT: &str = "response";
/// Blanks for each level, as in the document.
const INDENT: usize = 4;

/// The XML text of a JSON text that this face made.
pub(super) fn from_json(json: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let tree: Tree = serde_json::from_slice(json)?;
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', INDENT);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", None, None)))?;
    tree.write(&mut writer, ROOT)?;
    let mut xml = writer.into_inner();
    xml.push(b'\n');
    Ok(xml)
}

/// A JSON value with its members in the order in which they stand.
enum Tree {
    Empty,
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    /// Writes the value as an element of this name.
    fn write(&self, writer: &mut Writer<Vec<u8>>, name: &str) -> std::io::Result<()> {
        let element = writer.create_element(name);
        match self {
            Self::Text(text) => element.write_text_content(BytesText::new(&allowed(text)))?,
            Self::List(elements) if !elements.is_empty() => {
                element.write_inner_content(|writer| {
                    elements.iter().try_for_each(|element| element.write_members(writer))
                })?
            }
            Self::Object(_) => element.write_inner_content(|writer| self.write_members(writer))?,
            Self::Empty | Self::List(_) => element.write_empty()?,
        };
        Ok(())
    }

    /// Writes an object's members without an element around them. Lists of anything else do not occur.
    fn write_members(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        match self {
            Self::Object(members) => {
                members.iter().try_for_each(|(name, value)| value.write(writer, name))
            }
            Self::Empty | Self::Text(_) | Self::List(_) => {
                Err(std::io::Error::other("a list of something that has no name"))
            }
        }
    }
}

/// `text` with what XML 1.0 forbids (section 2.2) replaced: nothing in it could stand in a document, escaped or not.
fn allowed(text: &str) -> String {
    let forbidden = |c: char| match c {
        '\t' | '\n' | '\r' => false,
        '\u{FFFE}' | '\u{FFFF}' => true,
        c => c < ' ',
    };
    text.replace(forbidden, "\u{FFFD}")
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(tokens: D) -> Result<Self, D::Error> {
        tokens.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Empty)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Text(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(json: &str) -> String {
        String::from_utf8(from_json(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn members_keep_their_order_and_lists_lose_their_elements_frames() {
        let json = r#"{"b":"1","a":true,"n":0,"packs":[{"pack":{"name":"Mail","value":"3"}},{"pack":{"name":"Web","value":"100M"}}],"none":[],"forward":null}"#;
        let wanted = r#"<?xml version="1.0"?>
<response>
    <b>1</b>
    <a>true</a>
    <n>0</n>
    <packs>
        <pack>
            <name>Mail</name>
            <value>3</value>
        </pack>
        <pack>
            <name>Web</name>
            <value>100M</value>
        </pack>
    </packs>
    <none/>
    <forward/>
</response>
"#;
        assert_eq!(xml(json), wanted);
    }

    #[test]
    fn what_xml_means_something_by_is_escaped_and_what_it_forbids_is_replaced() {
        let text = "<a b=\"c\">&'ü\r\n\t]]>\u{0}\u{b}\u{1f}\u{fffe}\u{ffff}\u{7f}😀";
        let json = serde_json::to_string(&serde_json::json!({ "t": text })).unwrap();
        let written = xml(&json);
        let inner = written.split_once("<t>").unwrap().1.rsplit_once("</t>").unwrap().0;
        assert!(!inner.contains(['<', '>']) && inner.contains("&amp;"), "{inner:?}");
        let read = quick_xml::escape::unescape(inner).unwrap();
        let wanted: String =
            text.replace(['\0', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'], "\u{fffd}");
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_list_of_what_has_no_name_is_an_error() {
        assert!(from_json(br#"{"a":[1]}"#).is_err());
        assert!(from_json(b"7").is_ok());
    }
}
