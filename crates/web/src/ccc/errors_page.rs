//! The page `GET /errors`: all codes for people, ours told from the documented ones. Needs nothing from elsewhere.

use std::fmt::Write;

use super::code::{ROWS, Row};

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>Error codes</title>\n<style>\n\
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }\n\
table { border-collapse: collapse; } th, td { border-bottom: 1px solid #bbb; padding: .4rem .6rem; \
text-align: left; vertical-align: top; }\n\
td:first-child { font-family: monospace; } .ours td:first-child::after { content: ' *'; }\n\
@media (prefers-color-scheme: dark) { :root { background: #111; color: #ddd; } }\n\
</style>\n</head>\n<body>\n<h1>Error codes</h1>\n\
<p>An error is answered as <code>{\"ok\":false,\"errorCode\":\"NNN\",\"errorMessage\":\"…\"}</code>, with HTTP status \
200 where a method ran. Codes with a star are this server's own; the others are the published document's.</p>\n\
<table>\n<thead><tr><th>Code</th><th>Message</th><th>Whose</th><th>When it comes</th><th>What to do</th></tr></thead>\n\
<tbody>\n";
const FOOT: &str = "</tbody>\n</table>\n</body>\n</html>\n";

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(HEAD);
    for row in ROWS {
        let (class, whose) =
            if row.documented { ("", "document") } else { (" class=\"ours\"", "ours") };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<tr{class}><td>{}</td><td>{}</td><td>{whose}</td><td>{}</td><td>{}</td></tr>",
            row.number,
            escape(&message(row)),
            escape(row.when),
            escape(row.remedy),
        );
    }
    page.push_str(FOOT);
    page
}

/// The message with something readable for what it is about.
pub(super) fn message(row: &Row) -> String {
    let about = if row.number == "303" { "what and where" } else { "CODE" };
    row.message.replace("{}", about)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
#[path = "errors_page_tests.rs"]
mod tests;
