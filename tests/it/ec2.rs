//! Instances as they are read: change by change, page by page, and with parts that cannot be read.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{AttributeValue, InstanceAttributeName};
use driftsentry::domain::severity::Severity;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Live, ReadError, Undeclared, changes_of};
use serde_json::json;

use crate::aws_pool::{ACCOUNT, Answer, Responder, caller, ec2_error, pool, scope, settings};
use crate::mutations_ec2::{create, mutations};
use crate::single_changes::{each_is_seen_alone, every_attribute_has_one, kind, read, request, whole_state};
use crate::support::{Effect, Proxy, Rule, World};

const KIND: &str = "EC2";

#[tokio::test]
async fn each_change_of_an_instance_is_seen_alone_and_goes_when_it_is_undone() {
    let world = World::new().await;
    let id = create(&world.aws("us-east-1").await).await;
    each_is_seen_alone(&world, KIND, &id, mutations()).await;
}

#[test]
fn the_table_of_changes_has_every_attribute_of_an_instance() {
    every_attribute_has_one(KIND, &mutations());
}

#[tokio::test]
async fn another_security_group_is_critical() {
    let aws = World::new().await.aws("us-east-1").await;
    let id = create(&aws).await;
    let before = whole_state(KIND, &aws, &id).await;
    let vpc = before.get("VpcId").and_then(|vpc| vpc.as_str()).unwrap();
    let open = aws.ec2.create_security_group().group_name("open").description("open").vpc_id(vpc);
    let open = open.send().await.unwrap().group_id.unwrap();
    let mut groups: Vec<String> = before.get("SecurityGroups").unwrap().as_object().unwrap().keys().cloned().collect();
    groups.push(open.clone());
    aws.ec2.modify_instance_attribute().instance_id(&id).set_groups(Some(groups)).send().await.unwrap();
    let changes = changes_of(kind(KIND), &before, &whole_state(KIND, &aws, &id).await);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.pointer, format!("/SecurityGroups/{open}"));
    assert_eq!(kind(KIND).severity(change), Severity::Critical);
}

#[tokio::test]
async fn a_terminated_instance_is_gone() {
    let aws = World::new().await.aws("us-east-1").await;
    let id = create(&aws).await;
    let off = InstanceAttributeName::DisableApiTermination;
    aws.ec2.modify_instance_attribute().instance_id(&id).attribute(off).value("false").send().await.unwrap();
    aws.ec2.terminate_instances().instance_ids(&id).send().await.unwrap();
    let lives = read(&aws, &request(KIND, &aws, &[(&id, &["Tags"])], Undeclared::Read)).await;
    assert_eq!(lives.len(), 0);
}

