//! Images per step, as people write them: a number, or `auto`.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// How many images a step has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// As many as the machine's memory does for, at most as many as are usual.
    Auto,
    /// So many.
    Images(usize),
}

impl Batch {
    /// The number, where there is one.
    pub fn images(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Images(images) => Some(images),
        }
    }
}

fn fault(text: impl fmt::Display) -> String {
    format!("`{text}` is no number of images; write it as 64, or auto for what fits the memory")
}

impl std::str::FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Images).map_err(|_| fault(text)),
        }
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Images(images) => serializer.serialize_u64(*images as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Batch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of images, or \"auto\"")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Batch, E> {
                usize::try_from(value).map(Batch::Images).map_err(|_| E::custom(fault(value)))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Batch, E> {
                usize::try_from(value).map(Batch::Images).map_err(|_| E::custom(fault(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Batch, E> {
                value.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Trial {
        batch_size: Batch,
    }

    #[test]
    fn files_and_flags_have_numbers_or_auto() {
        for (text, batch) in [("64", Batch::Images(64)), ("\"auto\"", Batch::Auto)] {
            let trial: Trial = toml::from_str(&format!("batch_size = {text}\n")).unwrap();
            assert_eq!(trial.batch_size, batch);
            assert_eq!(toml::to_string(&trial).unwrap(), format!("batch_size = {text}\n"));
            assert_eq!(text.trim_matches('"').parse(), Ok(batch));
        }
        assert_eq!([Batch::Images(3).images(), Batch::Auto.images()], [Some(3), None]);
    }

    #[test]
    fn what_is_no_number_of_images_is_said() {
        for text in ["many", "-3", "6.5", ""] {
            let message = text.parse::<Batch>().unwrap_err();
            assert!(message.contains(&format!("`{text}` is no number of images")), "{message}");
        }
        let message = toml::from_str::<Trial>("batch_size = -3\n").unwrap_err().to_string();
        assert!(message.contains("`-3` is no number of images"), "{message}");
    }
}
