//! What no call changes in a database that exists, and what people can do instead.

use serde_json::Value;

use super::draft::Draft;
use crate::resource::fix::Fixed;

const RESTORE: &str = "restore a snapshot of it into a database as declared, or declare what is live";
const ENCRYPT: &str = "copy a snapshot of it with the declared encryption and restore that, or declare what is live";
const ANEW: &str = "make a database as declared and move the data over, or declare what is live";

const FIXED: &[Fixed] = &[
    ("CharacterSetName", "the character set is fixed at creation", ANEW),
    ("DBClusterIdentifier", "a database stays in the cluster that it was made in", RESTORE),
    ("DBName", "the name of the first database is fixed at creation", ANEW),
    (
        "DBSubnetGroupName",
        "another subnet group is another VPC: security groups, routes and clients have to move with it",
        "move it by hand, with security groups of that VPC, or declare what is live",
    ),
    (
        "DomainMemberships",
        "to join or leave a directory takes rights in the directory",
        "modify the database's domain by hand, or declare what is live",
    ),
    ("Engine", "a database keeps its engine", ANEW),
    ("KmsKeyId", "storage keeps the key that it was encrypted with", ENCRYPT),
    (
        "ManageMasterUserPassword",
        "it gives the master user another password, which driftsentry never does",
        "change it by hand when those who log in with the present password are ready, or declare what is live",
    ),
    ("MasterUsername", "the master user's name is fixed at creation", RESTORE),
    ("StorageEncrypted", "storage keeps the encryption that it was made with", ENCRYPT),
    ("Timezone", "the time zone is fixed at creation", ANEW),
];

/// Attributes of a cluster's member that the cluster decides.
const OF_CLUSTER: &[&str] = &[
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "DeletionProtection",
    "EnabledCloudwatchLogsExports",
    "EngineVersion",
    "IAMDatabaseAuthenticationEnabled",
    "Iops",
    "MaxAllocatedStorage",
    "MultiAZ",
    "NetworkType",
    "OptionGroupName",
    "Port",
    "PreferredBackupWindow",
    "StorageThroughput",
    "StorageType",
    "VpcSecurityGroups",
];

pub(super) fn plan(draft: &mut Draft<'_>) {
    for (name, reason, instead) in FIXED {
        for change in draft.changes_of(name) {
            draft.leave(change, reason, instead);
        }
    }
}

/// Leaves to people what only a change of the cluster would put back.
pub(super) fn leave_to_cluster(draft: &mut Draft<'_>) {
    let Some(Value::String(cluster)) = draft.live("DBClusterIdentifier") else { return };
    let instead = format!("modify the cluster {cluster} by hand, or declare what is live");
    for change in draft.open().into_iter().filter(|it| OF_CLUSTER.contains(&it.attribute().as_str())) {
        draft.leave(change, "the cluster that it is a member of decides it", &instead);
    }
}
