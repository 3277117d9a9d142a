//! The gated recurrent unit (Cho et al. 2014) that updates a node's state with a message, forward and back.
//!
//! With message m and state h, in PyTorch's form: r and z are sigmoids of linear functions of m and h; the candidate is
//! n = tanh(a(m) + r * b(h)); the new state is (1 - z) * n + z * h.

use crate::GhnError;
use crate::dense::{Linear, sigmoid};
use crate::parameters::{Gradients, Parameters};

/// The unit's two linear layers, each to `[r, z, n]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gru {
    message: Linear,
    state: Linear,
    hidden: usize,
}

impl Gru {
    pub(crate) fn ensure(p: &mut Parameters, hidden: usize) -> Result<Self, GhnError> {
        let message = Linear::ensure(p, "update.message", hidden, 3 * hidden)?;
        let state = Linear::ensure(p, "update.state", hidden, 3 * hidden)?;
        Ok(Self { message, state, hidden })
    }

    /// Numbers that an update keeps for the reverse pass: r, z, n, and b(h).
    pub(crate) fn kept(self) -> usize {
        4 * self.hidden
    }

    /// Writes the new state, and what the reverse pass needs.
    pub(crate) fn forward(self, p: &Parameters, message: &[f64], state: &[f64], kept: &mut [f64], new: &mut [f64]) {
        let d = self.hidden;
        let (mut a, mut b) = (vec![0.0; 3 * d], vec![0.0; 3 * d]);
        self.message.forward(p, message, &mut a);
        self.state.forward(p, state, &mut b);
        for i in 0..d {
            let (r, z) = (sigmoid(a[i] + b[i]), sigmoid(a[d + i] + b[d + i]));
            let n = libm::tanh(a[2 * d + i] + r * b[2 * d + i]);
            (kept[i], kept[d + i], kept[2 * d + i], kept[3 * d + i]) = (r, z, n, b[2 * d + i]);
            new[i] = (1.0 - z) * n + z * state[i];
        }
    }

    /// From the gradient of the new state to those of message, old state and weights, which are added to.
    pub(crate) fn backward(
        self,
        p: &Parameters,
        g: &mut Gradients,
        message: &[f64],
        state: &[f64],
        kept: &[f64],
        new: &[f64],
        into_message: &mut [f64],
        into_state: &mut [f64],
    ) {
        let d = self.hidden;
        let (mut a, mut b) = (vec![0.0; 3 * d], vec![0.0; 3 * d]);
        for i in 0..d {
            let (r, z, n, bn) = (kept[i], kept[d + i], kept[2 * d + i], kept[3 * d + i]);
            into_state[i] += new[i] * z;
            let dn = new[i] * (1.0 - z) * (1.0 - n * n);
            let dz = new[i] * (state[i] - n) * z * (1.0 - z);
            let dr = dn * bn * r * (1.0 - r);
            (a[i], a[d + i], a[2 * d + i]) = (dr, dz, dn);
            (b[i], b[d + i], b[2 * d + i]) = (dr, dz, dn * r);
        }
        self.message.backward(p, g, message, &a, into_message);
        self.state.backward(p, g, state, &b, into_state);
    }
}
