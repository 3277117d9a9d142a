//! Cells, and one whole network, that papers published, by the names under which they are known.

mod darts_form;
mod official;

use std::sync::LazyLock;

use crate::{Blueprint, Genotype, NetworkConfig};

/// A published cell.
#[derive(Clone, Copy, Debug)]
pub struct PublishedCell {
    /// Its name, such as `DARTS_V2`.
    pub name: &'static str,
    /// Its text form, as [`Blueprint::from_text`] reads it.
    pub text: &'static str,
    /// The paper and what found it.
    pub source: &'static str,
    /// The network it was published for, where that is not the default of its form.
    network: Option<fn() -> NetworkConfig>,
}

impl PublishedCell {
    /// The cell, in whatever form it has.
    pub fn blueprint(&self) -> Blueprint {
        Blueprint::from_text(self.text).expect("published texts are valid: a test reads them all")
    }

    /// The genotype of a cell in the form of DARTS.
    ///
    /// # Panics
    /// If the cell has another form, as `NASNet-A` does; [`blueprint`](Self::blueprint) has them all.
    pub fn genotype(&self) -> Genotype {
        Genotype::parse(self.text).expect("its text begins with `Genotype`")
    }

    /// The network it was published for.
    pub fn network(&self) -> NetworkConfig {
        self.network.map_or_else(|| self.blueprint().default_config(), |network| network())
    }
}

static CELLS: LazyLock<Vec<PublishedCell>> = LazyLock::new(|| [darts_form::CELLS, official::CELLS].concat());

/// Every published cell.
pub fn published_cells() -> &'static [PublishedCell] {
    &CELLS
}

/// The published cell of a name; case does not matter.
pub fn published(name: &str) -> Option<&'static PublishedCell> {
    CELLS.iter().find(|cell| cell.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_and_written_in_its_own_spelling() {
        for cell in published_cells() {
            assert_eq!(cell.blueprint().text(), cell.text, "{}", cell.name);
            assert_eq!(published(&cell.name.to_lowercase()).map(|found| found.text), Some(cell.text));
            cell.network().check().expect("its network can be built");
        }
        assert!(published("DARTS_V3").is_none());
    }

    #[test]
    fn no_two_have_one_name() {
        let mut names: Vec<String> = published_cells().iter().map(|cell| cell.name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), published_cells().len());
    }
}
