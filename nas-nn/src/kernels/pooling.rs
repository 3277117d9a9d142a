//! Maximum and average pooling with padding, plane by plane, and the mean of whole planes.

use nas_space::PoolKind;

use super::depthwise;
use super::elementwise::write;
use super::lanes::{LANES, Lanes, update, update_from};
use super::pieces::{each_part, samples_per_piece};
use super::plane::Geometry;
use super::read::{Operand, Read};
use crate::element::Element;
use crate::pool;
use crate::simd::{dispatch, items_per_task};

/// The sizes of one pooling.
pub(crate) struct Problem {
    pub(crate) kind: PoolKind,
    pub(crate) geometry: Geometry,
    pub(crate) batch: usize,
}

impl Problem {
    /// What pixels outside the image read as.
    fn outside<T: Element>(&self) -> Lanes<T> {
        match self.kind {
            PoolKind::Max => Lanes::splat(T::LOWEST),
            PoolKind::Average => Lanes::ZERO,
        }
    }

    /// For each output pixel, one over the number of its window's pixels inside the image.
    fn shares<T: Element>(&self) -> Vec<Lanes<T>> {
        let g = &self.geometry;
        let mut inside = vec![Lanes::<T>::ZERO; g.packed_len()];
        g.pack(&vec![Lanes::splat(T::ONE); g.input_len()], Read::PLAIN, Lanes::ZERO, &mut inside);
        let count = |start: usize| g.taps.iter().map(|tap| inside[start + tap].0[0].wide()).sum::<f64>();
        g.starts().map(|start| Lanes::splat(T::of(1.0 / count(start)))).collect()
    }

    fn piece(&self) -> usize {
        samples_per_piece(self.batch)
    }

    fn items_per_task(&self) -> usize {
        items_per_task(self.piece() * self.geometry.output_len() * LANES * self.geometry.taps.len())
    }
}

/// Calls `$f` with each window of a plane, four neighbours at a time so that none waits for another: with the first
/// one's place in the packed plane, and its number.
macro_rules! each_window {
    ($g:expr, $f:ident :: <T $(, $flag:tt)?> ($($argument:expr),*)) => {
        for row in 0..$g.output[0] {
            let (mut at, width) = (0, $g.output[1]);
            while at + 4 <= width {
                $f::<T, 4 $(, $flag)?>($g, $g.start(row, at), row * width + at, $($argument),*);
                at += 4;
            }
            while at < width {
                $f::<T, 1 $(, $flag)?>($g, $g.start(row, at), row * width + at, $($argument),*);
                at += 1;
            }
        }
    };
}

/// The largest values of windows, of a plane that holds a NaN or not. A NaN wins, as in PyTorch: it must surface in the
/// loss, not vanish here.
#[inline(always)]
fn largest<T: Element, const P: usize, const NAN: bool>(
    g: &Geometry,
    start: usize,
    number: usize,
    packed: &[Lanes<T>],
    y: &mut [Lanes<T>],
) {
    let mut best = [Lanes::splat(T::LOWEST); P];
    for &tap in &g.taps {
        let values = &packed[start + tap..][..(P - 1) * g.step() + 1];
        for p in 0..P {
            let value = values[p * g.step()];
            best[p] =
                best[p].zip(value, |best, value| if value > best || (NAN && value.is_nan()) { value } else { best });
        }
    }
    y[number..number + P].copy_from_slice(&best);
}

/// Whether a NaN is among the values: asked once a plane, it need not be asked once a tap.
#[inline(always)]
fn holds_nan<T: Element>(packed: &[Lanes<T>]) -> bool {
    let mut found = Lanes::ZERO;
    let (chunks, rest) = packed.as_chunks::<4>();
    for chunk in chunks {
        for lanes in chunk {
            found = found.zip(*lanes, |found, value| if value.is_nan() { T::ONE } else { found });
        }
    }
    for lanes in rest {
        found = found.zip(*lanes, |found, value| if value.is_nan() { T::ONE } else { found });
    }
    found != Lanes::ZERO
}

