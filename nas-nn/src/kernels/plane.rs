//! The geometry of a sliding window, reduced to offsets.
//!
//! A plane (one block of channels of one sample) is copied into a padded buffer. In it every output pixel's window begins
//! at a place that depends on the pixel alone ([`Geometry::start`]), and every tap lies at a constant offset from there.

use nas_space::Window;

use super::lanes::{Lanes, update};
use super::read::Read;
use crate::element::{Element, Stored};

/// Where everything lies for one window on one plane size; places and offsets count pixels.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    window: Window,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    frame: Frame,
    /// Where the first window begins in a packed plane.
    origin: usize,
    /// The offset of each tap from the start of its window.
    pub(crate) taps: Vec<usize>,
}

/// A packed plane's size, and where the image lies in it; each pair is (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Rows above the image and columns before it; negative where windows do not reach its first ones.
    before: [isize; 2],
    packed: [usize; 2],
}

impl Frame {
    /// The smallest frame that has room for the windows of both.
    pub(crate) fn join(self, other: Self) -> Self {
        let before = [0, 1].map(|axis| self.before[axis].max(other.before[axis]));
        let end = |frame: Self, axis: usize| frame.packed[axis] as isize - frame.before[axis];
        let packed = [0, 1].map(|axis| (before[axis] + end(self, axis).max(end(other, axis))) as usize);
        Self { before, packed }
    }
}

