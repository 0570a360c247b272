//! The name of a service, as its customer reads it.

use crate::limits::NAME_CHARS_MAX;
use crate::text::text_type;

text_type!(
    /// 1 to 50 Unicode scalar values, no control characters, not only blanks.
    Name, "name", "1 to 50 characters, none of them a control character", |raw| {
        let fits = raw.chars().count() <= NAME_CHARS_MAX && !raw.chars().any(char::is_control);
        (fits && !raw.trim().is_empty()).then_some(raw)
    }
);
