//! A key for networks that differ in the numbering of their layers only.
//!
//! Layers are coloured by what they are, and as often as there are layers by the colours of those they read and those
//! that read them. They are then written down in an order that always takes the first by colour of those whose inputs
//! are written already. The key is a whole description of the network, so equal keys mean equal networks; only layers
//! that neither colours nor inputs tell apart keep the order they came in.

use super::Chosen;

/// The key.
pub(super) fn key(layers: &[Chosen]) -> String {
    let colours = colours(layers);
    let mut place: Vec<Option<usize>> = vec![None; layers.len()];
    let mut parts = Vec::with_capacity(layers.len());
    for next in 0..layers.len() {
        let placed_inputs = |layer: usize| -> Option<Vec<usize>> {
            let mut inputs: Vec<usize> = layers[layer].inputs.iter().map(|&from| place[from]).collect::<Option<_>>()?;
            inputs.sort_unstable();
            Some(inputs)
        };
        let open = (0..layers.len()).filter(|&layer| place[layer].is_none());
        let ready = open.filter_map(|layer| Some((colours[layer], placed_inputs(layer)?, layer)));
        let (_, inputs, layer) = ready.min().expect("layers read earlier layers only, so one is always ready");
        place[layer] = Some(next);
        let Chosen { kernel: [h, w], stride: [r, c], filters, .. } = layers[layer];
        parts.push(format!("{h}x{w}x{filters}/{r}x{c}{inputs:?}"));
    }
    parts.join(";")
}

/// A number for each layer, equal for layers that cannot be told apart by what surrounds them.
fn colours(layers: &[Chosen]) -> Vec<usize> {
    let mut colours = ranks(layers.iter().map(|layer| (layer.kernel, layer.stride, layer.filters)).collect());
    for _ in 0..layers.len() {
        let sorted = |mut colours: Vec<usize>| {
            colours.sort_unstable();
            colours
        };
        let refined = |(index, layer): (usize, &Chosen)| {
            let inputs = sorted(layer.inputs.iter().map(|&from| colours[from]).collect());
            let readers = layers.iter().enumerate().filter(|(_, other)| other.inputs.contains(&index));
            (colours[index], inputs, sorted(readers.map(|(reader, _)| colours[reader]).collect()))
        };
        colours = ranks(layers.iter().enumerate().map(refined).collect());
    }
    colours
}

/// The rank of each value among the distinct ones.
fn ranks<T: Ord + Clone>(values: Vec<T>) -> Vec<usize> {
    let mut distinct = values.clone();
    distinct.sort();
    distinct.dedup();
    values.iter().map(|value| distinct.binary_search(value).expect("every value is among them")).collect()
}
