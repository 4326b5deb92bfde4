//! An estate made from a state is as the state says.

use super::stage::{OURS, Stage, of_others, ours};

/// States that other projects test with, and how many resources are judged. Two of them hold only parts of roles that
/// are declared elsewhere.
const OTHERS: &[(&str, usize)] = &[
    ("driftctl-db-instance", 1),
    ("driftctl-ec2-instance", 1),
    ("driftctl-iam-attachment", 0),
    ("driftctl-iam-role-multiple", 3),
    ("driftctl-iam-role-policy", 0),
    ("driftctl-s3-full", 3),
    ("driftctl-s3-public-access-block", 1),
    ("inframap-canonicals", 91),
    ("inframap-pruned", 6),
];

#[tokio::test]
async fn states_of_providers_3_to_6_show_no_drift() {
    for name in OURS {
        let stage = Stage::of(&ours(name)).await;
        let seen = stage.look().await;
        assert_eq!(seen.changes(), Vec::<String>::new(), "{name}");
        assert_eq!(seen.errors, Vec::<String>::new(), "{name}");
        let judged = stage.applied.estate.resources.len();
        assert_eq!((seen.judged, seen.declared), (judged, judged), "{name}: everything that AWS holds is judged");
        assert!(seen.judged >= 6, "{name}: {} resources", seen.judged);
    }
}

#[tokio::test]
async fn states_that_other_projects_test_with_show_no_drift() {
    for (name, state) in of_others() {
        let seen = Stage::of(&state).await.look().await;
        assert_eq!(seen.changes(), Vec::<String>::new(), "{name}");
        let judged = OTHERS.iter().find(|(known, _)| *known == name).map(|(_, judged)| *judged);
        assert_eq!((Some(seen.judged), &seen.errors), (judged, &Vec::new()), "{name}");
    }
}
