//! What no call changes in an instance that exists, and what people can do instead.

use super::draft::Draft;
use crate::domain::diff::Change;
use crate::resource::ec2::attributes::{CREDIT_SPECIFICATION, USER_DATA};
use crate::resource::fix::Fixed;

const REPLACE: &str = "launch an instance as declared in its place, or declare what is live";

const FIXED: &[Fixed] = &[
    ("AvailabilityZone", "an instance stays in the zone that it was launched in", REPLACE),
    ("HibernationOptions", "hibernation is configured at launch alone", REPLACE),
    ("ImageId", "an instance keeps the image that it was launched from", REPLACE),
    (
        "KeyName",
        "the key pair is fixed at launch",
        "change the authorized keys within the instance and declare the key pair that is live, or launch another instance",
    ),
    ("PlatformDetails", "the platform comes with the image", REPLACE),
    ("SubnetId", "an instance stays in the subnet that it was launched in", REPLACE),
    (
        "Tenancy",
        "where it may run is for people to choose",
        "stop it and modify its placement (between dedicated and host), or launch an instance as declared in its place",
    ),
    (
        USER_DATA,
        "only a hash of the user data is declared",
        "stop the instance, set the declared user data and start it; it is run at the next boot only if told so",
    ),
    ("VpcId", "an instance stays in the VPC that it was launched in", REPLACE),
];

pub(super) fn plan(draft: &mut Draft<'_>) {
    for (name, reason, instead) in FIXED {
        for change in draft.changes_of(name) {
            draft.leave(change, reason, instead);
        }
    }
    for change in draft.changes_of("CpuOptions").into_iter().filter(|change| change.key() == "AmdSevSnp") {
        draft.leave(change, "AMD SEV-SNP is chosen at launch alone", REPLACE);
    }
    for change in of_other_types(draft) {
        let instead = "put the instance type back, by hand where driftsentry cannot, or declare what is live";
        draft.leave(change, "the instance type decides it", instead);
    }
}

/// Changes of what the live type, or the declared one, does not have at all, and that no step takes along.
fn of_other_types<'a>(draft: &Draft<'a>) -> Vec<&'a Change> {
    let is_open = |change: &&Change| {
        let is_planned = draft.steps.iter().any(|step| step.restores.contains(&change.pointer));
        !is_planned && !draft.manual.iter().any(|fix| fix.pointer == change.pointer)
    };
    let names = [CREDIT_SPECIFICATION, "CpuOptions"];
    names.iter().flat_map(|name| draft.changes_of(name)).filter(is_open).collect()
}
