//! Batches: images as normalised tensors, prepared on another thread while the network works on the one before.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use candle_core::{DType, Device, Tensor};
use nas_space::{ImageShape, Seed};
use rand::seq::SliceRandom;

use crate::augment::Drawn;
use crate::split::check_indices;
use crate::{Augment, DataError, Images, Normalization, Pixels};

/// How many batches are prepared ahead.
const AHEAD: usize = 3;

/// One step's images.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[batch, channel, row, column]`, normalised, of the plan's type.
    pub images: Tensor,
    /// `[batch]`, the classes as u32.
    pub labels: Tensor,
    /// The number of images.
    pub count: usize,
}

/// All that the batches of one pass over some images depend on. What an image becomes is a function of the seed, the
/// epoch and the image's number, so that neither threads nor a resume in mid-epoch change a batch.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    /// The split that the indices point into.
    pub images: Arc<Images>,
    /// The images to go through.
    pub indices: Arc<Vec<u32>>,
    /// Images per batch.
    pub batch_size: usize,
    /// Whether the order is shuffled, anew in each epoch; otherwise it is that of the indices.
    pub shuffle: bool,
    /// What is done to each image; `None` leaves them as they are.
    pub augment: Option<Augment>,
    /// The normalisation, measured on the training part.
    pub normalization: Normalization,
    /// The seed of order and augmentation.
    pub seed: Seed,
    /// The epoch, from 0: it changes order and augmentation.
    pub epoch: u64,
    /// Batches at the front of the epoch that are left out, to go on in the middle of it.
    pub skip: usize,
    /// Whether a last batch that is not full is left out. Where even the first is not full, it is kept.
    pub drop_last: bool,
    /// Where the tensors are made.
    pub device: Device,
    /// The type of the image tensors, f32 in general. Pixels are normalised in f32 whatever the type.
    pub dtype: DType,
}

impl BatchPlan {
    /// For training: shuffled, full batches only, not augmented until [`augment`](Self::augment) is set; f32 on the CPU.
    pub fn train(
        images: Arc<Images>,
        indices: Arc<Vec<u32>>,
        batch_size: usize,
        normalization: Normalization,
        seed: Seed,
        epoch: u64,
    ) -> Self {
        let plan = Self::evaluate(images, indices, batch_size, normalization);
        Self { shuffle: true, drop_last: true, seed, epoch, ..plan }
    }

    /// For evaluation: every image once, in the order of the indices, not augmented; f32 on the CPU.
    pub fn evaluate(
        images: Arc<Images>,
        indices: Arc<Vec<u32>>,
        batch_size: usize,
        normalization: Normalization,
    ) -> Self {
        Self {
            images,
            indices,
            batch_size,
            shuffle: false,
            augment: None,
            normalization,
            seed: Seed::new(0),
            epoch: 0,
            skip: 0,
            drop_last: false,
            device: Device::Cpu,
            dtype: DType::F32,
        }
    }

    /// The number of batches in a whole epoch, those skipped included.
    pub fn batches_per_epoch(&self) -> usize {
        let count = self.indices.len();
        match self.batch_size {
            0 => 0,
            size if self.drop_last && count >= size => count / size,
            size => count.div_ceil(size),
        }
    }

    /// The numbers of the images in the order of this epoch.
    pub fn order(&self) -> Vec<u32> {
        let mut order = self.indices.to_vec();
        if self.shuffle {
            order.shuffle(&mut self.seed.child("shuffle").index(self.epoch).rng());
        }
        order
    }

    /// Starts the thread that prepares the batches, up to three ahead. Dropping the iterator early stops it.
    ///
    /// # Errors
    /// Where a setting is impossible, there is no image, or no thread can be started.
    pub fn spawn(self) -> Result<Batches, DataError> {
        let tables = self.check()?;
        let (sender, receiver) = sync_channel(AHEAD);
        let remaining = self.batches_per_epoch() - self.skip;
        let (device, dtype, shape) = (self.device.clone(), self.dtype, self.images.shape);
        let worker = std::thread::Builder::new()
            .name("batches".into())
            .spawn(move || prepare(&self, &tables, &sender))
            .map_err(|error| DataError::Worker { reason: format!("could not be started: {error}") })?;
        Ok(Batches { receiver: Some(receiver), worker: Some(worker), remaining, shape, device, dtype })
    }