#[tokio::test]
async fn only_what_is_declared_is_asked_for() {
    let world = World::new().await;
    let id = create(&world.aws("us-east-1").await).await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let calls = async |attributes: &[&str]| {
        proxy.reset_counts();
        let lives = read(&aws, &request(KIND, &aws, &[(&id, attributes)], Undeclared::Skip)).await;
        assert_eq!(lives.len(), 1);
        let counts = proxy.counts();
        counts.into_iter().filter(|(operation, _)| operation.starts_with("Describe")).collect::<BTreeMap<_, _>>()
    };
    let counted = |counts: &[(&str, usize)]| {
        counts.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(calls(&["InstanceType", "Tags"]).await, counted(&[("DescribeInstances", 1)]));
    assert_eq!(
        calls(&["BlockDevices", "CreditSpecification", "UserDataSha256"]).await,
        counted(&[
            ("DescribeInstanceAttribute", 1),
            ("DescribeInstanceCreditSpecifications", 1),
            ("DescribeInstances", 1),
            ("DescribeVolumes", 1),
        ])
    );
    proxy.reset_counts();
    assert!(read(&aws, &request(KIND, &aws, &[], Undeclared::Skip)).await.is_empty());
    assert_eq!(proxy.total(), 0);
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_the_rest_is_there() {
    let world = World::new().await;
    let id = create(&world.aws("us-east-1").await).await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    for operation in ["DescribeVolumes", "DescribeInstanceCreditSpecifications", "DescribeInstanceAttribute"] {
        proxy.add(Rule::on(operation, Effect::Denied));
    }
    let lives = read(&aws, &request(KIND, &aws, &[], Undeclared::ReadDeep)).await;
    let live = lives.into_iter().next().unwrap().unwrap();
    assert_eq!(live.resource_id, id);
    let unknown: Vec<_> = live.unknown.keys().map(String::as_str).collect();
    assert_eq!(
        unknown,
        [
            "BlockDevices",
            "CreditSpecification",
            "DisableApiStop",
            "DisableApiTermination",
            "InstanceInitiatedShutdownBehavior",
            "UserDataSha256"
        ]
    );
    assert!(live.unknown["BlockDevices"].contains("allow ec2:DescribeVolumes"), "{}", live.unknown["BlockDevices"]);
    assert_eq!(live.state.get("InstanceType"), Some(&json!("t3.medium")));
    assert!(unknown.iter().all(|name| live.state.get(name).is_none()));
}

#[tokio::test]
async fn a_denied_listing_is_an_error_and_never_an_empty_account() {
    let world = World::new().await;
    create(&world.aws("us-east-1").await).await;
    let proxy = Proxy::before(&world).await;
    proxy.add(Rule::on("DescribeInstances", Effect::Denied));
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let mut lives = read(&aws, &request(KIND, &aws, &[], Undeclared::Read)).await;
    let error = lives.pop().unwrap().unwrap_err();
    assert_eq!((error.class, lives.len()), (ErrorClass::Denied, 0));
}

fn instance(n: usize) -> String {
    format!(
        "<item><reservationId>r-{n}</reservationId><instancesSet><item><instanceId>i-{n}</instanceId>\
         <imageId>ami-1</imageId><instanceState><code>16</code><name>running</name></instanceState>\
         <instanceType>m5.large</instanceType><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs>\
         <volumeId>vol-{n}</volumeId><status>attached</status><deleteOnTermination>true</deleteOnTermination></ebs>\
         </item></blockDeviceMapping><platformDetails>Red Hat Enterprise Linux</platformDetails></item></instancesSet>\
         </item>"
    )
}

fn volume(n: usize) -> String {
    format!(
        "<item><volumeId>vol-{n}</volumeId><size>8</size><volumeType>gp3</volumeType><iops>3000</iops>\
         <throughput>125</throughput><encrypted>false</encrypted><attachmentSet><item><volumeId>vol-{n}</volumeId>\
         <instanceId>i-{n}</instanceId><device>/dev/xvda</device><status>attached</status></item></attachmentSet></item>"
    )
}

fn page(operation: &str, set: &str, items: &str, token: Option<&str>) -> Answer {
    let token = token.map_or_else(String::new, |token| format!("<nextToken>{token}</nextToken>"));
    Answer::Text(
        200,
        format!(
            "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
             <{set}>{items}</{set}>{token}</{operation}Response>"
        ),
    )
}

/// An account of `count` instances with a volume each, a thousand a page; `spoil` may answer otherwise.
async fn account(count: usize, spoil: fn(&str) -> Option<Answer>) -> Responder {
    Responder::start(move |text, _| {
        if let Some(answer) = spoil(text) {
            return answer;
        }
        let start = text.split("NextToken=p").nth(1).map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap());
        let range = start..count.min(start + 1000);
        let token = (start + 1000 < count).then(|| format!("p{}", start + 1000));
        match text {
            _ if text.contains("GetCallerIdentity") => Answer::Text(200, caller(ACCOUNT)),
            _ if text.contains("Action=DescribeVolumes") => {
                page("DescribeVolumes", "volumeSet", &range.map(volume).collect::<String>(), token.as_deref())
            }
            _ if text.contains("Action=DescribeInstances&") => {
                page("DescribeInstances", "reservationSet", &range.map(instance).collect::<String>(), token.as_deref())
            }
            _ => page("DescribeInstanceCreditSpecifications", "instanceCreditSpecificationSet", "", None),
        }
    })
    .await
}

/// Reads `declared` instances of the account with their volumes and credits; also tells the calls.
async fn read_account(responder: &Responder, declared: usize) -> (Vec<Result<Live, ReadError>>, u64) {
    let aws = pool(&settings(&responder.url)).aws(&scope()).await.unwrap();
    let ids: Vec<String> = (0..declared).map(|n| format!("i-{n}")).collect();
    let attributes: &[&str] = &["InstanceType", "BlockDevices", "CreditSpecification"];
    let declared: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), attributes)).collect();
    let lives = read(&aws, &request(KIND, &aws, &declared, Undeclared::Skip)).await;
    (lives, aws.calls.get())
}

#[tokio::test]
async fn the_calls_stay_within_three_a_thousand_instances_and_two() {
    for (count, most) in [(150, 5), (1000, 5), (2500, 11)] {
        let responder = account(count, |_| None).await;
        let (lives, calls) = read_account(&responder, count).await;
        assert_eq!(lives.iter().filter(|live| live.as_ref().is_ok_and(|live| live.unknown.is_empty())).count(), count);
        assert!(calls <= most, "{calls} calls for {count} instances");
        let state = &lives[100].as_ref().unwrap().state;
        assert_eq!(state.get("BlockDevices").unwrap()["/dev/xvda"]["Size"], json!(8));
        assert_eq!(state.get("PlatformDetails"), Some(&json!("Red Hat Enterprise Linux")));
    }
}

#[tokio::test]
async fn a_page_of_instances_that_fails_ends_the_listing_with_an_error_after_what_was_good() {
    let spoil = |text: &str| {
        (text.contains("Action=DescribeInstances&") && text.contains("NextToken")).then(|| ec2_error(500, "Internal"))
    };
    let (mut lives, _) = read_account(&account(1500, spoil).await, 1500).await;
    assert_eq!(lives.pop().unwrap().unwrap_err().class, ErrorClass::Unavailable);
    assert_eq!(lives.iter().filter(|live| live.is_ok()).count(), 1000);
}

#[tokio::test]
async fn a_page_of_volumes_that_fails_leaves_volumes_unknown() {
    let spoil = |text: &str| {
        (text.contains("Action=DescribeVolumes") && text.contains("NextToken")).then(|| ec2_error(500, "Internal"))
    };
    let (lives, _) = read_account(&account(1500, spoil).await, 1500).await;
    assert_eq!(lives.len(), 1500);
    for live in lives {
        let live = live.unwrap();
        assert!(live.unknown.contains_key("BlockDevices") && live.state.get("BlockDevices").is_none());
    }
}

#[tokio::test]
async fn a_volume_attached_during_the_read_is_unknown_and_no_drift() {
    let spoil = |text: &str| {
        text.contains("Action=DescribeVolumes").then(|| page("DescribeVolumes", "volumeSet", &volume(0), None))
    };
    let (lives, _) = read_account(&account(2, spoil).await, 2).await;
    let unknown: Vec<bool> = lives.iter().map(|live| !live.as_ref().unwrap().unknown.is_empty()).collect();
    assert_eq!(unknown, [false, true]);
}
