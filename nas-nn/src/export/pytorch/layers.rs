//! Each layer in PyTorch's words: how its tensors are held, and what its output is.

use nas_space::{Layer, Pool, PoolKind, Window};

use crate::NnError;
use crate::export::inference::{Inference, Operation};

/// The line that makes a layer with tensors; `None` for one without.
pub(super) fn construct(inference: &Inference<'_>, operation: &Operation<'_>) -> Result<Option<String>, NnError> {
    let graph = inference.graph;
    let input = graph.node(operation.inputs[0]).shape;
    let layer = match operation.layer {
        Layer::Conv2d(conv) => {
            let window = &conv.window;
            let mut settings = vec![input.channels.to_string(), conv.out.to_string(), pair(window.kernel)];
            let mut set = |name: &str, value: String, usual: &str| {
                if value != usual {
                    settings.push(format!("{name}={value}"));
                }
            };
            set("stride", pair(window.stride), "1");
            set("padding", symmetric(window).map_or_else(|| "0".to_owned(), pair), "0");
            set("dilation", pair(window.dilation), "1");
            set("groups", conv.groups.to_string(), "1");
            if operation.weight("bias").is_none() {
                settings.push("bias=False".to_owned());
            }
            format!("nn.Conv2d({})", settings.join(", "))
        }
        Layer::BatchNorm { affine } => {
            let plain = if *affine { "" } else { ", affine=False" };
            format!("nn.BatchNorm2d({}{plain})", input.channels)
        }
        Layer::Linear { out } => format!("nn.Linear({}, {out})", input.elements()),
        _ => return Ok(None),
    };
    Ok(Some(format!("self.put({:?}, {layer})", operation.name)))
}

/// A layer's output as an expression of its inputs.
pub(super) fn output(inference: &Inference<'_>, operation: &Operation<'_>, inputs: &[&str]) -> Result<String, NnError> {
    let own = |x: &str| format!("layer({:?})({x})", operation.name);
    let x = inputs[0];
    let last = operation.node == inference.output;
    let value = match operation.layer {
        Layer::Conv2d(conv) => match symmetric(&conv.window) {
            Some(_) => own(x),
            None => own(&format!("F.pad({x}, {})", sides(&conv.window))),
        },
        Layer::Linear { .. } if last => return Ok(own(&format!("{x}.flatten(1)"))),
        Layer::Linear { .. } => format!("{}[:, :, None, None]", own(&format!("{x}.flatten(1)"))),
        Layer::BatchNorm { .. } => own(x),
        Layer::Relu => format!("F.relu({x})"),
        Layer::Pool(pool) => pooling(operation, pool, x)?,
        Layer::GlobalAveragePool => format!("{x}.mean((2, 3), keepdim=True)"),
        Layer::Add => inputs.join(" + "),
        Layer::Concat => format!("torch.cat([{}], 1)", inputs.join(", ")),
        Layer::Narrow { channels } => format!("{x}[:, :{channels}]"),
        Layer::Select { channels } => format!("{x}[:, {channels:?}]"),
        Layer::Pad { before, after } => {
            format!("F.pad({x}, ({}, {}, {}, {}))", before[1], after[1], before[0], after[0])
        }
        Layer::Zero { .. } => {
            let shape = inference.graph.node(operation.node).shape;
            format!("{x}.new_zeros({x}.shape[0], {}, {}, {})", shape.channels, shape.height, shape.width)
        }
        other => {
            let reason = format!("a {} layer has no form in PyTorch here", other.kind());
            return Err(NnError::Export { layer: operation.name.to_owned(), reason });
        }
    };
    Ok(match (last, operation.layer) {
        (false, _) => value,
        (true, Layer::Add) => format!("({value}).flatten(1)"),
        (true, _) => format!("{value}.flatten(1)"),
    })
}

fn pooling(operation: &Operation<'_>, pool: &Pool, x: &str) -> Result<String, NnError> {
    let window = &pool.window;
    let (kernel, stride) = (pair(window.kernel), pair(window.stride));
    let dilated = window.dilation != [1, 1];
    // PyTorch pads its poolings by half of the kernel at most, and by as much after as before.
    let padding = symmetric(window).filter(|pad| (0..2).all(|axis| pad[axis] <= window.kernel[axis] / 2));
    Ok(match (pool.kind, padding) {
        (PoolKind::Average, _) if dilated => {
            let reason = "PyTorch's average pooling has no dilation".to_owned();
            return Err(NnError::Export { layer: operation.name.to_owned(), reason });
        }
        (PoolKind::Average, Some(padding)) => {
            format!("F.avg_pool2d({x}, {kernel}, {stride}, {}, count_include_pad=False)", pair(padding))
        }
        (PoolKind::Average, None) => format!("mean_inside({x}, {kernel}, {stride}, {})", sides(window)),
        (PoolKind::Max, padding) => {
            let inside = padding.map(|_| x.to_owned());
            let x = inside.unwrap_or_else(|| format!("F.pad({x}, {}, value=float(\"-inf\"))", sides(window)));
            let dilation = if dilated { format!(", dilation={}", pair(window.dilation)) } else { String::new() };
            format!("F.max_pool2d({x}, {kernel}, {stride}, {}{dilation})", pair(padding.unwrap_or_default()))
        }
    })
}

/// The padding of a window that has as much after as before, rows and columns.
fn symmetric(window: &Window) -> Option<[usize; 2]> {
    let [rows, columns] = window.before;
    (window.before == window.after && rows >= 0 && columns >= 0).then_some([rows as usize, columns as usize])
}

/// The padding of any window, in PyTorch's order: left, right, above, below. Negative padding drops columns and rows.
fn sides(window: &Window) -> String {
    let (before, after) = (window.before, window.after);
    format!("({}, {}, {}, {})", before[1], after[1], before[0], after[0])
}

fn pair([rows, columns]: [usize; 2]) -> String {
    if rows == columns { rows.to_string() } else { format!("({rows}, {columns})") }
}
