//! The geometry of a sliding window, reduced to offsets.
//!
//! One plane is copied into a padded buffer, split by stride into phases (even and odd rows and columns for stride 2).
//! In that buffer every tap of the window is a constant offset: output `i` reads `buffer[i + offset]`, with `i` running
//! flat over rows of `pitch` elements. Stride, dilation, padding and kernel shape all vanish into the list of offsets;
//! the few columns between the rows that belong to no output are computed and thrown away.

use nas_space::Window;

use super::matrix::{Plain, Read};
use crate::element::Element;
use crate::simd::LANES;

/// Where everything lies for one window on one plane size.
pub(crate) struct Geometry {
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    stride: [usize; 2],
    before: [isize; 2],
    /// Rows of one phase.
    rows: usize,
    /// Elements of one row of a phase.
    pub(crate) pitch: usize,
    /// Elements of one phase.
    phase: usize,
    /// For each tap: its phase, and its offset within the phase.
    pub(crate) taps: Vec<(usize, usize)>,
}

impl Geometry {
    /// The geometry for planes of `input` (rows, columns); the output size must exist.
    pub(crate) fn new(window: &Window, input: [usize; 2]) -> Option<Self> {
        let output = window.output(input)?;
        let Window { kernel, stride, before, dilation, .. } = *window;
        let reach = |axis: usize| (kernel[axis] - 1) * dilation[axis] / stride[axis];
        let (rows, pitch) = (output[0] + reach(0), output[1] + reach(1));
        let phase = rows * pitch;
        let mut taps = Vec::with_capacity(kernel[0] * kernel[1]);
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let (y, x) = (ky * dilation[0], kx * dilation[1]);
                let index = (y % stride[0]) * stride[1] + x % stride[1];
                taps.push((index, (y / stride[0]) * pitch + x / stride[1]));
            }
        }
        Some(Self { input, output, stride, before, rows, pitch, phase, taps })
    }

    /// Whether planes can be read where they lie: one tap, no stride, no padding.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.taps.len() == 1 && self.stride == [1, 1] && self.input == self.output && self.before == [0, 0]
    }

    pub(crate) fn input_len(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub(crate) fn output_len(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub(crate) fn phases(&self) -> usize {
        self.stride[0] * self.stride[1]
    }

    /// Elements of one phase.
    pub(crate) fn phase_len(&self) -> usize {
        self.phase
    }

    /// Elements of a packed plane.
    pub(crate) fn packed_len(&self) -> usize {
        self.phases() * self.phase + LANES
    }

    /// Elements of the flat output: from the first output pixel to the last.
    pub(crate) fn flat_len(&self) -> usize {
        (self.output[0] - 1) * self.pitch + self.output[1]
    }

    /// The offset of each tap in a packed plane.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        self.taps.iter().map(|&(phase, offset)| phase * self.phase + offset)
    }

    /// The largest offset of a tap within its phase: the margin before a gradient that is read backwards.
    pub(crate) fn margin(&self) -> usize {
        self.taps.iter().map(|&(_, offset)| offset).max().unwrap_or(0)
    }

    /// Elements of a gradient plane spread by [`spread`](Self::spread).
    pub(crate) fn spread_len(&self) -> usize {
        self.margin() + self.phase + LANES
    }

    /// The columns `from..to` of a phase row that lie inside the image, for the phase's first column `first`.
    #[inline(always)]
    fn inside(&self, first: isize, axis: usize, count: usize) -> (usize, usize) {
        let stride = self.stride[axis] as isize;
        let from = if first < 0 { (-first + stride - 1) / stride } else { 0 };
        let last = self.input[axis] as isize - 1 - first;
        let to = if last < 0 { 0 } else { last / stride + 1 };
        ((from as usize).min(count), (to as usize).min(count).max((from as usize).min(count)))
    }

    /// Copies a plane into its padded, phase-split form. What lies outside the image is left as it is: the caller makes
    /// the buffer of the value it shall read as, once for all planes.
    #[inline(always)]
    pub(crate) fn pack<T: Element, R: Read>(&self, plane: &[T], packed: &mut [T]) {
        for py in 0..self.stride[0] {
            for px in 0..self.stride[1] {
                let base = (py * self.stride[1] + px) * self.phase;
                let (top, left) = (py as isize - self.before[0], px as isize - self.before[1]);
                let (y0, y1) = self.inside(top, 0, self.rows);
                let (x0, x1) = self.inside(left, 1, self.pitch);
                if x0 >= x1 {
                    continue;
                }
                for row in y0..y1 {
                    let target = &mut packed[base + row * self.pitch + x0..base + row * self.pitch + x1];
                    let y = (top + (row * self.stride[0]) as isize) as usize;
                    let first = (left + (x0 * self.stride[1]) as isize) as usize;
                    let source = &plane[y * self.input[1] + first..(y + 1) * self.input[1]];
                    if self.stride[1] == 1 {
                        copy_row::<T, R>(source, target);
                    } else {
                        let source = source.iter().step_by(self.stride[1]);
                        target.iter_mut().zip(source).for_each(|(t, s)| *t = R::read(*s));
                    }
                }
            }
        }
    }

    /// The way back: reads the image's pixels out of a packed plane; pixels no window touches become zero.
    #[inline(always)]
    pub(crate) fn unpack<T: Element>(&self, packed: &[T], plane: &mut [T]) {
        if !self.covers(0, self.rows) || !self.covers(1, self.pitch) {
            plane.fill(T::ZERO);
        }
        for py in 0..self.stride[0] {
            for px in 0..self.stride[1] {
                let base = (py * self.stride[1] + px) * self.phase;
                let (top, left) = (py as isize - self.before[0], px as isize - self.before[1]);
                let (y0, y1) = self.inside(top, 0, self.rows);
                let (x0, x1) = self.inside(left, 1, self.pitch);
                if x0 >= x1 {
                    continue;
                }
                for row in y0..y1 {
                    let source = &packed[base + row * self.pitch + x0..base + row * self.pitch + x1];
                    let y = (top + (row * self.stride[0]) as isize) as usize;
                    let first = (left + (x0 * self.stride[1]) as isize) as usize;
                    let target = &mut plane[y * self.input[1] + first..(y + 1) * self.input[1]];
                    if self.stride[1] == 1 {
                        copy_row::<T, Plain>(source, &mut target[..source.len()]);
                    } else {
                        target.iter_mut().step_by(self.stride[1]).zip(source).for_each(|(t, s)| *t = *s);
                    }
                }
            }
        }
    }

    /// Whether the windows reach every pixel along an axis, given the length of a phase along it.
    fn covers(&self, axis: usize, length: usize) -> bool {
        let before = self.before[axis];
        before >= 0 && self.input[axis] + before as usize <= length * self.stride[axis]
    }

    /// Lays an output plane out in rows of `pitch` after a margin of [`margin`](Self::margin). What lies between and
    /// around stays as it is: the caller makes the buffer of zeros, once for all planes.
    #[inline(always)]
    pub(crate) fn spread<T: Element>(&self, plane: &[T], spread: &mut [T]) {
        let margin = self.margin();
        for (row, source) in plane.chunks_exact(self.output[1]).enumerate() {
            copy_row::<T, Plain>(source, &mut spread[margin + row * self.pitch..][..self.output[1]]);
        }
    }

    /// Takes the output pixels out of a flat result.
    #[inline(always)]
    pub(crate) fn gather<T: Element>(&self, flat: &[T], plane: &mut [T]) {
        for (row, target) in plane.chunks_exact_mut(self.output[1]).enumerate() {
            copy_row::<T, Plain>(&flat[row * self.pitch..][..self.output[1]], target);
        }
    }

    /// Where the image's first pixel lies in its packed plane, with stride 1 and windows that reach every pixel: then the
    /// image's rows follow one another by [`pitch`](Self::pitch).
    pub(crate) fn first_pixel(&self) -> Option<usize> {
        let whole = self.stride == [1, 1] && self.covers(0, self.rows) && self.covers(1, self.pitch);
        whole.then(|| self.before[0] as usize * self.pitch + self.before[1] as usize)
    }
}

/// Copies one row, in registers as wide as it allows; the last overlaps the one before. Rows are so short that the scalar
/// remainder of an ordinary loop would be most of the work.
#[inline(always)]
fn copy_row<T: Element, R: Read>(source: &[T], target: &mut [T]) {
    let n = target.len();
    let source = &source[..n];
    if n >= LANES {
        overlapping::<T, R, LANES>(source, target);
    } else if n >= 8 {
        overlapping::<T, R, 8>(source, target);
    } else if n >= 4 {
        overlapping::<T, R, 4>(source, target);
    } else {
        target.iter_mut().zip(source).for_each(|(t, s)| *t = R::read(*s));
    }
}

#[inline(always)]
fn overlapping<T: Element, R: Read, const W: usize>(source: &[T], target: &mut [T]) {
    let (from, _) = source.as_chunks::<W>();
    let (to, _) = target.as_chunks_mut::<W>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.map(R::read);
    }
    if let (Some(to), Some(from)) = (target.last_chunk_mut::<W>(), source.last_chunk::<W>()) {
        *to = from.map(R::read);
    }
}
