//! Security groups as they are read: change by change, and page by page.

use driftsentry::domain::id::{ResourceKey, Scope};
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Undeclared, changes_of};
use serde_json::json;

use crate::aws_pool::{ACCOUNT, Answer, Responder, caller, ec2_error, pool, scope, settings};
use crate::mutations_security_group::{create, mutations};
use crate::single_changes::{each_is_seen_alone, every_attribute_has_one, kind, read, request, whole_state};
use crate::support::{Proxy, World};

const KIND: &str = "SECURITY_GROUP";

#[tokio::test]
async fn each_change_of_a_group_is_seen_alone_and_goes_when_it_is_undone() {
    let world = World::new().await;
    let group = create(&world.aws("us-east-1").await).await;
    each_is_seen_alone(&world, KIND, &group, mutations()).await;
}

#[test]
fn the_table_of_changes_has_every_attribute_of_a_group() {
    every_attribute_has_one(KIND, &mutations());
}

#[tokio::test]
async fn rules_written_in_other_ways_are_no_drift() {
    let aws = World::new().await.aws("us-east-1").await;
    let group = create(&aws).await;
    let mut declared = ResourceState::new()
        .with(
            "IngressRules",
            json!({
                "TCP:443:10.9.8.7/8": {"Description": "from the office"},
                format!("6:8443-8443:{}/{group}", aws.account_id): {},
            }),
        )
        .with("EgressRules", json!({"-1:all:0.0.0.0/0": null}));
    let scope = Scope { account_id: aws.account_id.clone(), region: aws.region.clone(), resource_type: KIND.into() };
    assert_eq!(kind(KIND).check(&declared), []);
    kind(KIND).normalize_for(&ResourceKey { scope, resource_id: group.clone() }, &mut declared);
    let live = whole_state(KIND, &aws, &group).await;
    let live = live.restricted_to(&declared.names().map(str::to_owned).collect());
    assert_eq!(changes_of(kind(KIND), &declared, &live), []);
}

#[tokio::test]
async fn one_call_reads_few_declared_groups_and_none_is_made_for_nothing() {
    let world = World::new().await;
    let group = create(&world.aws("us-east-1").await).await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    proxy.reset_counts();
    let declared: &[(&str, &[&str])] = &[(&group, &["IngressRules"]), ("sg-gone", &["IngressRules"])];
    let lives = read(&aws, &request(KIND, &aws, declared, Undeclared::Skip)).await;
    let ids: Vec<_> = lives.into_iter().map(|live| live.unwrap().resource_id).collect();
    assert_eq!((ids, proxy.total()), (vec![group], 1));
    assert!(read(&aws, &request(KIND, &aws, &[], Undeclared::Skip)).await.is_empty());
    assert_eq!(proxy.total(), 1);
}

fn group(n: usize) -> String {
    format!(
        "<item><ownerId>{ACCOUNT}</ownerId><groupId>sg-{n}</groupId><groupName>g{n}</groupName>\
         <groupDescription>d</groupDescription><vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
         <fromPort>22</fromPort><toPort>22</toPort><groups>\
         <item><userId>{ACCOUNT}</userId><groupId>sg-{n}</groupId></item>\
         <item><userId>{ACCOUNT}</userId><groupId>sg-peer</groupId><vpcId>vpc-2</vpcId>\
         <vpcPeeringConnectionId>pcx-1</vpcPeeringConnectionId><peeringStatus>active</peeringStatus></item>\
         <item><userId>210987654321</userId><groupId>sg-far</groupId></item></groups>\
         <ipRanges><item><cidrIp>10.0.0.0/8</cidrIp><description>office</description></item></ipRanges>\
         <ipv6Ranges><item><cidrIpv6>2001:DB8::/32</cidrIpv6></item></ipv6Ranges>\
         <prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item></ipPermissions>\
         <ipPermissionsEgress/></item>"
    )
}

fn page(groups: impl Iterator<Item = usize>, token: &str) -> Answer {
    let groups: String = groups.map(group).collect();
    let token = if token.is_empty() { String::new() } else { format!("<nextToken>{token}</nextToken>") };
    Answer::Text(
        200,
        format!(
            "<DescribeSecurityGroupsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
             <securityGroupInfo>{groups}</securityGroupInfo>{token}</DescribeSecurityGroupsResponse>"
        ),
    )
}

async fn responder(second: Answer) -> Responder {
    Responder::start(move |text, _| match text {
        _ if text.contains("GetCallerIdentity") => Answer::Text(200, caller(ACCOUNT)),
        _ if text.contains("NextToken=two") => second.clone(),
        _ => page(0..1000, "two"),
    })
    .await
}

#[tokio::test]
async fn pages_are_followed_to_their_end() {
    let responder = responder(page(1000..1500, "")).await;
    let aws = pool(&settings(&responder.url)).aws(&scope()).await.unwrap();
    let lives = read(&aws, &request(KIND, &aws, &[], Undeclared::Read)).await;
    assert_eq!((lives.len(), aws.calls.get()), (1500, 2));
    assert!(responder.requests().iter().any(|seen| seen.text.contains("MaxResults=1000")));
    let state = &lives[7].as_ref().unwrap().state;
    assert_eq!(
        state.get("IngressRules"),
        Some(&json!({
            "tcp:22-22:10.0.0.0/8": {"Description": "office"},
            "tcp:22-22:2001:db8::/32": {"Description": ""},
            "tcp:22-22:210987654321/sg-far": {"Description": ""},
            "tcp:22-22:pl-1": {"Description": ""},
            "tcp:22-22:self": {"Description": ""},
            "tcp:22-22:sg-peer": {"Description": ""},
        }))
    );
}

#[tokio::test]
async fn a_page_that_fails_ends_the_listing_with_an_error_after_what_was_good() {
    let whole = page(1000..1500, "");
    let Answer::Text(_, text) = &whole else { panic!() };
    let half = Answer::Text(200, text[..text.len() / 2].to_owned());
    for second in [ec2_error(500, "InternalError"), half] {
        let responder = responder(second).await;
        let aws = pool(&settings(&responder.url)).aws(&scope()).await.unwrap();
        let mut lives = read(&aws, &request(KIND, &aws, &[], Undeclared::Read)).await;
        let error = lives.pop().unwrap().unwrap_err();
        assert_eq!(error.class, ErrorClass::Unavailable, "{error}");
        assert_eq!(lives.iter().filter(|live| live.is_ok()).count(), 1000);
    }
}
