//! An activation laid out once for all the depthwise convolutions that read it: in planes with room for the windows of all.

use std::ops::Range;

use super::lanes::Lanes;
use super::plane::{Frame, Geometry};
use super::read::Operand;
use crate::element::{Element, Stored};

/// How an activation is laid out, a chunk of samples at a time.
pub(crate) struct Layout {
    /// Any of the windows, in planes of the common frame.
    geometry: Geometry,
    blocks: usize,
    /// Samples of a chunk at most.
    chunk: usize,
}

impl Layout {
    /// That of the convolutions with these windows, and the frame they are to be read in.
    pub(crate) fn new<'a>(
        windows: impl IntoIterator<Item = &'a Geometry>,
        blocks: usize,
        chunk: usize,
    ) -> Option<(Self, Frame)> {
        let mut windows = windows.into_iter();
        let first = windows.next()?;
        let frame = windows.fold(first.frame(), |frame, window| frame.join(window.frame()));
        Some((Self { geometry: first.within(frame), blocks, chunk }, frame))
    }

    /// Lanes of the buffer that planes are laid out in; they begin as zeros.
    pub(crate) fn len(&self) -> usize {
        self.blocks * self.chunk * self.geometry.packed_len()
    }

    /// Lays some samples out; what lies around the images is left as it is.
    pub(crate) fn lay<'a, S: Stored>(
        &self,
        x: &Operand<'_, S>,
        near: Range<usize>,
        buffer: &'a mut [Lanes<S::Real>],
    ) -> Laid<'a, S::Real> {
        let (input, plane) = (self.geometry.input_len(), self.geometry.packed_len());
        for (block, planes) in buffer.chunks_exact_mut(self.chunk * plane).enumerate() {
            let read = x.read(block);
            let images = x.blocks[block][near.start * input..near.end * input].chunks_exact(input);
            for (image, packed) in images.zip(planes.chunks_exact_mut(plane)) {
                self.geometry.pack_inside(image, read, packed);
            }
        }
        Laid { planes: buffer, plane, chunk: self.chunk, first: near.start }
    }
}

/// Samples of an activation that are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Laid<'a, T> {
    /// `[block][sample]` of planes.
    planes: &'a [Lanes<T>],
    /// Pixels of a plane.
    plane: usize,
    /// Planes of a block.
    chunk: usize,
    /// The sample of a block's first plane.
    first: usize,
}

impl<'a, T: Element> Laid<'a, T> {
    pub(crate) fn plane(&self, block: usize, sample: usize) -> &'a [Lanes<T>] {
        &self.planes[(block * self.chunk + sample - self.first) * self.plane..][..self.plane]
    }
}

#[cfg(test)]
mod tests {
    use nas_space::Window;

    use super::super::depthwise;
    use super::super::lanes::Lanes;
    use super::super::plane::Geometry;
    use super::super::read::{Operand, Read};
    use super::Layout;

    #[test]
    fn windows_read_the_same_in_a_common_frame_as_in_their_own() {
        let (size, samples) = ([6, 5], 3);
        let cut = Window { before: [-1, -1], after: [0, 0], ..Window::valid(1, 2) };
        let windows = [Window::same(3, 1, 1), Window::same(5, 2, 2), Window::same(1, 1, 1), cut];
        let windows: Vec<Geometry> = windows.iter().map(|window| Geometry::new(window, size).unwrap()).collect();
        let value = |i: usize| Lanes(std::array::from_fn(|lane| ((i * 7 + lane * 3) % 11) as f64 - 5.0));
        let image: Vec<Lanes<f64>> = (0..samples * 30).map(value).collect();
        let x = Operand { relu: true, ..Operand::plain(vec![&image[..], &image[..]]) };

        let (layout, frame) = Layout::new(&windows, 2, 2).unwrap();
        let mut buffer = vec![Lanes::ZERO; layout.len()];
        let laid = layout.lay(&x, 1..3, &mut buffer);
        for own in &windows {
            let within = own.within(frame);
            let taps: Vec<Lanes<f64>> = (0..own.taps.len()).map(|tap| value(tap + 1)).collect();
            for (block, sample) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
                let mut expected = vec![Lanes::<f64>::ZERO; own.output_len()];
                let mut found = expected.clone();
                let mut packed = vec![Lanes::ZERO; own.packed_len()];
                let read = Read { relu: true, ..Read::PLAIN };
                own.pack(&image[sample * 30..(sample + 1) * 30], read, Lanes::ZERO, &mut packed);
                depthwise::forward(own, &taps, &packed, &mut expected);
                depthwise::forward(&within, &taps, laid.plane(block, sample), &mut found);
                assert_eq!(found, expected, "{own:?}");
                assert!(found.iter().any(|lanes| *lanes != Lanes::ZERO), "a test of zeros tells nothing");
            }
        }
    }
}