impl Geometry {
    /// The geometry for planes of `input` (rows, columns); the output size must exist.
    pub(crate) fn new(window: &Window, input: [usize; 2]) -> Option<Self> {
        let output = window.output(input)?;
        let Window { kernel, stride, dilation, .. } = *window;
        let reach = |axis: usize| (output[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
        let frame = Frame { before: window.before, packed: [reach(0), reach(1)] };
        let taps = taps(window, frame.packed[1]);
        Some(Self { window: *window, input, output, frame, origin: 0, taps })
    }

    /// What the windows reach, or the larger frame that they are read in.
    pub(crate) fn frame(&self) -> Frame {
        self.frame
    }

    /// The same windows in planes of a frame that has room for them.
    pub(crate) fn within(&self, frame: Frame) -> Self {
        let margin = |axis: usize| (frame.before[axis] - self.window.before[axis]) as usize;
        let origin = margin(0) * frame.packed[1] + margin(1);
        Self { frame, origin, taps: taps(&self.window, frame.packed[1]), ..self.clone() }
    }

    /// The geometry of the input gradient, on planes of the output's size: with stride 1 it is a convolution of its own,
    /// with the taps in reverse order.
    pub(crate) fn transposed(&self) -> Option<Self> {
        let Window { kernel, stride, before, dilation, .. } = self.window;
        if stride != [1, 1] {
            return None;
        }
        let pad = |axis: usize| (dilation[axis] * (kernel[axis] - 1)) as isize - before[axis];
        let before = [pad(0), pad(1)];
        let after = |axis: usize| {
            let reach = (dilation[axis] * (kernel[axis] - 1)) as isize;
            self.input[axis] as isize + reach - self.output[axis] as isize - before[axis]
        };
        Self::new(&Window { before, after: [after(0), after(1)], ..self.window }, self.output)
    }

    /// Whether planes can be read where they lie: one tap, no stride, no padding.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.taps.len() == 1
            && self.frame.packed == self.input
            && self.input == self.output
            && self.window.before == [0, 0]
    }

    pub(crate) fn input_len(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub(crate) fn output_len(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Pixels of a packed plane.
    pub(crate) fn packed_len(&self) -> usize {
        self.frame.packed[0] * self.frame.packed[1]
    }

    /// Where an output pixel's window begins in a packed plane.
    #[inline(always)]
    pub(crate) fn start(&self, row: usize, column: usize) -> usize {
        self.origin + row * self.window.stride[0] * self.frame.packed[1] + column * self.window.stride[1]
    }

    /// From one column's window to the next.
    #[inline(always)]
    pub(crate) fn step(&self) -> usize {
        self.window.stride[1]
    }

    /// The width and dilation of a row of taps, and the step from one column's window to the next.
    pub(crate) fn row_pattern(&self) -> (usize, usize, usize) {
        (self.window.kernel[1], self.window.dilation[1], self.window.stride[1])
    }

    /// Where the windows of all output pixels begin, in reading order.
    pub(crate) fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.output[0]).flat_map(move |row| (0..self.output[1]).map(move |column| self.start(row, column)))
    }

    /// The packed row of an image row, if the windows reach it; and so for columns with `axis` 1.
    fn place(&self, axis: usize, index: usize) -> Option<usize> {
        let at = index as isize + self.frame.before[axis];
        (0..self.frame.packed[axis] as isize).contains(&at).then_some(at as usize)
    }

    /// Where each pixel of an image lies in its packed plane, in reading order; every pixel must be reached.
    pub(crate) fn places(&self) -> Option<Vec<usize>> {
        let pixels = (0..self.input[0]).flat_map(|y| (0..self.input[1]).map(move |x| (y, x)));
        pixels.map(|(y, x)| Some(self.place(0, y)? * self.frame.packed[1] + self.place(1, x)?)).collect()
    }

    /// The packed columns `from..to` that hold image columns, for `axis` 1; for `axis` 0 the rows.
    #[inline(always)]
    fn inside(&self, axis: usize) -> (usize, usize) {
        let before = self.frame.before[axis];
        let from = before.max(0) as usize;
        let to = (self.input[axis] as isize + before).max(0) as usize;
        (from.min(self.frame.packed[axis]), to.min(self.frame.packed[axis]).max(from.min(self.frame.packed[axis])))
    }

    /// Copies a plane into its packed form, each pixel read through `read`; what lies outside the image becomes `outside`.
    pub(crate) fn pack<S: Stored>(
        &self,
        plane: &[Lanes<S>],
        read: Read<S::Real>,
        outside: Lanes<S::Real>,
        packed: &mut [Lanes<S::Real>],
    ) {
        self.pack_inside(plane, read, packed);
        self.fill_outside(outside, packed);
    }

    /// The same, but leaves what lies outside the image as it is.
    pub(crate) fn pack_inside<S: Stored>(
        &self,
        plane: &[Lanes<S>],
        read: Read<S::Real>,
        packed: &mut [Lanes<S::Real>],
    ) {
        S::Real::dispatch(
            #[inline(always)]
            || match read {
                Read { affine: None, relu: false } => self.pack_with(
                    plane,
                    #[inline(always)]
                    |v| v,
                    packed,
                ),
                Read { affine: None, relu: true } => self.pack_with(
                    plane,
                    #[inline(always)]
                    |v: Lanes<S::Real>| v.rectified(),
                    packed,
                ),
                Read { affine: Some(affine), relu: false } => self.pack_with(
                    plane,
                    #[inline(always)]
                    |v| affine.apply(v),
                    packed,
                ),
                Read { affine: Some(affine), relu: true } => self.pack_with(
                    plane,
                    #[inline(always)]
                    |v| affine.apply(v).rectified(),
                    packed,
                ),
            },
        );
    }

    #[inline(always)]
    fn pack_with<S: Stored>(
        &self,
        plane: &[Lanes<S>],
        read: impl Fn(Lanes<S::Real>) -> Lanes<S::Real>,
        packed: &mut [Lanes<S::Real>],
    ) {
        let ((top, bottom), (left, right)) = (self.inside(0), self.inside(1));
        let width = self.frame.packed[1];
        let x = (left as isize - self.frame.before[1]) as usize;
        for (row, target) in packed[..self.packed_len()].chunks_exact_mut(width).enumerate().take(bottom).skip(top) {
            let y = (row as isize - self.frame.before[0]) as usize;
            update(
                &mut target[left..right],
                &plane[y * self.input[1] + x..][..right - left],
                #[inline(always)]
                |_, value| read(value.load()),
            );
        }
    }

    /// Sets what lies outside the image in a packed plane.
    pub(crate) fn fill_outside<T: Element>(&self, outside: Lanes<T>, packed: &mut [Lanes<T>]) {
        let ((top, bottom), (left, right)) = (self.inside(0), self.inside(1));
        for (row, target) in packed[..self.packed_len()].chunks_exact_mut(self.frame.packed[1]).enumerate() {
            if row < top || row >= bottom || left >= right {
                target.fill(outside);
            } else {
                target[..left].fill(outside);
                target[right..].fill(outside);
            }
        }
    }

    /// The way back: takes the image's pixels out of their packed plane; pixels that no window reaches get zero.
    pub(crate) fn unpack<T: Element>(&self, packed: &[Lanes<T>], plane: &mut [Lanes<T>]) {
        let ((top, bottom), (left, right)) = (self.inside(0), self.inside(1));
        for (y, target) in plane.chunks_exact_mut(self.input[1]).enumerate() {
            let row = y as isize + self.frame.before[0];
            let first = (left as isize - self.frame.before[1]) as usize;
            if row < top as isize || row >= bottom as isize || left >= right {
                target.fill(Lanes::ZERO);
                continue;
            }
            target[..first].fill(Lanes::ZERO);
            let source = &packed[row as usize * self.frame.packed[1] + left..];
            target[first..first + right - left].copy_from_slice(&source[..right - left]);
            target[first + right - left..].fill(Lanes::ZERO);
        }
    }
}

/// The offset of each tap from the start of its window, in planes of `width` columns.
fn taps(window: &Window, width: usize) -> Vec<usize> {
    let Window { kernel, dilation, .. } = *window;
    let row = |ky: usize| (0..kernel[1]).map(move |kx| ky * dilation[0] * width + kx * dilation[1]);
    (0..kernel[0]).flat_map(row).collect()
}
