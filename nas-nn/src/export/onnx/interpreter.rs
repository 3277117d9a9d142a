//! A small reference interpreter of ONNX models for tests: what the operators' specification says, in plain loops.

use std::collections::BTreeMap;

use super::message::{Attribute, FLOAT, INT64, Model, Node};

/// A value: its shape and its elements.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) dims: Vec<usize>,
    pub(super) data: Vec<f64>,
}

impl Value {
    pub(super) fn new(dims: &[usize], data: Vec<f64>) -> Self {
        assert_eq!(dims.iter().product::<usize>(), data.len(), "{dims:?}");
        Self { dims: dims.to_vec(), data }
    }

    fn ints(&self) -> Vec<i64> {
        self.data.iter().map(|v| *v as i64).collect()
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(&self.dims, self.data.iter().map(|v| f(*v)).collect())
    }

    /// The element at an index of a map, or `outside`.
    fn at(&self, [n, c]: [usize; 2], [y, x]: [i64; 2]) -> Option<f64> {
        let [_, channels, rows, columns] = self.dims[..] else { panic!("not a map: {:?}", self.dims) };
        let inside = y >= 0 && x >= 0 && y < rows as i64 && x < columns as i64;
        inside.then(|| self.data[((n * channels + c) * rows + y as usize) * columns + x as usize])
    }
}

