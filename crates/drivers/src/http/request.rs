//! One request to the element: how its table is read, and how it is filled in.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use serde_json::Value;

use super::rules::{Class, Rule, pointer, table_at};
use super::secret::Header;
use super::settings::Base;
use super::template::{JsonTemplate, Lookup, Template};
use super::value::Pointer;
use crate::table::Table;

/// The keys of a request.
pub(super) const REQUEST_KEYS: [&str; 8] =
    ["method", "path", "headers", "json", "xml", "rules", "take", "answer"];

/// The placeholder of the address under which the element reports.
pub(super) const CALLBACK: &str = "callback";

/// Longest name that `take` may give.
const NAME_CHARS_MAX: usize = 32;

#[derive(Debug, Clone)]
enum Body {
    None,
    Json(JsonTemplate),
    Xml(Template),
}

/// A request as the network's table has it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    method: Method,
    path: Template,
    headers: Vec<(HeaderName, Header)>,
    body: Body,
    /// What an answer means, before the network's own rules.
    pub(super) rules: Vec<Rule>,
    /// What is taken from the answer for the requests after it.
    pub(super) take: Vec<(String, Pointer)>,
    pub(super) answers: Answers,
}

/// When the element says what came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// With its answer.
    AtOnce,
    /// Later: it is looked at until it is done.
    Later,
    /// Later, by calling back.
    ByCallback,
}

impl Step {
    /// Reads a request. `known` are the placeholders that it may use; `method` is the verb where the table has none.
    pub(super) fn read(
        table: &Table<'_>,
        known: &[String],
        method: Option<Method>,
    ) -> Result<Self, String> {
        let is_known = |name: &str| known.iter().any(|one| one == name);
        let path = table.text("path")?.ok_or_else(|| table.wants("`path`"))?;
        let step = Self {
            method: verb(table, method)?,
            path: Template::parse(path, &is_known).map_err(|error| wrong(table, "path", &error))?,
            headers: Header::list(table, &is_known)?,
            body: body(table, &is_known)?,
            rules: Rule::list(table, "rules")?,
            take: take(table)?,
            answers: answers(table)?,
        };
        if !path.starts_with('/') || path.contains('#') || sample(&step.path).is_none() {
            let valid = "a path from the base on, like \"/subscriber/imsi/{imsi}\"";
            return Err(table.bad("path", valid, &Value::from(path)));
        }
        let by_callback = step.answers == Answers::ByCallback;
        if by_callback != step.names().contains(&CALLBACK) {
            let what = "both or none: `answer = \"callback\"`, and {callback} in what is sent";
            return Err(table.wants(what));
        }
        if step.answers == Answers::AtOnce && Rule::any(&step.rules, Class::Accepted) {
            return Err(
                table.wants("an `answer` that comes later, as it has a rule that is `accepted`")
            );
        }
        Ok(step)
    }

    pub(super) fn headers_mut(&mut self) -> impl Iterator<Item = &mut Header> {
        self.headers.iter_mut().map(|(_, header)| header)
    }

    /// The names of its placeholders.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.path.names().collect();
        names.extend(self.headers.iter().flat_map(|(_, header)| header.names()));
        match &self.body {
            Body::None => {}
            Body::Json(json) => names.extend(json.names()),
            Body::Xml(xml) => names.extend(xml.names()),
        }
        names
    }

    /// Whether it may change something at the element.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// The request with its placeholders filled in. The error says in words why it cannot be made.
    pub(super) fn fill(
        &self,
        base: &Base,
        lookup: Lookup<'_>,
    ) -> Result<Request<Full<Bytes>>, Unmade> {
        let path = self.path.path(lookup).map_err(Unmade::Value)?;
        let path_and_query = format!("{}{path}", base.path);
        let uri: Uri = path_and_query.parse().map_err(|_| {
            Unmade::Value("a value makes the request's path too long or impossible".into())
        })?;
        let mut request = Request::new(Full::new(self.body(lookup)?));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(hyper::header::HOST, base.host.clone());
        let kind = match self.body {
            Body::None => None,
            Body::Json(_) => Some(HeaderValue::from_static("application/json")),
            Body::Xml(_) => Some(HeaderValue::from_static("text/xml; charset=utf-8")),
        };
        headers.extend(kind.map(|kind| (CONTENT_TYPE, kind)));
        for (name, header) in base.headers.iter().chain(&self.headers) {
            headers.insert(name, header.value(lookup)?);
        }
        Ok(request)
    }

    fn body(&self, lookup: Lookup<'_>) -> Result<Bytes, Unmade> {
        Ok(match &self.body {
            Body::None => Bytes::new(),
            Body::Json(json) => json.fill(lookup).map_err(Unmade::Value)?.to_string().into(),
            Body::Xml(xml) => xml.xml(lookup).map_err(Unmade::Value)?.into(),
        })
    }
}

