//! The one way to make a type of texts that cannot hold a bad one.

/// Defines a type over a text. `$read` takes what was given and answers the text to keep, or `None` when it is no such
/// text: the error then says what it was to be (`$what`) and what one looks like (`$rule`), not what was given.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $read:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Malformed;
            fn from_str(raw: &str) -> Result<Self, $crate::Malformed> {
                let read: fn(&str) -> Option<&str> = $read;
                let malformed = $crate::Malformed { what: $what, rule: $rule };
                read(raw).map(|text| Self(text.into())).ok_or(malformed)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Malformed;
            fn try_from(raw: String) -> Result<Self, $crate::Malformed> {
                raw.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_type;
