//! The text forms in which others read an architecture: a DARTS `Genotype`, the strings and names of the NAS-Bench papers.

use nas_space::spaces::{Darts, NasBench101, NasBench201, NasBenchMacro, by_name};
use nas_space::{Architecture, Blueprint, Cells, Genotype, SearchSpace};

use crate::exit::usage;

/// Each form of an architecture: what it is, and the text.
///
/// # Errors
/// A sentence where neither DARTS nor a NAS-Bench paper has a form for it.
pub fn forms(blueprint: &Blueprint) -> anyhow::Result<Vec<(&'static str, String)>> {
    match (blueprint, blueprint.cells()) {
        (_, Some(cells)) => darts_form(&cells),
        (Blueprint::Point(point), None) => point_forms(point),
        (Blueprint::Genotype(genotype), None) => Ok(vec![("darts", genotype.to_string())]),
        (Blueprint::Cells(cells), None) => darts_form(cells),
    }
}

fn point_forms(point: &Architecture) -> anyhow::Result<Vec<(&'static str, String)>> {
    let name = point.space.as_str();
    if name == Darts.name() {
        return Ok(vec![("darts", Darts.to_genotype(point)?.to_string())]);
    }
    let text = by_name(name)?.text(point);
    if name == NasBench101.name() {
        return Ok(vec![("nasbench101", text), ("nasbench101_hash", NasBench101.cell(point)?.hash())]);
    }
    if name == NasBench201.name() {
        return Ok(vec![("nasbench201", text)]);
    }
    if name == NasBenchMacro.name() {
        return Ok(vec![("nasbench_macro", text)]);
    }
    Err(usage(format!(
        "neither DARTS nor a NAS-Bench paper has a text form for networks of the space `{name}`; its own is `{text}`"
    )))
}

/// Cells of NASNet, AmoebaNet and ENAS as the DARTS repository writes them, where that says all of them.
fn darts_form(cells: &Cells) -> anyhow::Result<Vec<(&'static str, String)>> {
    let text = cells.genotype.to_string();
    let reason = if !(cells.normal_joined.is_empty() && cells.reduce_joined.is_empty()) {
        "a node that concatenates its two sides"
    } else if Genotype::parse(&text).is_err() {
        "an output that takes one of the cell's inputs"
    } else {
        return Ok(vec![("darts", text)]);
    };
    Err(usage(format!("a DARTS `Genotype` cannot say {reason}; the text form of these cells is `{cells}`")))
}

#[cfg(test)]
mod tests {
    use nas_space::{Seed, published, spaces};

    use super::*;

    #[test]
    fn every_form_is_read_back() {
        for name in ["darts", "nasbench101", "nasbench201", "nasbench-macro"] {
            let space = spaces::by_name(name).unwrap();
            for seed in 0..20 {
                let point = space.sample(&mut Seed::new(seed).rng());
                for (form, text) in forms(&Blueprint::Point(point.clone())).unwrap() {
                    let again = Blueprint::from_text(&text).unwrap();
                    let key = match &again {
                        Blueprint::Point(again) => space.canonical(again),
                        Blueprint::Genotype(again) => space.canonical(&Darts.from_genotype(again).unwrap()),
                        Blueprint::Cells(_) => panic!("{form}: {text}"),
                    };
                    assert_eq!(key, space.canonical(&point), "{form}: {text}");
                }
            }
        }
    }

    #[test]
    fn published_cells_have_the_form_of_the_darts_repository() {
        let text = |name: &str| forms(&published(name).unwrap().blueprint()).map(|forms| forms[0].1.clone());
        let darts = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
                     ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], \
                     normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
                     ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), \
                     ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])";
        assert_eq!(text("DARTS_V2").unwrap(), darts);
        let amoeba = text("AmoebaNet-B").unwrap();
        assert!(amoeba.starts_with("Genotype(normal=[("), "{amoeba}");
    }

    #[test]
    fn what_has_no_form_gets_a_sentence_with_its_own() {
        let said = |blueprint: &Blueprint| forms(blueprint).unwrap_err().to_string();
        let zoph = Blueprint::from_text("zoph-2: 3x5x24 | 7x1x36 1").unwrap();
        assert_eq!(
            said(&zoph),
            "neither DARTS nor a NAS-Bench paper has a text form for networks of the space `zoph-2`; its own is \
             `zoph-2: 3x5x24 | 7x1x36 1`"
        );
        let joined = "NASNet(normal=[('sep_conv_3x3', 1), ('skip_connect', 0)], normal_concat=[2], normal_joined=[0], \
                      reduce=[('sep_conv_5x5', 0), ('avg_pool_3x3', 1)], reduce_concat=[2])";
        let said = said(&Blueprint::from_text(joined).unwrap());
        assert!(said.contains("concatenates its two sides") && said.contains(joined), "{said}");
    }
}