/// y = pool(x), into the blocks of the output. An average is a depthwise convolution with equal weights, and a share.
pub(crate) fn forward<T: Element>(p: &Problem, x: &Operand<'_, T>, y: Vec<&mut [Lanes<T>]>) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let shares: Vec<Lanes<T>> = if p.kind == PoolKind::Average { p.shares() } else { Vec::new() };
    let ones = vec![Lanes::splat(T::ONE); g.taps.len()];
    let piece = p.piece();
    each_part(y, piece * output, p.items_per_task(), |block, index, y| {
        let mut packed = pool::take::<T>(g.packed_len());
        let x_block = &x.blocks[block][index * piece * input..];
        let read = x.read(block);
        dispatch(
            #[inline(always)]
            || {
                for (x, y) in x_block.chunks_exact(input).zip(y.chunks_exact_mut(output)) {
                    g.pack(x, read, p.outside(), &mut packed);
                    if p.kind == PoolKind::Average {
                        depthwise::forward(g, &ones, &packed, y);
                        update(
                            y,
                            &shares,
                            #[inline(always)]
                            |sum, share| sum * share,
                        );
                    } else if holds_nan(&packed) {
                        each_window!(g, largest::<T, true>(&packed, y));
                    } else {
                        each_window!(g, largest::<T, false>(&packed, y));
                    }
                }
            },
        );
    });
}

/// dx from dy, added to what `dx` holds where `add` is set; for the maximum, the first of equal pixels (in reading order)
/// receives the gradient, as in PyTorch. An average does not read `x`.
pub(crate) fn input_gradient<T: Element>(
    p: &Problem,
    x: Option<&Operand<'_, T>>,
    dy: &[&[Lanes<T>]],
    dx: Vec<&mut [Lanes<T>]>,
    add: bool,
) {
    let g = &p.geometry;
    let (input, output) = (g.input_len(), g.output_len());
    let starts: Vec<usize> = g.starts().collect();
    let shares: Vec<Lanes<T>> = if p.kind == PoolKind::Average { p.shares() } else { Vec::new() };
    let ones = vec![Lanes::splat(T::ONE); g.taps.len()];
    let transposed = g.transposed();
    let spread_len = transposed.as_ref().map_or(0, Geometry::packed_len);
    let piece = p.piece();
    each_part(dx, piece * input, p.items_per_task(), |block, index, dx| {
        // The gradient as it is shared out, or the tap that wins each window; then their padded planes.
        let mut packed = pool::take::<T>(g.packed_len());
        let mut own = pool::take::<T>(output);
        let (mut spread, mut winners) = (pool::take::<T>(spread_len), pool::take::<T>(spread_len));
        let mut plane = pool::take::<T>(input);
        let first = index * piece;
        dispatch(
            #[inline(always)]
            || {
                for (sample, dx) in dx.chunks_exact_mut(input).enumerate() {
                    let sample = first + sample;
                    let dy = &dy[block][sample * output..(sample + 1) * output];
                    let maximum = x.filter(|_| p.kind == PoolKind::Max);
                    if let Some(x) = maximum {
                        let x_plane = &x.blocks[block][sample * input..(sample + 1) * input];
                        g.pack(x_plane, x.read(block), p.outside(), &mut packed);
                        each_window!(g, win::<T>(&packed, &mut own));
                    } else {
                        update_from(
                            &mut own,
                            dy,
                            &shares,
                            #[inline(always)]
                            |_, dy, share| dy * share,
                        );
                    }
                    match (&transposed, maximum) {
                        (Some(transposed), None) => {
                            transposed.pack(&own, Read::PLAIN, Lanes::ZERO, &mut spread);
                            depthwise::forward(transposed, &ones, &spread, &mut plane);
                        }
                        (Some(transposed), Some(_)) => {
                            transposed.pack(dy, Read::PLAIN, Lanes::ZERO, &mut spread);
                            transposed.pack(&own, Read::PLAIN, Lanes::splat(T::LOWEST), &mut winners);
                            each_window!(transposed, collect::<T>(&winners, &spread, &mut plane));
                        }
                        (None, None) => {
                            packed.fill(Lanes::ZERO);
                            depthwise::scatter(g, &ones, &own, &mut packed);
                            g.unpack(&packed, &mut plane);
                        }
                        (None, Some(_)) => {
                            packed.fill(Lanes::ZERO);
                            hand_out(g, &own, &starts, dy, &mut packed);
                            g.unpack(&packed, &mut plane);
                        }
                    }
                    write(
                        &plane,
                        dx,
                        add,
                        #[inline(always)]
                        |value| value,
                    );
                }
            },
        );
    });
}

