//! A value on its way: read from SQLite as the target's column wants it, and recognised again.

use std::error::Error;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::BytesMut;
use rusqlite::types::ValueRef;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Null,
    Truth(bool),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    Bytes(Vec<u8>),
}

impl Value {
    /// What `found` is in a column of type `wanted`. SQLite keeps truths as numbers and lists as JSON.
    pub(super) fn read(found: ValueRef<'_>, wanted: &Type) -> Result<Self, String> {
        let value = match (found, wanted) {
            (ValueRef::Null, _) => Some(Self::Null),
            (ValueRef::Integer(0 | 1), &Type::BOOL) => {
                Some(Self::Truth(found == ValueRef::Integer(1)))
            }
            (ValueRef::Integer(number), &Type::INT8) => Some(Self::Number(number)),
            (ValueRef::Text(text), &Type::TEXT) => Some(Self::Text(
                String::from_utf8(text.to_vec()).map_err(|_| "not UTF-8".to_owned())?,
            )),
            (ValueRef::Text(text), &Type::TEXT_ARRAY) => {
                serde_json::from_slice(text).ok().map(Self::Texts)
            }
            (ValueRef::Blob(bytes), &Type::BYTEA) => Some(Self::Bytes(bytes.to_vec())),
            _ => None,
        };
        value.ok_or_else(|| format!("{:?} where {wanted} is wanted", found.data_type()))
    }

    /// What the target has in a column.
    pub(super) fn found(row: &Row, at: usize) -> Result<Self, tokio_postgres::Error> {
        let value = match *row.columns()[at].type_() {
            Type::BOOL => row.try_get::<_, Option<_>>(at)?.map(Self::Truth),
            Type::INT8 => row.try_get::<_, Option<_>>(at)?.map(Self::Number),
            Type::TEXT_ARRAY => row.try_get::<_, Option<_>>(at)?.map(Self::Texts),
            Type::BYTEA => row.try_get::<_, Option<_>>(at)?.map(Self::Bytes),
            // Whatever else there is was refused when it was to be written.
            _ => row.try_get::<_, Option<_>>(at)?.map(Self::Text),
        };
        Ok(value.unwrap_or(Self::Null))
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Truth(truth) => truth.to_sql(wanted, out),
            Self::Number(number) => number.to_sql(wanted, out),
            Self::Text(text) => text.to_sql(wanted, out),
            Self::Texts(texts) => texts.to_sql(wanted, out),
            Self::Bytes(bytes) => bytes.to_sql(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Tells whether two tables hold the same rows, in whatever order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many.
    pub(super) rows: u64,
    digest: u64,
}

impl Sum {
    pub(super) fn add(&mut self, row: &[Value]) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.digest = self.digest.wrapping_add(hasher.finish());
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_what_the_column_wants_or_is_refused() {
        let read = |found, wanted| Value::read(found, &wanted);
        assert_eq!(read(ValueRef::Null, Type::INT8), Ok(Value::Null));
        assert_eq!(read(ValueRef::Integer(1), Type::BOOL), Ok(Value::Truth(true)));
        assert_eq!(read(ValueRef::Integer(1), Type::INT8), Ok(Value::Number(1)));
        let list = ValueRef::Text(br#"["a","b"]"#);
        assert_eq!(read(list, Type::TEXT_ARRAY), Ok(Value::Texts(vec!["a".into(), "b".into()])));
        assert_eq!(read(list, Type::TEXT), Ok(Value::Text(r#"["a","b"]"#.into())));
        for (found, wanted) in [
            (ValueRef::Integer(2), Type::BOOL),
            (ValueRef::Text(b"1"), Type::INT8),
            (ValueRef::Text(b"{}"), Type::TEXT_ARRAY),
            (ValueRef::Text(b"\xff"), Type::TEXT),
            (ValueRef::Real(1.0), Type::FLOAT8),
        ] {
            assert!(read(found, wanted.clone()).is_err(), "{found:?} as {wanted}");
        }
    }

    #[test]
    fn rows_are_summed_in_any_order_and_a_changed_value_shows() {
        let row = |number, text: &str| vec![Value::Number(number), Value::Text(text.into())];
        let sum = |rows: &[Vec<Value>]| {
            let mut sum = Sum::default();
            for row in rows {
                sum.add(row);
            }
            sum
        };
        let (a, b) = (row(1, "a"), row(2, "b"));
        assert_eq!(sum(&[a.clone(), b.clone()]), sum(&[b.clone(), a.clone()]));
        assert_ne!(sum(&[a.clone(), b]), sum(&[a.clone(), row(2, "c")]));
        assert_ne!(sum(&[a.clone(), a.clone()]), sum(&[a]));
    }
}
