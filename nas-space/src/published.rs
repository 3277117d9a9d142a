//! Cells that papers published, by the names under which they are known.

use crate::Genotype;

/// A published cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedCell {
    /// Its name, such as `DARTS_V2`.
    pub name: &'static str,
    /// Its genotype in text form.
    pub text: &'static str,
    /// The paper and what found it.
    pub source: &'static str,
}

impl PublishedCell {
    /// The cell's genotype.
    pub fn genotype(&self) -> Genotype {
        Genotype::parse(self.text).expect("published genotypes are valid: a test reads them all")
    }
}

const CELLS: &[PublishedCell] = &[
    PublishedCell {
        name: "DARTS_V1",
        text: "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), \
               ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], \
               normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
               ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), \
               ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])",
        source: "Liu, Simonyan & Yang 2019, DARTS, first order, CIFAR-10",
    },
    PublishedCell {
        name: "DARTS_V2",
        text: "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
               ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], \
               normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
               ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), \
               ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])",
        source: "Liu, Simonyan & Yang 2019, DARTS, second order, CIFAR-10",
    },
];

/// Every published cell.
pub fn published_cells() -> &'static [PublishedCell] {
    CELLS
}

/// The published cell of a name; case does not matter.
pub fn published(name: &str) -> Option<&'static PublishedCell> {
    CELLS.iter().find(|cell| cell.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_genotype_in_its_own_spelling() {
        for cell in published_cells() {
            assert_eq!(cell.genotype().to_string(), cell.text, "{}", cell.name);
            assert_eq!(published(&cell.name.to_lowercase()), Some(cell));
        }
        assert_eq!(published("DARTS_V3"), None);
    }
}
