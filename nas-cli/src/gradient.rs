//! The gradient-based methods, as they are asked for: `darts1`, `darts`, `pc-darts`, `gdas`, `drnas`, each with its settings.

use nas_data::Augment;
use nas_oneshot::{DartsConfig, Guard, Order};
use nas_search::Strategy;

use crate::exit::usage;
use crate::strategies::{Method, Task};

/// A search on a supernet, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// The published search.
    pub published: DartsConfig,
    /// One of so many channels goes through the operations, where it was given.
    pub partial: Option<usize>,
    /// What the guard does; the epochs between two eigenvalues where they were given.
    pub guard: Guard,
    /// Epochs between two measurements of the eigenvalue, where it was given.
    pub eigenvalue_every: Option<usize>,
    /// The learning rate of the architecture parameters, where it was given.
    pub alpha_rate: Option<f64>,
    /// So many of the training images only.
    pub images: Option<usize>,
    /// Random cells trained beside the found one.
    pub random: u64,
}

/// The settings of these methods.
pub const SETTINGS: &[(&str, &str)] = &[
    ("faithful", "true: the published search; the guard watches and warns, and neither stops nor limits"),
    ("early_stop", "true or false: end the search when the largest eigenvalue of the validation loss rises"),
    ("max_skips", "the most skip connections in the normal cell, or none for no limit [2]"),
    ("eigenvalue_every", "epochs between two measurements of the eigenvalue, 0 for none [1 in 25 of the epochs]"),
    ("alpha_rate", "learning rate of the architecture parameters [0.0003]; a short search may need a higher one"),
    ("images", "search on so many of the training images, half of them for the weights"),
    ("random", "random cells trained like the found one, to compare with [3]"),
];

/// The settings of PC-DARTS.
pub const PARTIAL_SETTINGS: &[(&str, &str)] = &[
    ("partial", "one of so many channels goes through the operations [4]"),
    SETTINGS[0],
    SETTINGS[1],
    SETTINGS[2],
    SETTINGS[3],
    ("alpha_rate", "learning rate of the architecture parameters [0.0006]; a short search may need a higher one"),
    SETTINGS[5],
    SETTINGS[6],
];

/// The settings of GDAS and DrNAS, which never run the mixture that an eigenvalue is taken of.
pub const DRAWN_SETTINGS: &[(&str, &str)] = &[
    ("faithful", "true: the published search, without a limit on skips"),
    SETTINGS[2],
    SETTINGS[4],
    SETTINGS[5],
    SETTINGS[6],
];

/// The published search of a method, where it is one of these.
pub fn published(name: &str) -> Option<DartsConfig> {
    match name {
        "darts" => Some(DartsConfig::of(Order::Second)),
        "darts1" => Some(DartsConfig::of(Order::First)),
        "pc-darts" => Some(DartsConfig::pc_darts()),
        "gdas" => Some(DartsConfig::of(Order::Sampled)),
        "drnas" => Some(DartsConfig::of(Order::Dirichlet)),
        _ => None,
    }
}

/// These methods train a supernet instead of proposing architectures to be measured.
///
/// # Errors
/// Always: says where they can be used.
pub fn refuse(method: &Method, _: &Task) -> anyhow::Result<Box<dyn Strategy>> {
    let name = method.known.name;
    Err(usage(format!("`{name}` trains a supernet on images: use it with `nas search --strategy {name}`")))
}

