//! `drifts plan`: what would be done to put a drift back, call by call, and what speaks against it.

use super::drifts::ShowArgs;
use super::{Format, output};
use crate::app::App;
use crate::domain::approval::short;
use crate::domain::words::clean;
use crate::remediate::guard::Objection;
use crate::remediate::{Held, Permission, Planned, PlannedStep};
use crate::resource::fix::Disruption;
use crate::store::{self, Store};

/// Reads AWS, changes nothing, and prints.
pub(super) async fn plan(app: &App, store: &Store, args: &ShowArgs) -> anyhow::Result<()> {
    app.use_database(store);
    let drift = store::drift::find(&mut *store.conn().await?, args.id()).await?;
    let planned = app.remediator.plan(store, drift).await?;
    if args.format() == Format::Json {
        let mut value = serde_json::to_value(&planned)?;
        value["drift_id"] = serde_json::to_value(planned.drift.id)?;
        value["possible"] = planned.is_possible().into();
        return output::json(&value);
    }
    print(&planned)?;
    Ok(())
}

fn print(planned: &Planned) -> std::io::Result<()> {
    output::line(format_args!("{}: drift {}, {}", planned.drift.key, planned.drift.id, planned.drift.status))?;
    if planned.changes.is_empty() {
        return output::line("Live is as declared now: there is nothing to put back.");
    }
    for change in &planned.unseen {
        output::line(format_args!("Not seen by a scan yet: {}", clean(&change.pointer)))?;
    }
    for (number, step) in planned.steps.iter().enumerate() {
        print_step(number + 1, step)?;
    }
    if planned.steps.is_empty() {
        output::line("\nNo call puts any of it back.")?;
    }
    print_manual(planned)?;
    objections("\nWhat speaks against it:", &planned.objections)?;
    permissions(&planned.permissions)?;
    let (id, seen) = (planned.drift.id, short(&planned.seen));
    output::line(if planned.is_possible() {
        "\nNothing forbids it."
    } else {
        "\nIt would not be carried out as it stands."
    })?;
    output::line(format_args!("To approve exactly this: driftsentry drifts approve {id} --seen {seen} --reason \"…\""))
}

fn print_step(number: usize, planned: &PlannedStep) -> std::io::Result<()> {
    let step = &planned.step;
    output::line(format_args!("\n{number}. {}:{}: {}", step.service, step.operation, clean(&step.summary)))?;
    let parameters = clean(&step.parameters.to_string());
    output::line(format_args!("   parameters  {parameters}"))?;
    let restores = if step.restores.is_empty() { "nothing by itself".to_owned() } else { step.restores.join(", ") };
    output::line(format_args!("   restores    {}", clean(&restores)))?;
    let felt = match step.disruption {
        Disruption::None => "none",
        Disruption::Degraded => "slower for a while",
        Disruption::Restart => "a restart or failover",
        Disruption::StopStart => "a stop and a start",
    };
    output::line(format_args!("   disruption  {felt}"))?;
    if step.loosens {
        output::line("   loosens     it lets somebody do more than now")?;
    }
    for objection in &planned.objections {
        output::line(format_args!("   {}   {}", forbidden(objection), clean(&objection.to_string())))?;
    }
    Ok(())
}

fn forbidden(objection: &Objection) -> &'static str {
    if objection.waits { "waits    " } else { "forbidden" }
}

fn print_manual(planned: &Planned) -> std::io::Result<()> {
    if planned.manual.is_empty() {
        return Ok(());
    }
    output::line("\nBy hand:")?;
    for part in &planned.manual {
        let pointer = if part.pointer.is_empty() { "the resource" } else { &part.pointer };
        output::line(format_args!("  {}: {}; {}", clean(pointer), clean(&part.reason), clean(&part.instead)))?;
    }
    match &planned.terraform {
        Some(command) => output::line(format_args!("  {}", clean(command))),
        None => Ok(()),
    }
}

fn objections(title: &str, objections: &[Objection]) -> std::io::Result<()> {
    if objections.is_empty() {
        return Ok(());
    }
    output::line(title)?;
    for objection in objections {
        output::line(format_args!("  {} {}", forbidden(objection), clean(&objection.to_string())))?;
    }
    Ok(())
}

fn permissions(permissions: &[Permission]) -> std::io::Result<()> {
    if permissions.is_empty() {
        return Ok(());
    }
    output::line("\nIAM actions that it needs:")?;
    for permission in permissions {
        let held = match &permission.held {
            Held::Yes => "held".to_owned(),
            Held::No => "NOT held: `driftsentry iam-policy remediate` prints the policy".to_owned(),
            Held::NotKnown(why) => format!("not known whether held: {why}"),
        };
        output::line(format_args!("  {}: {}", permission.action, clean(&held)))?;
    }
    Ok(())
}