    /// Checks everything a user can get wrong and returns the tables of the normalisation.
    fn check(&self) -> Result<Vec<[f32; 256]>, DataError> {
        let fault = |setting, value: usize, reason: String| {
            Err(DataError::Setting { setting, value: value.to_string(), reason })
        };
        if self.indices.is_empty() {
            return Err(DataError::Empty { purpose: "make batches of" });
        }
        if self.batch_size == 0 {
            return fault("batch_size", 0, "a batch has at least one image".into());
        }
        if self.skip > self.batches_per_epoch() {
            return fault("skip", self.skip, format!("an epoch has {} batches", self.batches_per_epoch()));
        }
        if !self.dtype.is_float() {
            let reason = "images are tensors of a floating-point type, such as f32".into();
            return Err(DataError::Setting { setting: "dtype", value: self.dtype.as_str().into(), reason });
        }
        let count = self.images.len();
        match &self.images.pixels {
            Pixels::Memory(pixels) if pixels.len() != count * self.images.image_bytes() => {
                let expected = count * self.images.image_bytes();
                return fault("pixels", pixels.len(), format!("{count} images of this shape have {expected} bytes"));
            }
            Pixels::Files(pictures) if pictures.names.len() != count => {
                return fault("pictures", pictures.names.len(), format!("there are {count} labels"));
            }
            _ => {}
        }
        check_indices(&self.images, &self.indices)?;
        if let Some(augment) = &self.augment {
            augment.check(self.images.shape)?;
        }
        self.normalization.tables(self.images.shape.channels)
    }
}

/// Pixels and labels of a batch before they become tensors.
type Prepared = Result<(Vec<f32>, Vec<u32>), DataError>;

/// The work of the other thread: until the last batch, or until nobody listens.
fn prepare(plan: &BatchPlan, tables: &[[f32; 256]], sender: &SyncSender<Prepared>) {
    let order = plan.order();
    let batches = order.chunks(plan.batch_size).take(plan.batches_per_epoch());
    for batch in batches.skip(plan.skip) {
        let prepared = pixels_of(plan, tables, batch).map(|pixels| {
            let labels = batch.iter().map(|&index| plan.images.labels[index as usize]).collect();
            (pixels, labels)
        });
        let is_last = prepared.is_err();
        if sender.send(prepared).is_err() || is_last {
            return;
        }
    }
}

/// The pixels of a batch, one image behind another. Files are decoded on all cores: what an image becomes depends on
/// nothing but itself and the seed.
fn pixels_of(plan: &BatchPlan, tables: &[[f32; 256]], batch: &[u32]) -> Result<Vec<f32>, DataError> {
    let bytes = plan.images.image_bytes();
    let mut pixels = vec![0.0; batch.len() * bytes];
    let part = |batch: &[u32], pixels: &mut [f32]| {
        let mut images = batch.iter().zip(pixels.chunks_exact_mut(bytes));
        images.try_for_each(|(&index, output)| one(plan, tables, index, output))
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    if plan.images.pictures().is_none() || threads == 1 {
        part(batch, &mut pixels)?;
        return Ok(pixels);
    }
    let share = batch.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let parts = batch.chunks(share).zip(pixels.chunks_mut(share * bytes));
        let workers: Vec<_> = parts.map(|(batch, pixels)| scope.spawn(move || part(batch, pixels))).collect();
        // In their order, so that the first bad file is told whichever thread was faster.
        workers.into_iter().try_for_each(|worker| {
            let died = |_| DataError::Worker { reason: "died while decoding pictures".into() };
            worker.join().map_err(died)?
        })
    })?;
    Ok(pixels)
}

/// One image, normalised, of an epoch.
fn one(plan: &BatchPlan, tables: &[[f32; 256]], index: u32, output: &mut [f32]) -> Result<(), DataError> {
    let (images, shape) = (&plan.images, plan.images.shape);
    let Some(augment) = &plan.augment else {
        Drawn::default().apply(&images.image(index as usize)?, shape, tables, output);
        return Ok(());
    };
    let seed = plan.seed.child("augment").index(plan.epoch).index(index.into());
    let image = augment.look(images, index as usize, seed)?;
    augment.draw(shape, seed).apply(&image, shape, tables, output);
    Ok(())
}

/// The batches of one epoch, in order. Tensors are made on the thread that iterates, because a device may be bound to it.
#[derive(Debug)]
pub struct Batches {
    receiver: Option<Receiver<Prepared>>,
    worker: Option<JoinHandle<()>>,
    remaining: usize,
    shape: ImageShape,
    device: Device,
    dtype: DType,
}

impl Batches {
    fn tensors(&self, prepared: Prepared) -> Result<Batch, DataError> {
        let (pixels, labels) = prepared?;
        let ImageShape { channels, height, width } = self.shape;
        let count = labels.len();
        let images = Tensor::from_vec(pixels, (count, channels, height, width), &self.device)?;
        let labels = Tensor::from_vec(labels, count, &self.device)?;
        Ok(Batch { images: images.to_dtype(self.dtype)?, labels, count })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.remaining == 0 {
            return None;
        }
        let Some(Ok(prepared)) = self.receiver.as_ref().map(Receiver::recv) else {
            self.remaining = 0;
            return Some(Err(DataError::Worker { reason: "ended before its last batch".into() }));
        };
        self.remaining = if prepared.is_err() { 0 } else { self.remaining - 1 };
        Some(self.tensors(prepared))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Batches {}

impl Drop for Batches {
    fn drop(&mut self) {
        // Closing the channel first ends a worker that waits to send; a panic of its was told as a missing batch.
        self.receiver = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}
