//! Terraform states against the AWS that they stand for: no drift, however either side is written; and any change of
//! AWS is one drift, at the place that the mapping tables name.

mod applied;
mod changes;
mod live;
mod no_drift;
mod one_change;
mod permuted;
mod shuffle;
mod stage;
