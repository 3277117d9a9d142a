//! A number of parameters or multiply-adds, as people write it: `1.5M`, `200k`, `1500000`.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// The units, and what they stand for.
const UNITS: [(char, f64); 4] = [('k', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12)];

/// A whole number above zero. Files may have it as a number or as text with a unit; it is written out in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Amount(pub u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is no number of them; write it as 1500000, 200k, 1.5M or 2G");
        let trimmed = text.trim();
        if let Ok(whole @ 1..) = trimmed.parse() {
            return Ok(Self(whole));
        }
        let unit = trimmed.chars().last().ok_or_else(fault)?;
        let is_unit = |known: &&(char, f64)| known.0.eq_ignore_ascii_case(&unit);
        let (_, factor) = UNITS.iter().find(is_unit).ok_or_else(fault)?;
        let number = &trimmed[..trimmed.len() - unit.len_utf8()];
        let is_plain = number.trim_end().chars().all(|c| c.is_ascii_digit() || c == '.');
        let value = number.trim_end().parse::<f64>().ok().filter(|_| is_plain).ok_or_else(fault)?;
        let whole = (value * factor).round();
        // Beyond this, not every whole number is one that is held exactly.
        if (1.0..9e15).contains(&whole) { Ok(Self(whole as u64)) } else { Err(fault()) }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number above zero, or text such as \"1.5M\"")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Amount, E> {
                let above_zero = u64::try_from(value).ok().filter(|value| *value > 0);
                above_zero.map(Amount).ok_or_else(|| E::custom(format!("{value} is not above zero")))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Amount, E> {
                if value > 0 { Ok(Amount(value)) } else { Err(E::custom("0 is not above zero")) }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, expect) in
            [("1.5M", 1_500_000), ("200k", 200_000), ("1500000", 1_500_000), ("2G", 2_000_000_000), ("0.3 m", 300_000)]
        {
            assert_eq!(text.parse(), Ok(Amount(expect)), "{text}");
        }
        for text in ["", "M", "0", "-3k", "1.5", "1.5Q", "infM", "1e9k", "0.0001k", "nan"] {
            let message = text.parse::<Amount>().unwrap_err();
            assert!(message.starts_with(&format!("`{text}` is no number of them")), "{message}");
        }
    }

    #[test]
    fn files_have_them_as_numbers_or_text() {
        #[derive(Deserialize)]
        struct File {
            limit: Amount,
        }
        let read = |text: &str| toml::from_str::<File>(text).map(|file| file.limit).map_err(|e| e.message().to_owned());
        assert_eq!(read("limit = 200000"), Ok(Amount(200_000)));
        assert_eq!(read("limit = \"0.2M\""), Ok(Amount(200_000)));
        assert_eq!(read("limit = -2"), Err("-2 is not above zero".into()));
        assert!(read("limit = \"many\"").unwrap_err().contains("write it as 1500000, 200k, 1.5M"));
        assert!(read("limit = 1.5").unwrap_err().contains("a whole number above zero"));
    }
}
