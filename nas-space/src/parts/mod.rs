//! What networks of many spaces have in common besides their cells: how the image enters, and how classes leave.

pub(crate) mod head;
pub(crate) mod stem;
