//! The attributes that one parameter each puts back: which, what the workload feels, and whether it loosens.
//!
//! It loosens to lose deletion protection or days of backups, to become reachable in another way (a public address,
//! IPv6), and to let IAM identities log in or no longer do: the one lets more in, the other leaves passwords alone as the
//! guard. A parameter or option group counts as loosening because what is in it (whether TLS is forced, what is
//! audited) the database does not tell.

use serde_json::Value;

use super::parameters::Modify;
use crate::domain::diff::Change;
use crate::resource::fix::Disruption::{self, Degraded, None as Nothing, Restart};

/// How one attribute is put back.
pub(super) struct Rule {
    pub(super) attribute: &'static str,
    set: Set,
    disruption: Disruption,
    loosens: fn(&Change) -> bool,
}

/// Puts the declared value into the parameters.
enum Set {
    Text(fn(&mut Modify, String)),
    Flag(fn(&mut Modify, bool)),
    Figure(fn(&mut Modify, i32)),
}

impl Rule {
    /// Puts the declared value of `change` into the parameters; whether there is one that can be sent.
    pub(super) fn set(&self, modify: &mut Modify, change: &Change) -> bool {
        let value = change.from.as_ref();
        let done = match self.set {
            Set::Text(set) => value.and_then(Value::as_str).map(|text| set(modify, text.to_owned())),
            Set::Flag(set) => value.and_then(Value::as_bool).map(|flag| set(modify, flag)),
            Set::Figure(set) => figure(value).map(|figure| set(modify, figure)),
        };
        done.is_some()
    }

    pub(super) fn disruption(&self, change: &Change) -> Disruption {
        // Backups that begin or end may take the database out for a moment.
        let is_switched = figure(change.from.as_ref()) == Some(0) || figure(change.to.as_ref()) == Some(0);
        if self.attribute == "BackupRetentionPeriod" && is_switched { Restart } else { self.disruption }
    }

    pub(super) fn loosens(&self, change: &Change) -> bool {
        (self.loosens)(change)
    }
}

/// A whole number as the SDK takes it.
pub(super) fn figure(value: Option<&Value>) -> Option<i32> {
    value.and_then(Value::as_i64).and_then(|figure| i32::try_from(figure).ok())
}

/// The rule for an attribute.
pub(super) fn rule(attribute: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.attribute == attribute)
}

const RULES: &[Rule] = &[
    flag("AutoMinorVersionUpgrade", Nothing, |m, v| m.auto_minor_version_upgrade = Some(v)),
    figured("BackupRetentionPeriod", Nothing, |m, v| m.backup_retention_period = Some(v)).loosening(is_lowered),
    // AWS restarts the database to use another certificate.
    text("CACertificateIdentifier", Restart, |m, v| m.ca_certificate_identifier = Some(v)),
    flag("CopyTagsToSnapshot", Nothing, |m, v| m.copy_tags_to_snapshot = Some(v)),
    text("DBInstanceClass", Restart, |m, v| m.db_instance_class = Some(v)),
    // The group changes at once; what is in it takes effect at a reboot, which is nobody's doing here.
    text("DBParameterGroupName", Nothing, |m, v| m.db_parameter_group_name = Some(v)).loosening(always),
    flag("DedicatedLogVolume", Restart, |m, v| m.dedicated_log_volume = Some(v)),
    flag("DeletionProtection", Nothing, |m, v| m.deletion_protection = Some(v)).loosening(is_turned_off),
    text("EngineLifecycleSupport", Nothing, |m, v| m.engine_lifecycle_support = Some(v)),
    flag("IAMDatabaseAuthenticationEnabled", Nothing, |m, v| m.enable_iam_database_authentication = Some(v))
        .loosening(always),
    text("LicenseModel", Restart, |m, v| m.license_model = Some(v)),
    flag("MultiAZ", Degraded, |m, v| m.multi_az = Some(v)),
    text("NetworkType", Restart, |m, v| m.network_type = Some(v)).loosening(is_dual),
    text("OptionGroupName", Nothing, |m, v| m.option_group_name = Some(v)).loosening(always),
    figured("Port", Restart, |m, v| m.db_port_number = Some(v)),
    text("PreferredBackupWindow", Nothing, |m, v| m.preferred_backup_window = Some(v)),
    text("PreferredMaintenanceWindow", Nothing, |m, v| m.preferred_maintenance_window = Some(v)),
    flag("PubliclyAccessible", Nothing, |m, v| m.publicly_accessible = Some(v)).loosening(is_turned_on),
];

const fn text(attribute: &'static str, disruption: Disruption, set: fn(&mut Modify, String)) -> Rule {
    Rule { attribute, set: Set::Text(set), disruption, loosens: never }
}

const fn flag(attribute: &'static str, disruption: Disruption, set: fn(&mut Modify, bool)) -> Rule {
    Rule { attribute, set: Set::Flag(set), disruption, loosens: never }
}

const fn figured(attribute: &'static str, disruption: Disruption, set: fn(&mut Modify, i32)) -> Rule {
    Rule { attribute, set: Set::Figure(set), disruption, loosens: never }
}

impl Rule {
    const fn loosening(mut self, loosens: fn(&Change) -> bool) -> Self {
        self.loosens = loosens;
        self
    }
}

fn never(_: &Change) -> bool {
    false
}

fn always(_: &Change) -> bool {
    true
}

fn is_turned_on(change: &Change) -> bool {
    change.from == Some(Value::Bool(true))
}

fn is_turned_off(change: &Change) -> bool {
    change.from == Some(Value::Bool(false))
}

fn is_lowered(change: &Change) -> bool {
    figure(change.from.as_ref()) < figure(change.to.as_ref())
}

fn is_dual(change: &Change) -> bool {
    change.from_str() == Some("DUAL")
}