impl Gradient {
    /// What a method asks for, if it is one of these.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn of_method(method: &Method) -> anyhow::Result<Option<Self>> {
        published(method.known.name).map(|published| Self::of(method, published)).transpose()
    }

    fn of(method: &Method, published: DartsConfig) -> anyhow::Result<Self> {
        let preset = if method.number("faithful")?.unwrap_or(false) { Guard::FAITHFUL } else { Guard::ACTING };
        let max_skips = match method.text("max_skips") {
            Some("none") => None,
            Some(_) => method.number("max_skips")?,
            None => preset.max_skips,
        };
        let draws = published.order.draws();
        let early_stop = method.number("early_stop")?.unwrap_or(preset.early_stop && !draws);
        let eigenvalue_every = method.number("eigenvalue_every")?.or(draws.then_some(0));
        if early_stop && eigenvalue_every == Some(0) {
            let name = method.known.name;
            return Err(usage(format!(
                "`{name}:eigenvalue_every=0` leaves nothing to stop by; give early_stop=false with it"
            )));
        }
        Ok(Self {
            published,
            partial: method.number("partial")?,
            guard: Guard { early_stop, max_skips, ..preset },
            eigenvalue_every,
            alpha_rate: method.number("alpha_rate")?,
            images: method.number("images")?,
            random: method.number("random")?.unwrap_or(3),
        })
    }

    /// One of so many channels goes through the operations.
    pub fn partial(&self) -> usize {
        self.partial.unwrap_or(self.published.partial)
    }

    /// The settings of a search of so many epochs, `batch_size` images a step. The architecture rests for as large a part of
    /// them as it did when it was published.
    pub fn config(&self, epochs: usize, batch_size: usize, augment: Augment) -> DartsConfig {
        let published = self.published.clone();
        DartsConfig {
            alpha_learning_rate: self.alpha_rate.unwrap_or(published.alpha_learning_rate),
            warmup_epochs: published.warmup_epochs * epochs / published.epochs,
            partial: self.partial(),
            epochs,
            batch_size,
            augment,
            guard: self.guard_for(epochs),
            ..published
        }
    }

    /// The guard of a search of so many epochs.
    pub fn guard_for(&self, epochs: usize) -> Guard {
        Guard { eigenvalue_every: self.eigenvalue_every.unwrap_or((epochs / 25).max(1)), ..self.guard }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> anyhow::Result<Option<Gradient>> {
        Gradient::of_method(&Method::parse(text)?)
    }

    fn check(text: &str, guard: Guard) {
        let found = asked(text).unwrap().unwrap();
        assert_eq!(found.guard_for(50), guard, "{text}");
    }

    #[test]
    fn other_methods_are_none_of_these() {
        assert_eq!(asked("evolution:population=5").unwrap(), None);
        assert_eq!(asked("darts1").unwrap().map(|g| (g.published.order, g.random)), Some((Order::First, 3)));
    }

    #[test]
    fn the_guard_acts_unless_it_is_told_not_to() {
        check("darts", Guard::ACTING);
        check("darts:faithful=true", Guard::FAITHFUL);
        check("darts:faithful=true:max_skips=3", Guard { max_skips: Some(3), ..Guard::FAITHFUL });
        check("darts1:max_skips=none:early_stop=false", Guard::FAITHFUL);
        check("gdas", Guard { eigenvalue_every: 0, early_stop: false, ..Guard::ACTING });
        check("gdas:faithful=true", Guard { eigenvalue_every: 0, ..Guard::FAITHFUL });
        check("drnas", Guard { eigenvalue_every: 0, early_stop: false, ..Guard::ACTING });
        check("darts:eigenvalue_every=5", Guard { eigenvalue_every: 5, ..Guard::ACTING });
    }

    #[test]
    fn the_architecture_of_pc_darts_rests_at_first() {
        let of = |text, epochs| asked(text).unwrap().unwrap().config(epochs, 64, Augment::default());
        let [short, whole] = [of("pc-darts", 10), of("pc-darts:partial=2", 50)];
        assert_eq!((short.warmup_epochs, short.partial, short.alpha_learning_rate), (3, 4, 6e-4));
        assert_eq!(whole, DartsConfig { partial: 2, guard: Guard::ACTING, ..DartsConfig::pc_darts() });
        assert_eq!(of("darts", 50), DartsConfig::default());
        assert!(asked("darts:partial=4").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let message = |text| asked(text).unwrap_err().to_string();
        assert!(message("darts:eigenvalue_every=0").contains("early_stop=false"));
        assert!(message("gdas:early_stop=true").contains("no setting `early_stop`"));
        assert!(message("darts:max_skips=few").contains("`max_skips` = few"));
        assert!(message("darts:faithful=maybe").contains("`faithful` = maybe"));
    }
}
