//! Weights between the form candle holds them in and the form the products read: lanes of output channels.

use super::{LANES, Lanes, Problem, Stages, channel_start};
use crate::element::Element;
use crate::pool::{self, Buffer};

/// The depthwise stage's weights, `[block][tap]` of the input's channels.
pub(super) fn depthwise<T: Element>(p: &Problem<'_>, weight: &[T]) -> Buffer<T> {
    let taps = p.geometry.taps.len();
    let mut lanes = pool::zeros(if weight.is_empty() { 0 } else { p.inputs() * taps });
    if weight.is_empty() {
        return lanes;
    }
    for (channel, &slot) in p.slots.iter().enumerate() {
        for tap in 0..taps {
            lanes[slot / LANES * taps + tap].0[slot % LANES] = weight[channel * taps + tap];
        }
    }
    lanes
}

/// The way back, for gradients.
pub(super) fn depthwise_gradient<T: Element>(p: &Problem<'_>, lanes: &[Lanes<T>], gradient: &mut [T]) {
    let taps = p.geometry.taps.len();
    for (channel, &slot) in p.slots.iter().enumerate() {
        for tap in 0..taps {
            gradient[channel * taps + tap] = lanes[slot / LANES * taps + tap].0[slot % LANES];
        }
    }
}

/// Taps of the dense stage.
fn dense_taps(p: &Problem<'_>) -> usize {
    if matches!(p.stages, Stages::Dense { .. }) { p.geometry.taps.len() } else { 1 }
}

/// Calls `f` with (output channel, input channel, tap, index in candle's weight) for every weight of the dense stage.
fn each_dense(p: &Problem<'_>, mut f: impl FnMut(usize, usize, usize, usize)) {
    let (taps, fan_in) = (dense_taps(p), p.fan_in());
    let fan_out = p.out / p.groups();
    for output in 0..p.out {
        for input in 0..fan_in {
            let channel = output / fan_out * fan_in + input;
            for tap in 0..taps {
                f(output, channel, tap, (output * fan_in + input) * taps + tap);
            }
        }
    }
}

/// The dense stage's weights, `[output block][input channel, tap]`.
pub(super) fn dense<T: Element>(p: &Problem<'_>, weight: &[T]) -> Buffer<T> {
    if weight.is_empty() {
        return pool::take(0);
    }
    let taps = dense_taps(p);
    let terms = p.slots.len() * taps;
    let mut lanes = pool::zeros(p.out.div_ceil(LANES) * terms);
    each_dense(p, |output, channel, tap, index| {
        lanes[output / LANES * terms + channel * taps + tap].0[output % LANES] = weight[index];
    });
    lanes
}

/// The way back, for gradients.
pub(super) fn dense_gradient<T: Element>(p: &Problem<'_>, lanes: &[Lanes<T>], gradient: &mut [T]) {
    let taps = dense_taps(p);
    let terms = p.slots.len() * taps;
    each_dense(p, |output, channel, tap, index| {
        gradient[index] = lanes[output / LANES * terms + channel * taps + tap].0[output % LANES];
    });
}

/// The dense stage's weights turned around, `[tap][input block][output channel]` of lanes of input channels.
pub(super) fn dense_turned<T: Element>(p: &Problem<'_>, weight: &[T]) -> Buffer<T> {
    if weight.is_empty() {
        return pool::take(0);
    }
    let inputs = p.inputs();
    let mut lanes = pool::zeros(dense_taps(p) * inputs * p.out);
    each_dense(p, |output, channel, tap, index| {
        let slot = p.slots[channel];
        lanes[(tap * inputs + slot / LANES) * p.out + output].0[slot % LANES] = weight[index];
    });
    lanes
}

/// Where each output channel lies in blocks of `together` planes of `plane` pixels.
pub(super) fn output_terms(p: &Problem<'_>, plane: usize) -> Vec<usize> {
    (0..p.out).map(|channel| channel_start(channel, plane)).collect()
}
