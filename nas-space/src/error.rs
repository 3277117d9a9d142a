//! What can be wrong with a space, an architecture or a network of it.

/// Every error of this crate: a sentence that says what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// No space of that name exists.
    #[error("there is no search space `{name}`{hint}; the spaces are {known}")]
    UnknownSpace {
        /// The name asked for.
        name: String,
        /// The name that may have been meant, as ` (did you mean ...?)`, or nothing.
        hint: String,
        /// The names there are, joined by commas.
        known: String,
    },
    /// An architecture does not belong to the space it is used with.
    #[error("the architecture belongs to the space `{found}`, not to `{expected}`")]
    WrongSpace {
        /// The space that was asked.
        expected: String,
        /// The space that the architecture names.
        found: String,
    },
    /// An architecture has too few or too many choices.
    #[error("space `{space}` has {expected} decisions, the architecture {found} choices")]
    WrongLength {
        /// The space.
        space: String,
        /// Its number of decisions.
        expected: usize,
        /// The number of choices given.
        found: usize,
    },
    /// A choice that its decision does not offer, or not after the choices before it.
    #[error("decision `{decision}` cannot be `{choice}`: {reason}")]
    BadChoice {
        /// The decision's name.
        decision: String,
        /// What was chosen.
        choice: String,
        /// Why it is impossible and what is possible.
        reason: String,
    },
    /// A text form that cannot be read.
    #[error("cannot read {what} at `{near}`: {reason}")]
    Parse {
        /// The kind of text, such as "a genotype".
        what: &'static str,
        /// The text around the fault.
        near: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A genotype that names an operation that does not exist.
    #[error("there is no operation `{name}`{hint}; the operations are {known}")]
    UnknownOperation {
        /// The name asked for.
        name: String,
        /// The name that may have been meant, as ` (did you mean ...?)`, or nothing.
        hint: String,
        /// The names there are, joined by commas.
        known: String,
    },
    /// A genotype that cannot be built.
    #[error("{cell} cell of the genotype: {reason}")]
    Genotype {
        /// "normal" or "reduce".
        cell: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A cell that is not in its space.
    #[error("a cell of the space `{space}`: {reason}")]
    Cell {
        /// The space.
        space: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// An architecture whose network costs more than it may.
    #[error("its network has {found} {what}, the limit is {limit}")]
    OverLimit {
        /// What is limited: "parameters" or "multiply-adds".
        what: &'static str,
        /// How much of it there is.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Limits that no architecture was found to keep to.
    #[error(
        "no architecture of {networks} was found that has at most {limits}: the least had {least}; raise the limit, or \
         take fewer channels or cells"
    )]
    NothingWithin {
        /// The space and the size of its networks, as "`darts` with 8 channels and 5 cells".
        networks: String,
        /// The limits, as "1000 parameters".
        limits: String,
        /// What the smallest network found has, said alike.
        least: String,
    },
    /// A network setting that is impossible.
    #[error("network setting `{setting}` = {value}: {reason}")]
    Config {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Two layers whose shapes do not fit.
    #[error("layer `{layer}`: {reason}")]
    Shape {
        /// The layer's name.
        layer: String,
        /// Which shapes met and which would fit.
        reason: String,
    },
    /// An architecture file of another kind or a newer version, or one cut short.
    #[error("architecture file: {reason}")]
    File {
        /// What is wrong and what to do.
        reason: String,
    },
}