/// Why a request cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmade {
    /// The order has a value that does not go where it should: this order never will.
    Value(String),
    /// A secret is missing: no request can be made now.
    Secret(String),
}

fn verb(table: &Table<'_>, otherwise: Option<Method>) -> Result<Method, String> {
    let Some(word) = table.text("method")? else {
        return otherwise.ok_or_else(|| table.wants("`method`"));
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let found = methods.into_iter().find(|method| method.as_str() == word);
    let valid = "GET, POST, PUT, PATCH or DELETE";
    found.ok_or_else(|| table.bad("method", valid, &Value::from(word)))
}

fn body(table: &Table<'_>, known: &dyn Fn(&str) -> bool) -> Result<Body, String> {
    match (table.map.get("json"), table.text("xml")?) {
        (Some(json), None) => JsonTemplate::parse(json, known)
            .map(Body::Json)
            .map_err(|error| wrong(table, "json", &error)),
        (None, Some(text)) => {
            let xml = Template::parse(text, known).map_err(|error| wrong(table, "xml", &error))?;
            let whole = xml.xml(&|_| Ok(super::template::Datum::Text("x".into())));
            if whole.ok().and_then(|xml| super::value::read(xml.as_bytes())).is_none() {
                return Err(wrong(table, "xml", "is no whole XML document"));
            }
            if ["<!", "<?"].iter().any(|mark| text.replacen("<?xml", "", 1).contains(mark)) {
                return Err(wrong(table, "xml", "has a comment, a CDATA section or the like"));
            }
            Ok(Body::Xml(xml))
        }
        (None, None) => Ok(Body::None),
        (Some(_), Some(_)) => Err(table.wants("either `json` or `xml`")),
    }
}

fn take(table: &Table<'_>) -> Result<Vec<(String, Pointer)>, String> {
    let Some(value) = table.map.get("take") else { return Ok(Vec::new()) };
    let names: Vec<&str> = match value.as_object() {
        Some(map) => map.keys().map(String::as_str).collect(),
        None => Vec::new(),
    };
    let plain = |name: &&str| {
        (1..=NAME_CHARS_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && !super::settings::is_builtin(name)
    };
    if names.is_empty() || !names.iter().all(plain) {
        let valid =
            "a table of new names (small letters, digits, _) and pointers, like { id = \"/id\" }";
        return Err(table.bad("take", valid, value));
    }
    let Some(inner) = table_at(table, "take", &names)? else { return Ok(Vec::new()) };
    let one = |name: &&str| Ok(pointer(&inner, name)?.map(|pointer| ((*name).to_owned(), pointer)));
    names.iter().filter_map(|name| one(name).transpose()).collect()
}

fn answers(table: &Table<'_>) -> Result<Answers, String> {
    match table.map.get("answer") {
        None => Ok(Answers::AtOnce),
        Some(value) if value == "later" => Ok(Answers::Later),
        Some(value) if value == "callback" => Ok(Answers::ByCallback),
        Some(value) => Err(table.bad("answer", "\"callback\", \"later\", or left out", value)),
    }
}

/// A path with something for every placeholder, when that is a path.
fn sample(path: &Template) -> Option<Uri> {
    path.path(&|_| Ok(super::template::Datum::Text("x".into()))).ok()?.parse().ok()
}

/// The line that says what is wrong with a template.
pub(super) fn wrong(table: &Table<'_>, key: &str, error: &str) -> String {
    format!("setting `{}` {error}", table.key(key))
}
