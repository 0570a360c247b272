//! The numbers of a SIM: ICCID (ITU-T E.118), IMSI (ITU-T E.212), MSISDN (ITU-T E.164).

use crate::text::text_type;

/// `raw` when it is `shortest` to `longest` ASCII digits.
fn digits(raw: &str, shortest: usize, longest: usize) -> Option<&str> {
    let fits = (shortest..=longest).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(raw)
}

text_type!(
    /// The number printed on a SIM card: 18 to 22 digits. The Luhn digit is *not* enforced, because real stocks
    /// (and the CCC document's own second example) carry numbers that fail it; imports may ask [`Iccid::luhn`].
    Iccid, "ICCID", "18 to 22 digits", |raw| digits(raw, 18, 22)
);

text_type!(
    /// International mobile subscriber identity: 6 to 15 digits (E.212).
    Imsi, "IMSI", "6 to 15 digits", |raw| digits(raw, 6, 15)
);

text_type!(
    /// A telephone number in national (`07718123456`) or international form (`447718123456`); CCC calls it `cli`.
    /// 3 to 15 digits (E.164). A leading `+` is accepted and not kept, so that both spellings are one number.
    Msisdn, "MSISDN", "3 to 15 digits, with or without a leading +",
    |raw| digits(raw.strip_prefix('+').unwrap_or(raw), 3, 15)
);

impl Iccid {
    /// True when the last digit is the Luhn check digit of the others (ISO/IEC 7812-1).
    pub fn luhn(&self) -> bool {
        let sum: u32 = self
            .0
            .bytes()
            .rev()
            .map(|b| u32::from(b - b'0'))
            .enumerate()
            .map(|(place, digit)| match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, twice) if twice > 9 => twice - 9,
                (_, twice) => twice,
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

impl Msisdn {
    /// The number `steps` after this one, with as many digits; `None` past the last number of that length.
    pub fn after(&self, steps: u64) -> Option<Self> {
        let next = self.0.parse::<u64>().ok()?.checked_add(steps)?;
        let width = self.0.len();
        let text = format!("{next:0width$}");
        (text.len() == width).then(|| Self(text.into()))
    }

    /// How many numbers lie from this one to `last`, both counted; `None` when `last` comes before it or has
    /// another length.
    pub fn count_to(&self, last: &Self) -> Option<u64> {
        let (from, to) = (self.0.parse::<u64>().ok()?, last.0.parse::<u64>().ok()?);
        (self.0.len() == last.0.len()).then(|| to.checked_sub(from)?.checked_add(1)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_own_iccids_parse_and_one_of_them_fails_luhn() {
        let first: Iccid = "8910390000015161789".parse().unwrap();
        let second: Iccid = "8944110011462295831".parse().unwrap();
        assert_ne!(first.luhn(), second.luhn());
    }

    #[test]
    fn an_msisdn_is_the_same_with_and_without_plus() {
        assert_eq!("+447718123456".parse::<Msisdn>(), "447718123456".parse::<Msisdn>());
        assert!("++44".parse::<Msisdn>().is_err());
        assert!("4477 18".parse::<Msisdn>().is_err());
    }

    #[test]
    fn a_range_is_counted_and_walked_without_losing_its_leading_zero() {
        let first: Msisdn = "07700900000".parse().unwrap();
        let last: Msisdn = "07700900999".parse().unwrap();
        assert_eq!(first.count_to(&last), Some(1000));
        assert_eq!(first.after(999), Some(last.clone()));
        assert_eq!(last.count_to(&first), None);
        assert_eq!("99".repeat(5).parse::<Msisdn>().unwrap().after(1), None);
    }

    proptest::proptest! {
        #[test]
        fn an_iccid_is_18_to_22_digits_and_nothing_else(raw in "\\PC*|[0-9]{15,25}") {
            let valid = (18..=22).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_digit());
            proptest::prop_assert_eq!(raw.parse::<Iccid>().is_ok(), valid);
        }
    }
}
