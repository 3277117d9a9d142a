//! Cells in the form of DARTS. Those of NASNet, AmoebaNet and PNASNet are here as others rewrote them for its network:
//! with other inputs and outputs than the released ones, which stand in `official.rs`.

use super::PublishedCell;

pub(super) const CELLS: &[PublishedCell] = &[
    PublishedCell {
        name: "DARTS_V1",
        text: "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), \
               ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], \
               normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
               ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), \
               ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])",
        source: "Liu, Simonyan & Yang 2019, DARTS, first order, CIFAR-10",
        network: None,
    },
    PublishedCell {
        name: "DARTS_V2",
        text: "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
               ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], \
               normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
               ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), \
               ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])",
        source: "Liu, Simonyan & Yang 2019, DARTS, second order, CIFAR-10",
        network: None,
    },
    PublishedCell {
        name: "NASNet",
        text: "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), \
               ('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), \
               ('sep_conv_3x3', 1), ('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), \
               ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), \
               ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), \
               ('max_pool_3x3', 1)], reduce_concat=[4, 5, 6])",
        source: "Zoph et al. 2018, NASNet-A, as the DARTS repository writes it",
        network: None,
    },
    PublishedCell {
        name: "AmoebaNet",
        text: "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), \
               ('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), \
               ('skip_connect', 0), ('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], reduce=[('avg_pool_3x3', 0), \
               ('sep_conv_3x3', 1), ('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), \
               ('avg_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('conv_7x1_1x7', 0), \
               ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])",
        source: "Real et al. 2019, AmoebaNet-A, as the DARTS repository writes it",
        network: None,
    },
    PublishedCell {
        name: "PC_DARTS_cifar",
        text: "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), \
               ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], \
               normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), \
               ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), \
               ('sep_conv_3x3', 2)], reduce_concat=[2, 3, 4, 5])",
        source: "Xu et al. 2020, PC-DARTS, CIFAR-10",
        network: None,
    },
    PublishedCell {
        name: "PC_DARTS_image",
        text: "Genotype(normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 1), \
               ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)], \
               normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), \
               ('max_pool_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), \
               ('sep_conv_3x3', 3)], reduce_concat=[2, 3, 4, 5])",
        source: "Xu et al. 2020, PC-DARTS, ImageNet",
        network: None,
    },
    PublishedCell {
        name: "PDARTS",
        text: "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), \
               ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)], \
               normal_concat=[2, 3, 4, 5], reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), \
               ('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), \
               ('dil_conv_5x5', 3)], reduce_concat=[2, 3, 4, 5])",
        source: "Chen et al. 2019, P-DARTS, CIFAR-10",
        network: None,
    },
    PublishedCell {
        name: "GDAS_V1",
        text: "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_5x5', 2), \
               ('sep_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_5x5', 4), ('sep_conv_3x3', 3)], \
               normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), \
               ('sep_conv_5x5', 1), ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), \
               ('sep_conv_5x5', 1)], reduce_concat=[2, 3, 4, 5])",
        source: "Dong & Yang 2019, GDAS, CIFAR-10",
        network: None,
    },
    PublishedCell {
        name: "SNAS",
        text: "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 1), \
               ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 0), ('sep_conv_3x3', 1)], \
               normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), \
               ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
               ('dil_conv_5x5', 2)], reduce_concat=[2, 3, 4, 5])",
        source: "Xie et al. 2019, SNAS with moderate constraint, as the FairDARTS repository writes it",
        network: None,
    },
    PublishedCell {
        name: "PNASNet",
        text: "Genotype(normal=[('sep_conv_5x5', 0), ('max_pool_3x3', 0), ('sep_conv_7x7', 1), ('max_pool_3x3', 1), \
               ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 4), ('max_pool_3x3', 1), \
               ('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 0), \
               ('max_pool_3x3', 0), ('sep_conv_7x7', 1), ('max_pool_3x3', 1), ('sep_conv_5x5', 1), \
               ('sep_conv_3x3', 1), ('sep_conv_3x3', 4), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), \
               ('skip_connect', 1)], reduce_concat=[2, 3, 4, 5, 6])",
        source: "Liu et al. 2018, PNASNet-5, as the GDAS repository writes it",
        network: None,
    },
];
