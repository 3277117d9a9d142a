//! The windows of a plane: their largest values, which pixel won, and the way back.

use super::super::lanes::{LANES, Lanes};
use super::super::plane::Geometry;
use crate::element::{Element, Stored};

/// Calls `$f` with each window of a plane, four neighbours at a time so that none waits for another: with the first
/// one's place in the packed plane, and its number.
macro_rules! each_window {
    ($g:expr, $f:ident :: <$type:ident $(, $flag:tt)?> ($($argument:expr),*)) => {
        for row in 0..$g.output[0] {
            let (mut at, width) = (0, $g.output[1]);
            while at + 4 <= width {
                $f::<$type, 4 $(, $flag)?>($g, $g.start(row, at), row * width + at, $($argument),*);
                at += 4;
            }
            while at < width {
                $f::<$type, 1 $(, $flag)?>($g, $g.start(row, at), row * width + at, $($argument),*);
                at += 1;
            }
        }
    };
}

/// The largest values of all windows. A NaN wins, as in PyTorch: it must surface in the loss, not vanish here.
pub(super) fn maxima<S: Stored>(g: &Geometry, packed: &[Lanes<S::Real>], y: &mut [Lanes<S>]) {
    S::Real::dispatch(
        #[inline(always)]
        || {
            if holds_nan(packed) {
                each_window!(g, largest::<S, true>(packed, y));
                return;
            }
            match (g.taps.len(), g.row_pattern()) {
                (9, (3, 1, 1)) => each_window!(g, largest_of_nine::<S, 1>(packed, y)),
                (9, (3, 1, 2)) => each_window!(g, largest_of_nine::<S, 2>(packed, y)),
                _ => each_window!(g, largest::<S, false>(packed, y)),
            }
        },
    );
}

/// For each window its largest value and the number of the tap that holds it, the first of equal ones. (Where a NaN is
/// among them, the loss is one, too, and its gradient of no use.)
pub(super) fn winners<T: Element>(g: &Geometry, packed: &[Lanes<T>], y: &mut [Lanes<T>], winners: &mut [Lanes<T>]) {
    T::dispatch(
        #[inline(always)]
        || each_window!(g, win::<T>(packed, y, winners)),
    );
}

/// Each pixel's gradient from the windows it wins; `g` is the transposed geometry, whose taps are in reverse order.
pub(super) fn collected<T: Element>(g: &Geometry, winners: &[Lanes<T>], dy: &[Lanes<T>], dx: &mut [Lanes<T>]) {
    T::dispatch(
        #[inline(always)]
        || each_window!(g, collect::<T>(winners, dy, dx)),
    );
}

/// Of windows side by side, of a plane that holds a NaN or not.
#[inline(always)]
fn largest<S: Stored, const P: usize, const NAN: bool>(
    g: &Geometry,
    start: usize,
    number: usize,
    packed: &[Lanes<S::Real>],
    y: &mut [Lanes<S>],
) {
    let mut best = [Lanes::splat(S::Real::LOWEST); P];
    for &tap in &g.taps {
        let values = &packed[start + tap..][..(P - 1) * g.step() + 1];
        for p in 0..P {
            let value = values[p * g.step()];
            best[p] =
                best[p].zip(value, |best, value| if value > best || (NAN && value.is_nan()) { value } else { best });
        }
    }
    for (y, best) in y[number..number + P].iter_mut().zip(best) {
        *y = Lanes::store(best);
    }
}

/// Columns of four 3x3 windows side by side, at a step of two.
const COLUMNS: usize = 9;

/// Of 3x3 windows, `STEP` columns apart, of a plane without a NaN: neighbours share the largest values of their columns.
#[inline(always)]
fn largest_of_nine<S: Stored, const P: usize, const STEP: usize>(
    g: &Geometry,
    start: usize,
    number: usize,
    packed: &[Lanes<S::Real>],
    y: &mut [Lanes<S>],
) {
    let larger = |a: Lanes<S::Real>, b| a.zip(b, |a, b| if a > b { a } else { b });
    let mut columns = [Lanes::splat(S::Real::LOWEST); COLUMNS];
    let count = (P - 1) * STEP + 3;
    for row in 0..3 {
        let values = &packed[start + g.taps[3 * row]..][..count];
        for column in 0..count {
            columns[column] = larger(columns[column], values[column]);
        }
    }
    for p in 0..P {
        let at = p * STEP;
        y[number + p] = Lanes::store(larger(larger(columns[at], columns[at + 1]), columns[at + 2]));
    }
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

#[inline(always)]
fn win<T: Element, const P: usize>(
    g: &Geometry,
    start: usize,
    number: usize,
    packed: &[Lanes<T>],
    y: &mut [Lanes<T>],
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
    y[number..number + P].copy_from_slice(&best);
    winners[number..number + P].copy_from_slice(&winner);
}

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

/// The same, window by window, into a packed plane; `starts` says where each window begins.
pub(super) fn handed_out<T: Element>(
    g: &Geometry,
    winners: &[Lanes<T>],
    starts: &[usize],
    dy: &[Lanes<T>],
    dx: &mut [Lanes<T>],
) {
    T::dispatch(
        #[inline(always)]
        || {
            for ((winner, dy), &start) in winners.iter().zip(dy).zip(starts) {
                let dx = &mut dx[start..];
                let mut own = T::ZERO;
                for &tap in &g.taps {
                    dx[tap] += dy.zip(*winner, |dy, winner| if winner == own { dy } else { T::ZERO });
                    own += T::ONE;
                }
            }
        },
    );
}