/// For each window the number of the tap that holds its largest value, the first of equal ones. (Where a NaN is among
/// them, the loss is one, too, and its gradient of no use.)
#[inline(always)]
fn win<T: Element, const P: usize>(
    g: &Geometry,
    start: usize,
    number: usize,
    packed: &[Lanes<T>],
    winners: &mut [Lanes<T>],
) {
    let (mut best, mut winner) = ([Lanes::splat(T::LOWEST); P], [Lanes::ZERO; P]);
    let mut own = T::ZERO;
    for &tap in &g.taps {
        let values = &packed[start + tap..][..(P - 1) * g.step() + 1];
        for p in 0..P {
            let value = values[p * g.step()];
            for lane in 0..LANES {
                let larger = value.0[lane] > best[p].0[lane];
                best[p].0[lane] = if larger { value.0[lane] } else { best[p].0[lane] };
                winner[p].0[lane] = if larger { own } else { winner[p].0[lane] };
            }
        }
        own += T::ONE;
    }
    winners[number..number + P].copy_from_slice(&winner);
}

/// Each pixel's gradient from the windows it wins; `g` is the transposed geometry, whose taps are in reverse order.
#[inline(always)]
fn collect<T: Element, const P: usize>(
    g: &Geometry,
    start: usize,
    number: usize,
    winners: &[Lanes<T>],
    dy: &[Lanes<T>],
    dx: &mut [Lanes<T>],
) {
    let mut own = T::of((g.taps.len() - 1) as f64);
    let mut sums = [Lanes::ZERO; P];
    for &tap in &g.taps {
        let (winners, dy) = (&winners[start + tap..][..P], &dy[start + tap..][..P]);
        for p in 0..P {
            sums[p] += dy[p].zip(winners[p], |dy, winner| if winner == own { dy } else { T::ZERO });
        }
        own += T::of(-1.0);
    }
    dx[number..number + P].copy_from_slice(&sums);
}

/// The same, window by window, into a packed plane.
#[inline(always)]
fn hand_out<T: Element>(g: &Geometry, winners: &[Lanes<T>], starts: &[usize], dy: &[Lanes<T>], dx: &mut [Lanes<T>]) {
    for ((winner, dy), &start) in winners.iter().zip(dy).zip(starts) {
        let dx = &mut dx[start..];
        let mut own = T::ZERO;
        for &tap in &g.taps {
            dx[tap] += dy.zip(*winner, |dy, winner| if winner == own { dy } else { T::ZERO });
            own += T::ONE;
        }
    }
}

/// The mean of every plane of `pixels` pixels: blocks of one pixel a sample.
pub(crate) fn mean_planes<T: Element>(x: &Operand<'_, T>, pixels: usize, y: Vec<&mut [Lanes<T>]>) {
    let share = Lanes::splat(1.0 / pixels as f64);
    let batch = y.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_part(y, piece, items_per_task(piece * pixels * LANES), |block, index, y| {
        let read = x.read(block);
        let x = &x.blocks[block][index * piece * pixels..];
        for (y, x) in y.iter_mut().zip(x.chunks_exact(pixels)) {
            let mut sum = Lanes::ZERO;
            for value in x {
                sum += read.apply(*value);
            }
            *y = Lanes::of(sum.wide() * share);
        }
    });
}

/// dx = dy of its plane / pixels, added to what `dx` holds where `add` is set.
pub(crate) fn spread_planes<T: Element>(dy: &[&[Lanes<T>]], pixels: usize, dx: Vec<&mut [Lanes<T>]>, add: bool) {
    let share = Lanes::splat(T::of(1.0 / pixels as f64));
    let batch = dy.first().map_or(0, |block| block.len());
    let piece = samples_per_piece(batch);
    each_part(dx, piece * pixels, items_per_task(piece * pixels * LANES), |block, index, dx| {
        for (dx, dy) in dx.chunks_exact_mut(pixels).zip(&dy[block][index * piece..]) {
            let value = *dy * share;
            for dx in dx {
                *dx = if add { *dx + value } else { value };
            }
        }
    });
}
