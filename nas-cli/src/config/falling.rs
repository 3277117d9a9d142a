//! How the learning rate falls, as people write it: `cosine`, `constant`, `exponential:0.97`, `step:30:0.1`.

use nas_nn::schedule::Curve;
use serde::{Deserialize, Serialize};

/// A curve with its text form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Falling(pub Curve);

impl Default for Falling {
    fn default() -> Self {
        Self(Curve::Cosine { to: 0.0 })
    }
}

impl std::fmt::Display for Falling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Curve::Constant => f.write_str("constant"),
            Curve::Cosine { to: 0.0 } => f.write_str("cosine"),
            Curve::Cosine { to } => write!(f, "cosine:{to}"),
            Curve::Exponential { factor } => write!(f, "exponential:{factor}"),
            Curve::Step { epochs, factor } => write!(f, "step:{epochs}:{factor}"),
        }
    }
}

impl From<Falling> for String {
    fn from(falling: Falling) -> Self {
        falling.to_string()
    }
}

impl std::str::FromStr for Falling {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "`{text}` is no schedule; it is cosine (to 0), cosine:RATE (to this rate), constant, exponential:FACTOR \
                 (each epoch) or step:EPOCHS:FACTOR"
            )
        };
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let number = |text: &str| text.parse::<f64>().map_err(|_| fault());
        Ok(Self(match parts[..] {
            ["constant"] => Curve::Constant,
            ["cosine"] => Curve::Cosine { to: 0.0 },
            ["cosine", to] => Curve::Cosine { to: number(to)? },
            ["exponential", factor] => Curve::Exponential { factor: number(factor)? },
            ["step", epochs, factor] => {
                Curve::Step { epochs: epochs.parse().map_err(|_| fault())?, factor: number(factor)? }
            }
            _ => return Err(fault()),
        }))
    }
}

impl TryFrom<String> for Falling {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_is_written_as_it_is_read() {
        for text in ["cosine", "cosine:0.001", "constant", "exponential:0.97", "step:30:0.1"] {
            assert_eq!(text.parse::<Falling>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        for text in ["", "linear", "exponential", "exponential:fast", "step:0.5:0.1", "cosine:0:0"] {
            let message = text.parse::<Falling>().unwrap_err();
            assert!(
                message.contains(&format!("`{text}` is no schedule")) && message.contains("step:EPOCHS"),
                "{message}"
            );
        }
    }
}