/// Runs a model on its one input and returns its one output.
pub(super) fn run(model: &Model, images: Value) -> Value {
    let graph = model.graph.as_ref().unwrap();
    let mut values = BTreeMap::from([(graph.input[0].name.as_str(), images)]);
    for tensor in &graph.initializer {
        let data: Vec<f64> = match tensor.data_type {
            FLOAT => tensor.raw_data.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
            INT64 => tensor.raw_data.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
            other => panic!("type {other}"),
        };
        let dims: Vec<usize> = tensor.dims.iter().map(|d| *d as usize).collect();
        assert!(values.insert(&tensor.name, Value::new(&dims, data)).is_none(), "{} is there twice", tensor.name);
    }
    for node in &graph.node {
        let inputs: Vec<&Value> = node.input.iter().map(|name| &values[name.as_str()]).collect();
        let value = apply(node, &inputs);
        assert!(values.insert(&node.output[0], value).is_none(), "{} is there twice", node.output[0]);
    }
    values.remove(graph.output[0].name.as_str()).unwrap()
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn int(node: &Node, name: &str) -> usize {
    attribute(node, name).unwrap().i.unwrap() as usize
}

fn pair(node: &Node, name: &str) -> [usize; 2] {
    attribute(node, name).map_or([1, 1], |a| [a.ints[0] as usize, a.ints[1] as usize])
}

fn apply(node: &Node, inputs: &[&Value]) -> Value {
    let x = inputs[0];
    match node.op_type.as_str() {
        "Cast" => x.clone(),
        "Relu" => x.map(|v| v.max(0.0)),
        "Sub" => broadcast(x, inputs[1], |a, b| a - b),
        "Div" => broadcast(x, inputs[1], |a, b| a / b),
        "Sum" => inputs[1..].iter().fold(x.clone(), |sum, other| {
            assert_eq!(sum.dims, other.dims);
            broadcast(&sum, other, |a, b| a + b)
        }),
        "Flatten" => Value::new(&[x.dims[0], x.dims[1..].iter().product()], x.data.clone()),
        "Unsqueeze" => {
            assert_eq!(inputs[1].ints(), [2, 3]);
            Value::new(&[&x.dims[..], &[1, 1]].concat(), x.data.clone())
        }
        "Shape" => Value::new(&[1], vec![x.dims[int(node, "start")] as f64]),
        "ConstantOfShape" => {
            let dims: Vec<usize> = x.ints().iter().map(|d| *d as usize).collect();
            Value::new(&dims, vec![0.0; dims.iter().product()])
        }
        "Concat" => concat(inputs, int(node, "axis")),
        "Slice" => {
            let [_, channels, rows, columns] = x.dims[..] else { panic!("not a map") };
            let (first, end) = (inputs[1].ints()[0] as usize, inputs[2].ints()[0] as usize);
            assert!(inputs[3].ints() == [1] && end <= channels);
            let plane = rows * columns;
            let cut = x.data.chunks(channels * plane).flat_map(|map| map[first * plane..end * plane].to_vec());
            Value::new(&[x.dims[0], end - first, rows, columns], cut.collect())
        }
        "Gather" => {
            assert_eq!(int(node, "axis"), 1);
            let (channels, plane) = (x.dims[1], x.dims[2] * x.dims[3]);
            let wanted = inputs[1].ints();
            let maps = x.data.chunks(channels * plane);
            let chosen =
                maps.flat_map(|map| wanted.iter().flat_map(|&at| map[at as usize * plane..][..plane].to_vec()));
            Value::new(&[x.dims[0], wanted.len(), x.dims[2], x.dims[3]], chosen.collect())
        }
        "Pad" => {
            let pads = inputs[1].ints();
            let sides = [pads[2], pads[3], pads[6], pads[7]];
            let size = [0, 1].map(|a| (x.dims[2 + a] as i64 + sides[a] + sides[2 + a]) as usize);
            maps(x, x.dims[1], size, |at, [r, c]| x.at(at, [r as i64 - sides[0], c as i64 - sides[1]]).unwrap_or(0.0))
        }
        "Gemm" => {
            assert_eq!(int(node, "transB"), 1);
            let (width, out) = (x.dims[1], inputs[1].dims[0]);
            let row = |row: &[f64], o: usize| {
                let weights = &inputs[1].data[o * width..(o + 1) * width];
                row.iter().zip(weights).map(|(a, b)| a * b).sum::<f64>() + inputs[2].data[o]
            };
            let rows = x.data.chunks(width).flat_map(|r| (0..out).map(move |o| row(r, o)));
            Value::new(&[x.dims[0], out], rows.collect())
        }
        "BatchNormalization" => {
            let [scale, shift, mean, variance] = [1, 2, 3, 4].map(|i| &inputs[i].data);
            let epsilon = f64::from(attribute(node, "epsilon").unwrap().f.unwrap());
            maps(x, x.dims[1], [x.dims[2], x.dims[3]], |[n, c], [row, column]| {
                let v = x.at([n, c], [row as i64, column as i64]).unwrap();
                (v - mean[c]) / (variance[c] + epsilon).sqrt() * scale[c] + shift[c]
            })
        }
        "GlobalAveragePool" => {
            let plane = x.dims[2] * x.dims[3];
            let means = x.data.chunks(plane).map(|plane| plane.iter().sum::<f64>() / plane.len() as f64);
            Value::new(&[x.dims[0], x.dims[1], 1, 1], means.collect())
        }
        "Conv" => conv(node, inputs),
        "MaxPool" => windows(node, x, x.dims[1], |at, places| {
            places.iter().filter_map(|&(_, place)| x.at(at, place)).fold(f64::NEG_INFINITY, f64::max)
        }),
        "AveragePool" => windows(node, x, x.dims[1], |at, places| {
            assert_eq!(int(node, "count_include_pad"), 0);
            let inside: Vec<f64> = places.iter().filter_map(|&(_, place)| x.at(at, place)).collect();
            inside.iter().sum::<f64>() / inside.len() as f64
        }),
        other => panic!("the interpreter has no {other}"),
    }
}

/// Elementwise; `b` is as `a`, or has a value for each channel, or one value.
fn broadcast(a: &Value, b: &Value, f: impl Fn(f64, f64) -> f64) -> Value {
    let plane: usize = a.dims[2..].iter().product();
    let other = |i: usize| match b.data.len() {
        1 => b.data[0],
        len if len == a.data.len() => b.data[i],
        channels => b.data[i / plane % channels],
    };
    Value::new(&a.dims, a.data.iter().enumerate().map(|(i, v)| f(*v, other(i))).collect())
}

fn concat(inputs: &[&Value], axis: usize) -> Value {
    let mut dims = inputs[0].dims.clone();
    dims[axis] = inputs.iter().map(|value| value.dims[axis]).sum();
    let outer: usize = dims[..axis].iter().product();
    let part = |value: &Value, o: usize| {
        let len = value.data.len() / outer;
        value.data[o * len..(o + 1) * len].to_vec()
    };
    Value::new(&dims, (0..outer).flat_map(|o| inputs.iter().flat_map(move |value| part(value, o))).collect())
}

/// Maps of some size, element by element.
fn maps(x: &Value, channels: usize, size: [usize; 2], f: impl Fn([usize; 2], [usize; 2]) -> f64) -> Value {
    let mut data = Vec::new();
    for n in 0..x.dims[0] {
        for c in 0..channels {
            data.extend((0..size[0] * size[1]).map(|i| f([n, c], [i / size[1], i % size[1]])));
        }
    }
    Value::new(&[x.dims[0], channels, size[0], size[1]], data)
}

/// For each output, what becomes of the places its window covers: kernel element and place in the image.
fn windows(node: &Node, x: &Value, channels: usize, f: impl Fn([usize; 2], &[(usize, [i64; 2])]) -> f64) -> Value {
    let (kernel, stride, dilation) = (pair(node, "kernel_shape"), pair(node, "strides"), pair(node, "dilations"));
    let pads: Vec<i64> = attribute(node, "pads").unwrap().ints.clone();
    assert!(pads.iter().all(|pad| *pad >= 0), "operators know no negative padding");
    let size = [0, 1].map(|a| {
        let reach = (dilation[a] * (kernel[a] - 1) + 1) as i64;
        ((x.dims[2 + a] as i64 + pads[a] + pads[a + 2] - reach) / stride[a] as i64 + 1) as usize
    });
    maps(x, channels, size, |at, out| {
        let place = |tap: usize| {
            let tap_at = [tap / kernel[1], tap % kernel[1]];
            (tap, [0, 1].map(|a| (out[a] * stride[a] + tap_at[a] * dilation[a]) as i64 - pads[a]))
        };
        f(at, &(0..kernel[0] * kernel[1]).map(place).collect::<Vec<_>>())
    })
}

fn conv(node: &Node, inputs: &[&Value]) -> Value {
    let (x, weight) = (inputs[0], inputs[1]);
    let (out, share) = (weight.dims[0], weight.dims[1]);
    let taps = weight.dims[2] * weight.dims[3];
    let group = out / int(node, "group");
    assert_eq!(x.dims[1], share * int(node, "group"));
    windows(node, x, out, |[n, o], places| {
        let mut sum = inputs.get(2).map_or(0.0, |bias| bias.data[o]);
        for i in 0..share {
            for &(tap, place) in places {
                let value = x.at([n, o / group * share + i], place).unwrap_or(0.0);
                sum += value * weight.data[(o * share + i) * taps + tap];
            }
        }
        sum
    })
}
