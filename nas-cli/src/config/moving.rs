//! The optimiser, as people write it: `muon`, `sgd`, `rmsprop`, `rmsprop:0.9:0.1`.

use nas_nn::optim::Muon;
use nas_nn::trainer::{OptimizerKind, TrainConfig};
use serde::{Deserialize, Serialize};

/// An optimiser with its text form; its momentum is a setting of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moving {
    /// Stochastic gradient descent.
    #[default]
    Sgd,
    /// Muon for matrices, SGD for the rest.
    Muon {
        /// What part of the learning rate the steps of matrices have.
        share: f64,
        /// The weight decay of matrices.
        decay: f64,
    },
    /// RMSProp, as TensorFlow has it.
    RmsProp {
        /// How much of the mean of squares is kept.
        rho: f64,
        /// What is added to it below the root.
        epsilon: f64,
    },
}

impl Moving {
    /// Muon with its usual settings.
    pub const MUON: Self = Self::Muon { share: Muon::SHARE, decay: Muon::WEIGHT_DECAY };

    /// A training that moves so.
    pub fn of(self, training: TrainConfig) -> TrainConfig {
        match self {
            Self::Sgd => training,
            Self::Muon { share: muon_share, decay: muon_decay } => {
                TrainConfig { optimizer: OptimizerKind::Muon, muon_share, muon_decay, ..training }
            }
            Self::RmsProp { rho: beta2, epsilon } => {
                TrainConfig { optimizer: OptimizerKind::Rmsprop, beta2, epsilon, ..training }
            }
        }
    }
}

impl std::fmt::Display for Moving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sgd => f.write_str("sgd"),
            Self::Muon { share, decay } => write!(f, "muon:{share}:{decay}"),
            Self::RmsProp { rho, epsilon } => write!(f, "rmsprop:{rho}:{epsilon}"),
        }
    }
}

impl From<Moving> for String {
    fn from(moving: Moving) -> Self {
        moving.to_string()
    }
}

impl std::str::FromStr for Moving {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "`{text}` is no optimiser; it is muon, muon:SHARE:DECAY (0.2:0.05), sgd, rmsprop or rmsprop:RHO:EPSILON \
                 (0.9:0.1, as AmoebaNet on ImageNet)"
            )
        };
        let number = |text: &str| text.parse::<f64>().map_err(|_| fault());
        match text.split(':').map(str::trim).collect::<Vec<_>>()[..] {
            ["sgd"] => Ok(Self::Sgd),
            ["muon"] => Ok(Self::MUON),
            ["muon", share, decay] => match (number(share)?, number(decay)?) {
                (share, _) if !(share > 0.0 && share.is_finite()) => Err(format!(
                    "`{text}`: SHARE is the part of the learning rate that matrices have, above 0, such as 0.2"
                )),
                (_, decay) if !(decay >= 0.0 && decay.is_finite()) => {
                    Err(format!("`{text}`: DECAY is the weight decay of matrices, 0 or more, such as 0.05"))
                }
                (share, decay) => Ok(Self::Muon { share, decay }),
            },
            ["rmsprop"] => Ok(Self::RmsProp { rho: 0.9, epsilon: 0.1 }),
            ["rmsprop", rho, epsilon] => match (number(rho)?, number(epsilon)?) {
                (rho, _) if !(0.0..1.0).contains(&rho) => {
                    Err(format!("`{text}`: RHO is the share of the mean that is kept, from 0 to below 1, such as 0.9"))
                }
                (_, epsilon) if !(epsilon > 0.0 && epsilon.is_finite()) => {
                    Err(format!("`{text}`: EPSILON is a number above 0, such as 0.1"))
                }
                (rho, epsilon) => Ok(Self::RmsProp { rho, epsilon }),
            },
            _ => Err(fault()),
        }
    }
}

impl TryFrom<String> for Moving {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_optimiser_is_written_as_it_is_read() {
        for text in ["sgd", "muon:0.2:0.05", "muon:0.1:0", "rmsprop:0.9:0.1", "rmsprop:0.95:1"] {
            assert_eq!(text.parse::<Moving>().unwrap().to_string(), text);
        }
        assert_eq!("rmsprop".parse::<Moving>().unwrap().to_string(), "rmsprop:0.9:0.1");
        let training = "rmsprop:0.8:0.5".parse::<Moving>().unwrap().of(TrainConfig::default());
        assert_eq!((training.optimizer, training.beta2, training.epsilon), (OptimizerKind::Rmsprop, 0.8, 0.5));
        let training = "muon:0.3:0.2".parse::<Moving>().unwrap().of(TrainConfig::default());
        assert_eq!((training.optimizer, training.muon_share, training.muon_decay), (OptimizerKind::Muon, 0.3, 0.2));
    }

    #[test]
    fn what_is_no_optimiser_is_said() {
        for text in ["", "adam", "sgd:0.9", "muon:0.2", "muon:a:0", "rmsprop:0.9", "rmsprop:much:0.1"] {
            let message = text.parse::<Moving>().unwrap_err();
            assert!(message.contains(&format!("`{text}` is no optimiser")), "{message}");
        }
        for (text, part) in [
            ("muon:0:0.1", "SHARE"),
            ("muon:0.2:-1", "DECAY"),
            ("rmsprop:1.5:0.1", "RHO"),
            ("rmsprop:NaN:0.1", "RHO"),
            ("rmsprop:0.9:0", "EPSILON"),
        ] {
            let message = text.parse::<Moving>().unwrap_err();
            assert!(message.contains(text) && message.contains(part), "{message}");
        }
    }
}
