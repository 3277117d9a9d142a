//! How trials are measured: `train`, each from scratch, `supernet`, all on weights that they share, or `proxy:NAME`, untrained.

use crate::gradient;
use crate::sharing::Shared;
use crate::strategies::{Known, Method};
use crate::warm_start;

/// The evaluator of a search that names none.
pub const TRAIN: &str = "train";

/// That of shared weights.
pub const SUPERNET: &str = "supernet";

/// Every evaluator, by name.
pub const KNOWN: &[Known] = &[
    Known {
        name: TRAIN,
        summary: "each trial is trained from scratch",
        source: "",
        settings: &[],
        make: gradient::refuse,
    },
    Known {
        name: SUPERNET,
        summary: "one supernet is trained on uniformly sampled paths; each trial is measured on its weights, in one forward pass",
        source: "Guo et al. 2020; Li & Talwalkar 2019",
        settings: &[
            ("epochs", "passes of the supernet over the training images [50]"),
            ("rate", "learning rate of the shared weights at the beginning of each of its periods [0.05]"),
            ("images", "train the supernet on so many of the training images"),
            ("compared", "validation images that trials are measured on [2000]"),
            ("batch_norm", "statistics that accuracy is measured with: batch or running [batch]"),
            (
                "idle",
                "weights that a step's path does not use: rest, or move (decay, and follow their momentum) [rest]",
            ),
        ],
        make: gradient::refuse,
    },
    Known {
        name: warm_start::PROXY,
        summary: "proxy:NAME scores each untrained network on one minibatch: synflow, naswot, jacob_cov, snip or grad_norm",
        source: "Abdelfattah et al. 2021; Mellor et al. 2021",
        settings: &[],
        make: gradient::refuse,
    },
];

/// What an evaluator asks for: shared weights, or nothing for training from scratch.
///
/// # Errors
/// Lists the names or keys, and suggests the nearest; or names the setting that makes no sense.
pub fn asked(text: &str) -> anyhow::Result<Option<Shared>> {
    if warm_start::evaluator(text)?.is_some() {
        return Ok(None);
    }
    let method = Method::parse_in(KNOWN, "evaluator", text)?;
    (method.known.name == SUPERNET).then(|| Shared::of(&method)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluators_are_read_with_their_settings() {
        assert_eq!(asked("train").unwrap(), None);
        assert!(asked("supernet:epochs=5:batch_norm=running").unwrap().is_some());
        let message = |text| asked(text).unwrap_err().to_string();
        let expect =
            "there is no evaluator `supernett`; the evaluators are train, supernet, proxy; did you mean `supernet`?";
        assert_eq!(message("supernett"), expect);
        assert_eq!(message("train:epochs=3"), "evaluator `train` has nothing to set; leave `epochs=3` out");
        assert!(message("supernet:batch_norm=none").contains("may be batch or running"));
        for (key, _) in KNOWN[1].settings {
            // A key of the list that is never read would be ignored in silence.
            assert!(asked(&format!("supernet:{key}=nonsense")).is_err(), "{key} is not read");
        }
    }
}
