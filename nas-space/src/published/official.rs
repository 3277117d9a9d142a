//! Cells as their authors released them, in the networks that they released. State 0 is the output of the cell before
//! the previous one, as everywhere in this crate; the released code of NASNet and AmoebaNet counts the two inputs the
//! other way round.
//!
//! - NASNet-A: `tensorflow/models`, `research/slim/nets/nasnet`. The output of its normal cell lists the cell before the
//!   previous, and that of its reduction cell node 1, though nodes read both.
//! - AmoebaNet-A to D: `tensorflow/tpu`, `models/official/amoeba_net`. That code drops the dilation of the separable
//!   convolution in B; here it is dilated, as in the paper.
//! - ENAS: `melodyguan/enas`, `scripts/cifar10_micro_final.sh` and `cifar10_macro_final.sh`. The paper says 4.6 and 38.0
//!   million parameters; what its released scripts build has 3,894,372 and 42,559,392.

use super::PublishedCell;
use crate::{Form, NetworkConfig};

const NASNET_A: &str = "NASNet(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), \
    ('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), \
    ('sep_conv_3x3', 1), ('skip_connect', 1)], normal_concat=[0, 2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), \
    ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), \
    ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[3, 4, 5, 6])";

pub(super) const CELLS: &[PublishedCell] = &[
    PublishedCell {
        name: "NASNet-A",
        text: NASNET_A,
        source: "Zoph et al. 2018, NASNet-A (6 @ 768), CIFAR-10",
        network: Some(|| Form::NasNet.default_config()),
    },
    PublishedCell {
        name: "NASNet-A-mobile",
        text: NASNET_A,
        source: "Zoph et al. 2018, NASNet-A (4 @ 1056), ImageNet",
        network: Some(|| NetworkConfig::imagenet(44, 14)),
    },
    PublishedCell {
        name: "NASNet-A-large",
        text: "NASNetLarge(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), \
               ('sep_conv_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), \
               ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)], normal_concat=[0, 2, 3, 4, 5, 6], \
               reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), \
               ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), \
               ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[3, 4, 5, 6])",
        source: "Zoph et al. 2018, NASNet-A (6 @ 4032), ImageNet",
        network: Some(|| Form::NasNetLarge.default_config()),
    },
    PublishedCell {
        name: "AmoebaNet-A",
        text: "AmoebaNet(normal=[('avg_pool_3x3', 1), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), \
               ('skip_connect', 1), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), \
               ('avg_pool_3x3', 5), ('sep_conv_3x3', 1)], normal_concat=[0, 3, 4, 6], reduce=[('sep_conv_3x3', 0), \
               ('avg_pool_3x3', 1), ('max_pool_3x3', 1), ('sep_conv_7x7', 2), ('max_pool_3x3', 0), \
               ('max_pool_3x3', 1), ('sep_conv_3x3', 4), ('conv_1x7_7x1', 1), ('avg_pool_3x3', 0), \
               ('sep_conv_7x7', 1)], reduce_concat=[2, 3, 4, 5, 6])",
        source: "Real et al. 2019, AmoebaNet-A",
        network: Some(|| Form::AmoebaNet.default_config()),
    },
    PublishedCell {
        name: "AmoebaNet-B",
        text: "AmoebaNet(normal=[('conv_1x1', 0), ('max_pool_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), \
               ('conv_1x1', 0), ('sep_conv_3x3', 1), ('conv_1x1', 2), ('skip_connect', 2), ('avg_pool_3x3', 0), \
               ('conv_1x1', 5)], normal_concat=[1, 3, 4, 6], reduce=[('max_pool_2x2', 1), ('max_pool_3x3', 1), \
               ('skip_connect', 2), ('conv_3x3', 0), ('dil_sep_conv_5x5', 2), ('max_pool_3x3', 2), \
               ('skip_connect', 3), ('sep_conv_3x3', 0), ('avg_pool_3x3', 4), ('conv_1x1', 3)], reduce_concat=[5, 6])",
        source: "Real et al. 2019, AmoebaNet-B",
        network: Some(|| Form::AmoebaNet.default_config()),
    },
    PublishedCell {
        name: "AmoebaNet-C",
        text: "AmoebaNet(normal=[('avg_pool_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 1), ('sep_conv_3x3', 1), \
               ('avg_pool_3x3', 2), ('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), \
               ('avg_pool_3x3', 3), ('sep_conv_3x3', 1)], normal_concat=[0, 2, 4, 5, 6], reduce=[('max_pool_3x3', 1), \
               ('max_pool_3x3', 1), ('sep_conv_7x7', 2), ('sep_conv_3x3', 1), ('sep_conv_7x7', 1), \
               ('max_pool_3x3', 0), ('sep_conv_5x5', 4), ('sep_conv_5x5', 4), ('max_pool_3x3', 0), \
               ('sep_conv_3x3', 0)], reduce_concat=[1, 2, 3, 4, 5, 6])",
        source: "Real et al. 2019, AmoebaNet-C",
        network: Some(|| Form::AmoebaNet.default_config()),
    },
    PublishedCell {
        name: "AmoebaNet-D",
        text: "AmoebaNet(normal=[('conv_1x1', 0), ('max_pool_3x3', 0), ('skip_connect', 0), ('conv_1x7_7x1', 1), \
               ('conv_1x1', 1), ('conv_1x7_7x1', 1), ('max_pool_3x3', 2), ('skip_connect', 2), ('avg_pool_3x3', 0), \
               ('conv_1x1', 5)], normal_concat=[1, 3, 4, 6], reduce=[('max_pool_2x2', 1), ('max_pool_3x3', 1), \
               ('skip_connect', 2), ('conv_3x3', 0), ('conv_1x7_7x1', 2), ('max_pool_3x3', 2), ('skip_connect', 3), \
               ('max_pool_2x2', 0), ('avg_pool_3x3', 2), ('conv_1x1', 3)], reduce_concat=[4, 5, 6])",
        source: "Real et al. 2019, AmoebaNet-D",
        network: Some(|| Form::AmoebaNet.default_config()),
    },
    PublishedCell {
        name: "ENAS-micro",
        text: "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1",
        source: "Pham et al. 2018, ENAS, micro search space, CIFAR-10",
        network: Some(|| Form::Enas.default_config()),
    },
    PublishedCell {
        name: "ENAS-macro",
        text: "enas-macro-released-24: 0 | 3 0 | 0 1 0 | 2 0 0 1 | 2 0 0 0 0 | 3 1 1 0 1 0 | 2 0 0 0 0 0 1 | \
               2 0 1 1 0 1 1 1 | 1 0 1 1 1 0 1 0 1 | 0 0 0 0 0 0 0 0 0 0 | 2 0 0 0 0 0 1 0 0 0 0 | \
               0 1 0 0 1 1 0 0 0 0 1 1 | 2 0 1 0 0 0 0 0 1 0 1 1 0 | 1 0 0 1 0 0 0 1 1 1 0 1 0 1 | \
               0 1 1 0 1 0 1 0 0 0 0 0 1 0 0 | 2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1 | 2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0 | \
               2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1 | 3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0 | \
               3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1 | 0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0 | \
               3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0 | 0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0 | \
               0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0",
        source: "Pham et al. 2018, ENAS, macro search space, CIFAR-10, as released",
        network: None,
    },
];
