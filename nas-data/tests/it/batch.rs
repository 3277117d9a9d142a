//! Batches: order, shuffling, skipping, the same bytes for the same seed.

use std::sync::Arc;

use candle_core::DType;
use nas_data::{Augment, BatchPlan, Images, Normalization};
use nas_space::{ImageShape, Seed};

use crate::check_error;

/// Images of 4x5 pixels; image `i` has the label `i` and pixels `i`, `i + 1` and so on.
fn images(count: u32) -> Arc<Images> {
    let pixels: Vec<u8> = (0..count).flat_map(|i| (0..20).map(move |p| (i + p) as u8)).collect();
    Arc::new(Images {
        shape: ImageShape { channels: 1, height: 4, width: 5 },
        pixels: pixels.into(),
        labels: (0..count).collect(),
    })
}

fn train(count: u32, batch_size: usize) -> BatchPlan {
    let indices = Arc::new((0..count).collect());
    BatchPlan::train(images(count), indices, batch_size, Normalization::identity(1), Seed::new(5), 0)
}

/// The labels and pixels of every batch.
fn run(plan: BatchPlan) -> Vec<(Vec<u32>, Vec<f32>)> {
    let batches = plan.spawn().unwrap().map(Result::unwrap);
    let plain = batches.map(|batch| {
        let labels: Vec<u32> = batch.labels.to_vec1().unwrap();
        assert_eq!(batch.images.dims(), [batch.count, 1, 4, 5]);
        assert_eq!(labels.len(), batch.count);
        (labels, batch.images.flatten_all().unwrap().to_vec1().unwrap())
    });
    plain.collect()
}

fn labels(plan: BatchPlan) -> Vec<Vec<u32>> {
    run(plan).into_iter().map(|(labels, _)| labels).collect()
}

#[test]
fn evaluation_keeps_the_order_and_the_short_batch() {
    let indices = Arc::new(vec![9, 2, 4, 4, 0]);
    let normalization = Normalization { mean: vec![0.5], std: vec![0.25] };
    let plan = BatchPlan::evaluate(images(10), indices, 2, normalization);
    let batches = run(plan);
    assert_eq!(batches.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>(), [vec![9, 2], vec![4, 4], vec![0]]);
    for (labels, pixels) in batches {
        for (label, image) in labels.iter().zip(pixels.chunks(20)) {
            for (offset, value) in image.iter().enumerate() {
                let expect = ((*label as f32 + offset as f32) / 255.0 - 0.5) / 0.25;
                assert_eq!(*value, expect);
            }
        }
    }
}

#[test]
fn training_shuffles_each_epoch_anew_and_drops_the_short_batch() {
    let first = labels(train(10, 4));
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4]);
    assert_eq!(first, labels(train(10, 4)));
    assert_ne!(first, labels(BatchPlan { epoch: 1, ..train(10, 4) }));
    assert_ne!(first, labels(BatchPlan { seed: Seed::new(6), ..train(10, 4) }));
    let kept = labels(BatchPlan { drop_last: false, ..train(10, 4) });
    let mut all = kept.concat();
    all.sort_unstable();
    assert_eq!((kept[2].len(), all), (2, (0..10).collect()));
    // Where not even one batch is full, the images are used all the same.
    assert_eq!(labels(train(3, 4)).concat().len(), 3);
}

#[test]
fn an_epoch_goes_on_from_any_step() {
    let augment = Some(Augment { crop_padding: 1, flip: true, cutout: 2, ..Augment::default() });
    let whole = run(BatchPlan { augment, ..train(23, 4) });
    assert_eq!(whole.len(), 5);
    for skip in 0..=5 {
        assert_eq!(run(BatchPlan { augment, skip, ..train(23, 4) }), whole[skip..], "{skip}");
    }
}

#[test]
fn an_image_is_augmented_alike_whatever_batch_it_is_in() {
    let augment = Some(Augment { crop_padding: 1, flip: true, cutout: 2, ..Augment::default() });
    let by_label = |batch_size, epoch, shuffle| {
        let plan = BatchPlan { augment, epoch, shuffle, drop_last: false, ..train(20, batch_size) };
        let mut images: Vec<(u32, Vec<f32>)> = Vec::new();
        for (labels, pixels) in run(plan) {
            images.extend(labels.into_iter().zip(pixels.chunks(20).map(<[_]>::to_vec)));
        }
        images.sort_by_key(|(label, _)| *label);
        images
    };
    assert_eq!(by_label(3, 0, true), by_label(20, 0, false));
    assert_ne!(by_label(3, 0, true), by_label(3, 1, true));
}

#[test]
fn batches_count_down_and_can_be_left_early() {
    let mut batches = train(1000, 1).spawn().unwrap();
    assert_eq!(batches.len(), 1000);
    batches.next().unwrap().unwrap();
    assert_eq!(batches.len(), 999);
    // The worker waits to send more; dropping must end it, or this test hangs.
    drop(batches);
    drop(train(1000, 1).spawn().unwrap());
}

#[test]
fn tensors_come_in_the_type_asked_for() {
    let batch = BatchPlan { dtype: DType::F64, ..train(4, 4) }.spawn().unwrap().next().unwrap().unwrap();
    assert_eq!((batch.images.dtype(), batch.labels.dtype()), (DType::F64, DType::U32));
    check_error(BatchPlan { dtype: DType::U8, ..train(4, 4) }.spawn(), &["`dtype` = u8", "floating-point"]);
}

#[test]
fn impossible_plans_are_told_why() {
    let check = |plan: BatchPlan, parts: &[&str]| check_error(plan.spawn(), parts);
    check(train(4, 0), &["`batch_size` = 0"]);
    check(train(0, 4), &["no image to make batches of"]);
    check(BatchPlan { skip: 3, ..train(8, 4) }, &["`skip` = 3", "2 batches"]);
    check(BatchPlan { indices: Arc::new(vec![8]), ..train(8, 4) }, &["`indices` = 8", "the split has 8"]);
    check(BatchPlan { normalization: Normalization::identity(3), ..train(8, 4) }, &["1 channel(s)"]);
    let flat = Normalization { mean: vec![0.0], std: vec![0.0] };
    check(BatchPlan { normalization: flat, ..train(8, 4) }, &["deviations positive"]);
    let augment = Some(Augment { crop_padding: 4, ..Augment::default() });
    check(BatchPlan { augment, ..train(8, 4) }, &["`crop_padding` = 4"]);
    let mut short = Images::clone(&images(8));
    short.pixels = short.pixels.in_memory().unwrap()[1..].to_vec().into();
    check(BatchPlan { images: Arc::new(short), ..train(8, 4) }, &["`pixels` = 159", "160 bytes"]);
}
