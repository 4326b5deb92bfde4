//! Roles as they are read: against the emulator change by change, and against pages of the shape that AWS sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftsentry::domain::id::{AccountId, Region, Scope};
use driftsentry::domain::state::ResourceState;
use driftsentry::resource::aws::ErrorClass;
use driftsentry::resource::{Aws, Live, ReadError, ReadRequest, ResourceType, Undeclared, changes_of, find};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::aws_pool::{ACCOUNT, Answer, Responder, caller, pool, settings};
use crate::mutation::How;
use crate::mutations_iam_role::{create, mutations};
use crate::support::World;

fn kind() -> &'static dyn ResourceType {
    find("IAM_ROLE").expect("the type is listed")
}

fn request(account: &AccountId, declared: &[(&str, &[&str])], undeclared: Undeclared) -> ReadRequest {
    let names = |names: &[&str]| Arc::new(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    let scope =
        Scope { account_id: account.clone(), region: Region::global(), resource_type: kind().name().to_owned() };
    ReadRequest {
        scope,
        declared: declared.iter().map(|(id, attributes)| ((*id).to_owned(), names(attributes))).collect(),
        region_open: BTreeSet::new(),
        is_home: true,
        regions: vec![Region::from("us-east-1")],
        undeclared,
    }
}

async fn read(aws: &Aws, request: &ReadRequest) -> Vec<Result<Live, ReadError>> {
    kind().read(aws, request).collect().await
}

async fn state_of(aws: &Aws, role: &str) -> ResourceState {
    let all = request(&aws.account_id, &[], Undeclared::Read);
    let found = read(aws, &all).await.into_iter().map(|live| live.expect("read the roles"));
    let live = found.into_iter().find(|live| live.resource_id == role).expect("the role is there");
    assert_eq!(live.unknown, BTreeMap::new());
    live.state
}

#[tokio::test]
async fn each_change_of_a_role_is_one_change_of_the_right_severity_and_goes_when_it_is_undone() {
    let aws = World::new().await.aws("global").await;
    let role = create(&aws).await;
    let baseline = state_of(&aws, &role).await;
    let mut normalized = baseline.clone();
    kind().normalize(&mut normalized);
    assert_eq!(normalized.to_value(), baseline.to_value(), "what is read is canonical");
    assert_eq!(kind().check(&baseline), [], "what is read can be declared");
    for mutation in mutations() {
        let How::Api { apply, undo } = &mutation.how else { continue };
        apply(&aws, &role).await;
        let changes = changes_of(kind(), &baseline, &state_of(&aws, &role).await);
        let [change] = changes.as_slice() else { panic!("{}: {changes:?}", mutation.pointer) };
        assert_eq!(
            (&change.pointer, &change.from, &change.to, kind().severity(change)),
            (&mutation.pointer, &mutation.from, &mutation.to, mutation.severity)
        );
        undo(&aws, &role).await;
        assert_eq!(state_of(&aws, &role).await.to_value(), baseline.to_value(), "{} undone", mutation.pointer);
    }
}

#[tokio::test]
async fn the_table_of_changes_has_every_attribute() {
    let changed: BTreeSet<&str> = mutations().iter().map(|mutation| mutation.attribute).collect();
    assert_eq!(changed, kind().attributes().iter().map(|attribute| attribute.name).collect());
}

const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
    %22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

/// A page of AWS's shape: `members` in a list, and whether more follow.
fn page(operation: &str, list: &str, members: &str, marker: Option<&str>) -> Answer {
    let more = match marker {
        Some("") => "<IsTruncated>true</IsTruncated>".to_owned(),
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Answer::Text(
        200,
        format!(
            "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{operation}Result>{more}\
             <{list}>{members}</{list}></{operation}Result><ResponseMetadata><RequestId>r</RequestId>\
             </ResponseMetadata></{operation}Response>"
        ),
    )
}

fn detail(name: &str, trust: &str) -> String {
    format!(
        "<member><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA{name}</RoleId>\
         <Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument><InstanceProfileList/>\
         <RolePolicyList><member><PolicyName>p</PolicyName><PolicyDocument>{TRUST}</PolicyDocument></member>\
         </RolePolicyList><AttachedManagedPolicies/><Tags><member><Key>k</Key><Value>v</Value></member>\
         <member><Key>aws:cloudformation:stack-name</Key><Value>s</Value></member></Tags><RoleLastUsed/></member>"
    )
}

fn listed(name: &str) -> String {
    format!(
        "<member><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA{name}</RoleId>\
         <Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{TRUST}</AssumeRolePolicyDocument><Description>About {name}</Description>\
         <MaxSessionDuration>7200</MaxSessionDuration></member>"
    )
}

/// An account of `count` roles that gives a hundred of them a page.
fn account(text: &str, count: usize) -> Answer {
    let start: usize = text.split("Marker=m").nth(1).map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap());
    let names = (start..count.min(start + 100)).map(|n| format!("role-{n}"));
    let marker = (start + 100 < count).then(|| format!("m{}", start + 100));
    match text {
        _ if text.contains("Action=GetCallerIdentity") => Answer::Text(200, caller(ACCOUNT)),
        _ if text.contains("Action=ListRoles") => {
            page("ListRoles", "Roles", &names.map(|name| listed(&name)).collect::<String>(), marker.as_deref())
        }
        _ => {
            let members: String = names.map(|name| detail(&name, TRUST)).collect();
            page("GetAccountAuthorizationDetails", "RoleDetailList", &members, marker.as_deref())
        }
    }
}

fn denied() -> Answer {
    Answer::Text(
        403,
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
         <Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            .to_owned(),
    )
}

struct Account {
    responder: Responder,
    aws: Aws,
}

impl Account {
    /// `answer` answers IAM's requests; `None` leaves it to [`account`] with 250 roles.
    async fn new(answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let responder = Responder::start(move |text, _| answer(text).unwrap_or_else(|| account(text, 250))).await;
        let scope = Scope { account_id: ACCOUNT.into(), region: Region::global(), resource_type: "IAM_ROLE".into() };
        let aws = pool(&settings(&responder.url)).aws(&scope).await.expect("clients");
        Self { responder, aws }
    }

    async fn read(&self, declared: &[(&str, &[&str])], undeclared: Undeclared) -> Vec<Result<Live, ReadError>> {
        read(&self.aws, &request(&self.aws.account_id, declared, undeclared)).await
    }

    fn calls(&self, action: &str) -> usize {
        self.responder.requests().iter().filter(|seen| seen.text.contains(&format!("Action={action}&"))).count()
    }
}

#[tokio::test]
async fn short_pages_are_followed_to_the_end_in_as_many_calls_as_there_are_pages() {
    let account = Account::new(|_| None).await;
    let roles: Vec<Live> = account.read(&[], Undeclared::Read).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(roles.len(), 250);
    assert_eq!((account.calls("GetAccountAuthorizationDetails"), account.calls("ListRoles")), (3, 3));
    let last = roles.iter().find(|live| live.resource_id == "role-249").unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com"]}}]});
    assert_eq!(
        last.state.to_value(),
        json!({
            "AssumeRolePolicyDocument": policy, "AttachedPolicies": {}, "Description": "About role-249",
            "InlinePolicies": {"p": policy}, "MaxSessionDuration": 7200, "Path": "/", "PermissionsBoundary": null,
            "Tags": {"k": "v"},
        })
    );
}

#[tokio::test]
async fn only_declared_roles_are_yielded_and_only_needed_calls_are_made() {
    let account = Account::new(|_| None).await;
    assert!(account.read(&[], Undeclared::Skip).await.is_empty());
    assert_eq!(account.aws.calls.get(), 0, "nothing is declared, so nothing is asked");
    let roles = account.read(&[("role-7", &["Tags"]), ("gone", &["Tags"])], Undeclared::Skip).await;
    assert_eq!(roles.len(), 1);
    assert_eq!((account.calls("GetAccountAuthorizationDetails"), account.calls("ListRoles")), (3, 0));
    let live = roles.into_iter().next().unwrap().unwrap();
    assert_eq!((live.resource_id.as_str(), live.state.get("Description")), ("role-7", None));
    account.read(&[("role-7", &["Description"])], Undeclared::Skip).await;
    assert_eq!(account.calls("ListRoles"), 3);
}

#[tokio::test]
async fn what_a_denied_list_roles_would_have_told_is_unknown_and_the_rest_is_compared() {
    let account = Account::new(|text| text.contains("Action=ListRoles").then(denied)).await;
    let declared: &[(&str, &[&str])] = &[("role-1", &["Description", "Tags"]), ("role-2", &["Tags"])];
    let roles: Vec<Live> = account.read(declared, Undeclared::Skip).await.into_iter().map(Result::unwrap).collect();
    let unknown: Vec<Vec<&str>> = roles.iter().map(|live| live.unknown.keys().map(String::as_str).collect()).collect();
    assert_eq!(unknown, [vec!["Description"], vec![]]);
    assert!(roles[0].unknown["Description"].contains("iam:ListRoles"), "{:?}", roles[0].unknown);
    assert!(roles.iter().all(|live| live.state.get("Tags") == Some(&json!({"k": "v"}))));
}

#[tokio::test]
async fn half_a_listing_is_an_error_and_never_a_shorter_one() {
    let second_page_fails = |text: &str| text.contains("Marker=m100").then(denied);
    let cut_short = |text: &str| {
        let first = detail("role-0", TRUST);
        text.contains("Details").then(|| page("GetAccountAuthorizationDetails", "RoleDetailList", &first, Some("")))
    };
    let in_a_circle = |text: &str| {
        let first = detail("role-0", TRUST);
        text.contains("Details").then(|| page("GetAccountAuthorizationDetails", "RoleDetailList", &first, Some("x")))
    };
    let declared: &[(&str, &[&str])] = &[("role-0", &["Tags"]), ("role-200", &["Tags"])];
    for (account, class) in [
        (Account::new(second_page_fails).await, ErrorClass::Denied),
        (Account::new(cut_short).await, ErrorClass::Other),
        (Account::new(in_a_circle).await, ErrorClass::Other),
    ] {
        let outcome = account.read(declared, Undeclared::Skip).await;
        let error = outcome.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(outcome.len() < 4, "the stream ends with its error");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_unknown() {
    let account = Account::new(|text| {
        let members = detail("role-0", "%7Bnonsense");
        text.contains("Details").then(|| page("GetAccountAuthorizationDetails", "RoleDetailList", &members, None))
    })
    .await;
    let declared: &[(&str, &[&str])] = &[("role-0", &["AssumeRolePolicyDocument", "Tags"])];
    let live = account.read(declared, Undeclared::Skip).await.remove(0).unwrap();
    assert_eq!(live.unknown.keys().collect::<Vec<_>>(), ["AssumeRolePolicyDocument"]);
    assert_eq!(live.state.get("AssumeRolePolicyDocument"), None::<&Value>);
}
