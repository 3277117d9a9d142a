//! The gradient-based methods, as they are asked for: `darts1`, `darts`, `gdas`, each with its settings.

use nas_oneshot::{Guard, Order};
use nas_search::Strategy;

use crate::exit::usage;
use crate::plan::PUBLISHED_EPOCHS;
use crate::strategies::{Method, Task};

/// A search on a supernet, as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// First or second order.
    pub order: Order,
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

/// The settings of GDAS, which never runs the whole mixture that an eigenvalue is taken of.
pub const SAMPLED_SETTINGS: &[(&str, &str)] = &[
    ("faithful", "true: the published search, without a limit on skips"),
    SETTINGS[2],
    SETTINGS[4],
    SETTINGS[5],
    SETTINGS[6],
];

/// The passes of the published search of an order.
pub fn published_epochs(order: Order) -> usize {
    if order == Order::Sampled { 250 } else { PUBLISHED_EPOCHS }
}

/// The order of the gradients of a method, where it is one of these.
pub fn order_of(name: &str) -> Option<Order> {
    match name {
        "darts" => Some(Order::Second),
        "darts1" => Some(Order::First),
        "gdas" => Some(Order::Sampled),
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
        order_of(method.known.name).map(|order| Self::of(method, order)).transpose()
    }

    fn of(method: &Method, order: Order) -> anyhow::Result<Self> {
        let preset = if method.number("faithful")?.unwrap_or(false) { Guard::FAITHFUL } else { Guard::ACTING };
        let max_skips = match method.text("max_skips") {
            Some("none") => None,
            Some(_) => method.number("max_skips")?,
            None => preset.max_skips,
        };
        let is_sampled = order == Order::Sampled;
        let early_stop = method.number("early_stop")?.unwrap_or(preset.early_stop && !is_sampled);
        let eigenvalue_every = method.number("eigenvalue_every")?.or(is_sampled.then_some(0));
        if early_stop && eigenvalue_every == Some(0) {
            let name = method.known.name;
            return Err(usage(format!(
                "`{name}:eigenvalue_every=0` leaves nothing to stop by; give early_stop=false with it"
            )));
        }
        Ok(Self {
            order,
            guard: Guard { early_stop, max_skips, ..preset },
            eigenvalue_every,
            alpha_rate: method.number("alpha_rate")?,
            images: method.number("images")?,
            random: method.number("random")?.unwrap_or(3),
        })
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
        assert_eq!(asked("darts1").unwrap().map(|g| (g.order, g.random)), Some((Order::First, 3)));
    }

    #[test]
    fn the_guard_acts_unless_it_is_told_not_to() {
        check("darts", Guard::ACTING);
        check("darts:faithful=true", Guard::FAITHFUL);
        check("darts:faithful=true:max_skips=3", Guard { max_skips: Some(3), ..Guard::FAITHFUL });
        check("darts1:max_skips=none:early_stop=false", Guard::FAITHFUL);
        check("gdas", Guard { eigenvalue_every: 0, early_stop: false, ..Guard::ACTING });
        check("gdas:faithful=true", Guard { eigenvalue_every: 0, ..Guard::FAITHFUL });
        check("darts:eigenvalue_every=5", Guard { eigenvalue_every: 5, ..Guard::ACTING });
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
