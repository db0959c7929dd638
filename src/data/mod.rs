//! Data sets as ndarrays, ready to become tensors.
